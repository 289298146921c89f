"""What scores of generated images see: ways to spoil garments, and every score of garments that were spoiled so."""

import math
from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from metrics.sanity_series import Table, markdown
from poise.data import load
from poise.features import Judge, judge
from poise.scoring.table import METRICS
from poise.scoring.view import Side, View

Images = NDArray[np.uint8]
KNOWN = 2_000  # training images that copies are looked for among
CLASSES = 5  # of ten, that are left
NETWORK = "efficientnet-lite0@32"  # the smallest, because the table is a test


def noisy(x: Images, rng: np.random.Generator) -> Images:
    """Return images with noise of 15 gray levels."""
    return np.clip(np.round(x + rng.normal(0, 15, x.shape)), 0, 255).astype(np.uint8)


def blurred(x: Images, rng: np.random.Generator) -> Images:
    """Return images behind a Gaussian of one pixel."""
    soft = [Image.fromarray(image[..., 0]).filter(ImageFilter.GaussianBlur(1)) for image in x]
    return np.stack([np.asarray(image) for image in soft])[..., None]


def repeated(x: Images, rng: np.random.Generator) -> Images:
    """Return as many images, each one of the first twenty with noise of one gray level."""
    chosen = x[rng.integers(0, 20, len(x))]
    return np.clip(np.round(chosen + rng.normal(0, 1, x.shape)), 0, 255).astype(np.uint8)


def garments(n: int, seed: int) -> tuple[Images, Images, Images, Images]:
    """Return n held-out images, n others of all classes, n of five classes, and all that were trained on."""
    data, rng = load("fashion-mnist"), np.random.default_rng(seed)
    test, labels = np.asarray(data.test), data.test_labels
    assert labels is not None
    order = rng.permutation(len(test))
    few = order[n:][labels[order[n:]] < CLASSES][:n]
    return test[order[:n]], test[order[n : 2 * n]], test[few], np.asarray(data.train[:KNOWN])


WAYS = ("real", "noisy", "blurred", "five classes", "repeated", "memorized")


def spoiled(other: Images, few: Images, train: Images, rng: np.random.Generator) -> Mapping[str, Images]:
    """Return garments spoiled in each way."""
    copies = train[rng.permutation(len(train))[: len(other)]]
    made = (other, noisy(other, rng), blurred(other, rng), few, repeated(other, rng), copies)
    return dict(zip(WAYS, made, strict=True))


@cache
def judges() -> tuple[Judge, Judge]:
    """Return the network, and the pixels by which copies are told."""
    return judge(NETWORK), judge("pixels")


def table(n: int, seeds: Iterable[int]) -> Table:
    """Score garments, spoiled in each way, beside other garments; once for each seed."""
    found: Table = {way: {} for way in WAYS}
    for seed in seeds:
        real, other, few, train = garments(n, seed)
        ways = spoiled(other, few, train, np.random.default_rng(seed))
        for by in judges():
            sides = [Side(x, by.features(x)) for x in (real, train)]
            for way, fake in ways.items():
                view = View(sides[0], Side(fake, by.features(fake)), sides[1], "garments", seed)
                for name, value in _scores(view, copies=by.name == "pixels").items():
                    found[way].setdefault(name, []).append(value)
    return found


def _scores(view: View, copies: bool) -> dict[str, float]:
    found = {}
    for metric in METRICS.values():
        if metric.copies == copies and metric.suits(view, "images"):
            measured = metric.measure(view)
            for entry in metric.entries:
                value = measured[entry.key]
                name = entry.name.format(distance="FD-lite0", judge="-lite0")
                found[name] = math.log10(value) if name == "support" else value
    if "support" in found:
        found["log₁₀ support"] = min(found.pop("support"), 9.0)
    return found


if __name__ == "__main__":
    print(markdown(table(500, range(6))))
