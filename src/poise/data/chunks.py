"""Batches of long series in order: each piece goes on where the one before it in its row ended."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import PoiseError
from ..rng import Rng
from .dataset import Dataset
from .windows import Windows


class Chunk(NamedTuple):
    """A batch of `Chunks`, as `Batch` takes it: pieces [batch, T, d], and which of them go on, bool [batch]."""

    x: Tensor
    labels: None
    lengths: None
    goes_on: Tensor


class Chunks:
    """The batches of training, by number: batch i is a function of (seed, i).

    All series, one after the other, are cut into pieces of T steps, and the pieces dealt to the rows of a batch as
    cards from one pack: row b gets the pieces b · m, b · m + 1, ... in order, one a batch. In each epoch the cuts lie
    elsewhere. A piece goes on where that of the batch before ended, but in the first batch of an epoch and where a new
    series begins.

    Args:
        dataset: long series; its training part is dealt.
        batch: pieces in a batch.
        seed: the run's seed.
        device: where the batch goes.

    Raises:
        PoiseError: the series are too short for two batches.

    Example:
        >>> from poise.data import load
        >>> chunks = Chunks(load("lorenz").standardized(), batch=4, seed=0)
        >>> chunks[0].x.shape, chunks[0].goes_on.tolist(), chunks[1].goes_on.tolist()
        (torch.Size([4, 100, 3]), [False, False, False, False], [True, True, True, True])
    """

    def __init__(self, dataset: Dataset, batch: int, seed: int, device: str = "cpu") -> None:
        assert isinstance(dataset.train, Windows)
        self._pieces, self._batch, self._rng, self._device = dataset.train, batch, Rng(seed), device
        pieces, spans = self._pieces, []
        for series in np.unique(pieces.series):
            own = pieces.series == series
            spans.append((int(pieces.starts[own].min()), int((pieces.starts + pieces.lengths)[own].max()), int(series)))
        self._spans, steps = spans, pieces.steps
        self._per_epoch = sum((end - start - steps) // steps for start, end, _ in spans) // batch
        if self._per_epoch < 2:
            raise PoiseError(
                f"{dataset.name} has too few pieces of {steps} steps for --carry with --batch {batch}: no row of one "
                f"could go on; use a smaller --batch or --window"
            )

    def __getitem__(self, index: int) -> Chunk:
        """Return batch number `index`."""
        epoch, place = divmod(index, self._per_epoch)
        starts, series = self._cut(epoch)
        chosen = np.arange(self._batch) * self._per_epoch + place
        goes_on = (series[chosen] == series[chosen - 1]) & (place > 0)
        lengths = np.full(self._batch, self._pieces.steps)
        pieces = self._pieces
        taken = Windows(pieces.values, starts[chosen], lengths, series[chosen], pieces.steps, pieces.scaling)
        x = torch.from_numpy(taken[:]).to(self._device)
        return Chunk(x, None, None, torch.from_numpy(goes_on).to(self._device))

    def _cut(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the pieces of an epoch begin and which series they are of."""
        steps = self._pieces.steps
        shift = int(torch.randint(steps, (), generator=self._rng.at(epoch)("cuts")))
        starts = [np.arange(start + shift, end - steps + 1, steps) for start, end, _ in self._spans]
        series = [np.full(len(own), number) for own, (_, _, number) in zip(starts, self._spans, strict=True)]
        return np.concatenate(starts), np.concatenate(series)
