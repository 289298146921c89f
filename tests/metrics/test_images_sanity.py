"""Every score of images under spoiled data: what each must see, and what some cannot."""

import re
from functools import cache

import numpy as np
import pytest

from metrics.sanity_images import garments, spoiled, table
from metrics.sanity_series import Table, deviations, markdown

FAR, NEAR = 4.0, 3.0  # deviations of the floor, over seeds: what counts as seen, and as not seen

SEEN = {  # + above, − below what real data score
    "FD-lite0": "+noisy +blurred +five classes +repeated",
    "FD-lite0 ∞": "+noisy +blurred +five classes +repeated",
    "KID-lite0": "+noisy +blurred +five classes",
    "precision": "-noisy",
    "recall": "-five classes -repeated",
    "coverage": "-noisy -five classes -repeated",
    "Vendi": "-five classes -repeated",
    "NDB": "+five classes +repeated",
    "copied": "+memorized",
    "authentic": "-memorized",
    "copying C_T": "-memorized",
    "spectrum": "+noisy +blurred",
    "fine detail": "+noisy -blurred",
    "gray levels": "+blurred",
}
UNSEEN = {  # copies of training data are real data to all scores but those made for them
    "FD-lite0": "memorized",
    "KID-lite0": "memorized",
    "precision": "five classes, memorized",
    "recall": "memorized",
    "coverage": "memorized",
    "copied": "five classes, blurred",
    "spectrum": "memorized",
}


@cache
def found() -> Table:
    return table(250, range(4))


@pytest.mark.parametrize("score", SEEN)
def test_scores_see_what_they_claim(score: str) -> None:
    above = deviations(found())
    for sign, way in re.findall(r"([+-])([a-z ]+?)(?= [+-]|$)", SEEN[score]):
        value = above[way][score] if sign == "+" else -above[way][score]
        assert value > FAR, f"{score} does not see {way}\n{markdown(found())}"


@pytest.mark.parametrize("score", UNSEEN)
def test_scores_do_not_see_what_they_say_they_cannot(score: str) -> None:
    above = deviations(found())
    for way in UNSEEN[score].split(", "):
        assert abs(above[way][score]) < NEAR, f"{score} sees {way}\n{markdown(found())}"


def test_spoiled_garments_are_what_they_are_called() -> None:
    _, other, few, train = garments(100, 0)
    ways = spoiled(other, few, train, np.random.default_rng(0))
    assert {x.shape for x in ways.values()} == {(100, 28, 28, 1)}
    assert abs((ways["noisy"].astype(float) - other)[other > 60].std() - 15) < 1.5
    assert ways["blurred"].astype(float).std((1, 2)).mean() < other.astype(float).std((1, 2)).mean()
    known = {image.tobytes() for image in train}
    assert all(image.tobytes() in known for image in ways["memorized"])
    distance = np.abs(ways["repeated"].astype(int)[:, None] - other[:20].astype(int)).mean((2, 3, 4)).min(1)
    assert distance.max() < 1.5
