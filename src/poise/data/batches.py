"""Batches from a data set in memory: gathered, shuffled and turned into floats, without a worker process."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import PoiseError
from ..rng import Rng
from .dataset import Dataset
from .windows import Windows

POOL = 16  # batches that are sorted by length together
Dealt = tuple[Tensor, Tensor | None, Tensor | None]


class Batches:
    """The batches of training, by number: batch i is a function of (seed, i).

    Each epoch is a shuffle of its own, a function of (seed, epoch); the samples that do not fill a last
    batch sit out that epoch. Images stay uint8 in memory and become floats only in the batch. Series are as long as the
    longest in the batch.

    Args:
        dataset: its training part is dealt.
        batch: samples in a batch.
        seed: the run's seed.
        flip: mirror half of the images left to right.
        device: where the batch goes.

    Raises:
        PoiseError: a batch larger than the data.

    Example:
        >>> from poise.data import load
        >>> x, labels, lengths = Batches(load("ring"), batch=16, seed=0)[3]
        >>> x.shape, labels.shape, lengths
        (torch.Size([16, 2]), torch.Size([16]), None)
    """

    def __init__(self, dataset: Dataset, batch: int, seed: int, flip: bool = False, device: str = "cpu") -> None:
        count = len(dataset.train)
        if batch > count:
            raise PoiseError(
                f"--batch {batch} is larger than the {count} training samples of {dataset.name}; "
                f"use --batch {count} or less"
            )
        self._samples, self._labels, self._batch, self._device = (
            dataset.train,
            dataset.train_labels,
            batch,
            device,
        )
        self._flip = flip and dataset.kind == "images"
        self._rng = Rng(seed)
        self._per_epoch = count // batch
        self._order = lru_cache(maxsize=2)(self._shuffle)

    def __getitem__(self, index: int) -> Dealt:
        """Return batch number `index`: samples [batch, ...] as floats; their labels and lengths [batch], if any."""
        epoch, place = divmod(index, self._per_epoch)
        chosen = self._order(epoch)[place * self._batch : (place + 1) * self._batch]
        samples = np.asarray(self._samples[chosen])
        if self._flip:
            mirrored = torch.rand(self._batch, generator=self._rng.at(index)("flip")).numpy() < 0.5
            samples[mirrored] = samples[mirrored, :, ::-1]
        return self._as_tensors(samples, chosen)

    def in_order(self, index: int) -> Dealt:
        """Return batch `index` of the training part in its own order, not mirrored; the last may be short."""
        chosen = np.arange(index * self._batch, min((index + 1) * self._batch, len(self._samples)))
        return self._as_tensors(np.array(self._samples[chosen]), chosen)

    def sizes(self) -> list[int]:
        """Return the number of samples in each batch that `in_order` gives; together all of the training part."""
        count = len(self._samples)
        return [min(self._batch, count - start) for start in range(0, count, self._batch)]

    def _as_tensors(self, samples: np.ndarray, chosen: np.ndarray) -> Dealt:
        lengths = None
        if isinstance(self._samples, Windows):
            lengths = torch.from_numpy(self._samples.lengths[chosen]).to(self._device)
            samples = samples[:, : int(lengths.max())]
        x = torch.from_numpy(samples).to(self._device)
        labels = None if self._labels is None else torch.from_numpy(self._labels[chosen]).to(self._device)
        return (to_floats(x) if x.dtype == torch.uint8 else x), labels, lengths

    def _shuffle(self, epoch: int) -> np.ndarray:
        order: np.ndarray = torch.randperm(len(self._samples), generator=self._rng.at(epoch)("shuffle")).numpy()
        if isinstance(self._samples, Windows) and self._samples.lengths.min() < self._samples.steps:
            return self._alike(order, epoch)
        return order

    def _alike(self, order: np.ndarray, epoch: int) -> np.ndarray:
        """Put series of about the same length into the same batch, because a batch is as long as its longest."""
        assert isinstance(self._samples, Windows)
        pool, lengths = POOL * self._batch, self._samples.lengths
        pools = [order[start : start + pool] for start in range(0, self._per_epoch * self._batch, pool)]
        alike = np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in pools])
        batches = alike[: self._per_epoch * self._batch].reshape(self._per_epoch, self._batch)
        dealt: np.ndarray = batches[torch.randperm(len(batches), generator=self._rng.at(epoch)("batches")).numpy()]
        return dealt.flatten()


def to_floats(pixels: Tensor) -> Tensor:
    """Turn pixels, uint8 [n, h, w, c], into floats in [−1, 1], [n, c, h, w] with channels last in memory.

    Example:
        >>> to_floats(torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 2, 1)).flatten()
        tensor([-1.,  1.])
    """
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_pixels(images: Tensor) -> Tensor:
    """Turn floats in [−1, 1], [n, c, h, w], into pixels, uint8 [n, h, w, c]: rounded, and clipped beyond.

    Example:
        >>> to_pixels(torch.tensor([-1.0, 0.1, 3.0]).reshape(1, 1, 1, 3)).flatten()
        tensor([  0, 140, 255], dtype=torch.uint8)
    """
    scaled = images.float().add(1.0).mul_(127.5).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
