"""What a score looks at: real, generated and training samples, and what a judge makes of each."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..metrics.frechet import frechet
from ..metrics.neighbors import Neighbors, nearest

NEIGHBORS = 16  # kept of each sample: balls reach to the fifth, and to a later one where blocks are left out

Rows = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Side:
    """Samples and their features.

    Attributes:
        rows: as the data hold them: pixels uint8 [n, h, w, c], numbers [n, d], or series [n, T, d].
        features: what the judge makes of them, [n, f].
    """

    rows: Rows
    features: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def neighbors(self) -> Neighbors:
        """Distances to the nearest other samples, and which they are; several scores need them."""
        return nearest(self.features, self.features, min(NEIGHBORS, len(self) - 1), itself=True)

    def take(self, index: NDArray[np.int64]) -> "Side":
        """Return some of the samples."""
        return Side(self.rows[index], self.features[index])

    def some(self, n: int, seed: int) -> "Side":
        """Return n of the samples, or all if there are fewer, drawn without replacement, in their order."""
        return self.take(np.sort(np.random.default_rng(seed).permutation(len(self))[:n]))

    def halves(self) -> tuple["Side", "Side"]:
        """Return two halves of blocks that take turns, so that neighbors, which may overlap in time, stay together."""
        block = np.arange(len(self)) // max(1, len(self) // 40)
        return self.take(np.flatnonzero(block % 2 == 0)), self.take(np.flatnonzero(block % 2 == 1))


@dataclass(frozen=True, eq=False)
class View:
    """What a score is a function of.

    Attributes:
        real: held out.
        fake: the samples to be scored; for the floor, real ones in their place.
        train: what the model was trained on.
        data: the name of the data, for scores that belong to one set.
        seed: of all chance.
    """

    real: Side
    fake: Side
    train: Side
    data: str = ""
    seed: int = 0

    @cached_property
    def frechet(self) -> float:
        """The Fréchet distance of all samples, which two scores need."""
        return frechet(self.real.features, self.fake.features)["frechet"]

    @cached_property
    def in_training(self) -> Neighbors:
        """Distances from generated samples to the two nearest training samples, and which they are."""
        return nearest(self.fake.features, self.train.features, 2)

    def floor(self, copies: bool) -> "View":
        """Return the view of real samples in the place of generated ones.

        Args:
            copies: the score compares samples with training data; these may then not stand in for them, and half of the
                held-out ones do.
        """
        if not copies:
            return replace(self, fake=self.train.some(len(self.fake), self.seed))
        fake, real = self.real.halves()
        return replace(self, real=real, fake=fake)

    def without(self, block: int, blocks: int) -> "View":
        """Return the view without one of so many blocks of real and generated samples; training samples stay."""
        return replace(self, real=_without(self.real, block, blocks), fake=_without(self.fake, block, blocks))


def _without(side: Side, block: int, blocks: int) -> Side:
    return side.take(np.flatnonzero(np.arange(len(side)) % blocks != block))
