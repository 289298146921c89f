"""Every score of series under spoiled data: what each must see, what none may see, and what some cannot."""

from functools import cache

import numpy as np
import pytest

from metrics.sanity_series import FAST, SLOW, SPOILED, Table, deviations, markdown, quarters, table

FAR, NEAR = 4.0, 3.0  # deviations of the floor, over seeds: what counts as seen, and as not seen
EVERY = "shuffled flat repeated noisy"

SEEN = {  # waves are the same law backward; the days of a year are few, alike, and warm faster than they cool
    "sines": {
        "two_sample_linear": EVERY,
        "mmd": EVERY,
        "tstr_ratio": EVERY,
        "marginal": "flat repeated",
        "increments": EVERY,
        "autocorrelation": "shuffled flat repeated",
        "volatility": EVERY,
        "repeats": "repeated",
        "uncovered": "shuffled flat repeated",
    },
    "temperatures": {
        "two_sample_linear": f"{EVERY} backward",
        "mmd": f"{EVERY} backward",
        "tstr_ratio": f"{EVERY} backward",
        "marginal": "repeated",
        "increments": f"{EVERY} backward",
        "autocorrelation": "shuffled flat repeated",
        "volatility": EVERY,
        "cross_correlation": "flat repeated noisy",
        "lead_lag": "shuffled flat repeated backward",
        "uncovered": f"{EVERY} backward",
    },
}

UNSEEN = {  # order does not enter, or both ways alike; and changes larger than from datum to datum are no repeats
    "sines": {"marginal": "shuffled", "cross_correlation": "shuffled noisy", "lead_lag": "shuffled noisy"},
    "temperatures": {
        "marginal": "shuffled noisy backward",
        "autocorrelation": "backward",
        "volatility": "backward",
        "cross_correlation": "shuffled backward",
        "repeats": "repeated backward",
    },
}


@cache
def found(source: str) -> Table:
    return table(source, 80, range(6), FAST)


@pytest.mark.parametrize("source", SEEN)
def test_scores_see_what_they_claim(source: str) -> None:
    above = deviations(found(source))
    for score, ways in SEEN[source].items():
        for way in ways.split():
            assert above[way][score] > FAR, f"{score} does not see {way}\n{markdown(found(source))}"


@pytest.mark.parametrize("source", UNSEEN)
def test_scores_do_not_see_what_they_say_they_cannot(source: str) -> None:
    above = deviations(found(source))
    for score, ways in UNSEEN[source].items():
        for way in ways.split():
            assert above[way][score] < NEAR, f"{score} sees {way}\n{markdown(found(source))}"


def test_what_is_the_same_law_is_told_apart_by_no_score() -> None:
    row = deviations(found("sines"))["backward"]
    assert max(abs(value) for value in row.values()) < NEAR


@pytest.mark.slow
@pytest.mark.parametrize(("source", "ways"), [("sines", EVERY), ("temperatures", f"{EVERY} backward")])
def test_a_recurrent_classifier_sees_every_way(source: str, ways: str) -> None:
    scores = table(source, 80, range(4), SLOW)
    above = deviations(scores)
    for way in ways.split():
        assert above[way]["two_sample"] > FAR, f"not {way}\n{markdown(scores)}"


@pytest.mark.parametrize("source", SEEN)
def test_spoiled_data_are_what_they_are_called(source: str) -> None:
    x, rng = quarters(source, 30, 0)[0], np.random.default_rng(0)
    spoiled = {way: spoil(x, rng) for way, spoil in SPOILED.items()}
    assert {part.shape for part in spoiled.values()} == {(30, 24, 2)}
    np.testing.assert_array_equal(np.sort(spoiled["shuffled"], 1), np.sort(x, 1))
    assert not np.allclose(spoiled["shuffled"], x)
    np.testing.assert_allclose(spoiled["flat"].std(1), 0, atol=1e-9 * np.abs(x).max())
    np.testing.assert_array_equal(spoiled["backward"][:, ::-1], x)
    near = np.abs(spoiled["repeated"][:, None] - x[:5]).mean((2, 3)) / x.std()
    assert (near.min(1) < 0.03).all()
    np.testing.assert_allclose((spoiled["noisy"] - x).std((0, 1)) / x.std((0, 1)), 0.2, rtol=0.1)
