"""Stacked garments: images of 1,000 modes, made as Stacked-MNIST is."""

from itertools import product

import numpy as np

from . import fashion
from .dataset import Dataset, Images, Labels, Progress
from .names import SETS

NAME = "stacked-fashion"
TRAIN, TEST = 60_000, 10_000


def stack(images: Images, labels: Labels, n: int, seed: int) -> tuple[Images, Labels]:
    """Draw n images whose three color channels are gray images drawn independently, with replacement.

    Args:
        images: uint8 [m, h, w, 1].
        labels: their classes, 0 to 9, [m].
        n: how many.
        seed: of the draws.

    Returns:
        Images uint8 [n, h, w, 3], and of each its mode 100 a + 10 b + c, with a, b and c the classes of red, green and
        blue, [n].

    Source:
        Metz et al. 2017 (arXiv:1611.02163), section 3.3.1.

    Example:
        >>> images, modes = stack(np.zeros((10, 28, 28, 1), np.uint8), np.arange(10), 5, seed=0)
        >>> images.shape, modes.shape
        ((5, 28, 28, 3), (5,))
    """
    which = np.random.default_rng(seed).integers(len(images), size=(n, 3))
    stacked = np.empty((n, *images.shape[1:3], 3), np.uint8)
    for channel in range(3):
        stacked[..., channel] = images[which[:, channel], :, :, 0]
    return stacked, labels[which] @ np.array([100, 10, 1])


def load_stacked(size: int | None = None, progress: Progress | None = None) -> Dataset:
    """Return 60,000 stacked garments to train on and 10,000 to test with, always the same for the same garments.

    Garments to train on and to test with are those of `load_fashion`: all of them where found, else the part in the
    package, which the name of the result says.
    """
    garments = fashion.load_fashion(size, progress)
    whole = garments.name == fashion.NAME
    train, train_modes = stack(np.asarray(garments.train), np.asarray(garments.train_labels), TRAIN, seed=0)
    test, test_modes = stack(np.asarray(garments.test), np.asarray(garments.test_labels), TEST, seed=1)
    name = NAME if whole else f"{NAME} (of the {len(garments.train):,} garments in the package)"
    classes = tuple(" + ".join(three) for three in product(garments.classes, repeat=3))
    return Dataset(name, SETS[NAME].kind, train, test, train_modes, test_modes, classes)
