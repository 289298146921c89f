"""The exponential moving average of a player's weights, in the same flat style as the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .flat import Flat


class Average:
    """Weights averaged over the last images seen: smoother samples than the last step's weights give.

    After a step on n images, with N seen in all and half-life h,

        ā ← d·ā + (1−d)·w,   d = ½^(n / min(h, r·N)),

    so an image's influence halves every h images; early on the half-life grows with the run (ramp r), and
    the random weights of the start are soon forgotten. Running statistics are copied, not averaged: a mean
    of batch variances says nothing about the averaged network.

    Args:
        flat: the player's buffers.
        half_life: h, in images.
        ramp: r, the share of the images seen so far that the half-life may reach at most.

    Source: Karras et al. 2024 (arXiv:2312.02696, section 3.1) for half-lives counted in images and the ramp-up.

    Example:
        >>> flat = Flat(torch.nn.Linear(1, 1))
        >>> average = Average(flat, half_life=10)
        >>> with torch.no_grad():
        ...     _ = average.vector.zero_(), flat.vector.fill_(1.0)
        >>> average.update(batch=10, seen=1_000_000)
        >>> average.vector[0].item()
        0.5
    """

    def __init__(self, flat: Flat, half_life: float, ramp: float = 0.1) -> None:
        self.flat, self.half_life, self.ramp = flat, half_life, ramp
        self.vector = flat.vector.detach().clone()

    @torch.no_grad()
    def update(self, batch: int, seen: int) -> None:
        """Take the current weights in, after a step on `batch` images, `seen` images into the run."""
        half_life = min(self.half_life, self.ramp * seen)
        keep = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
        self.vector.lerp_(self.flat.vector, 1.0 - keep)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the context, the player computes with its averaged weights."""
        with self.flat.at(self.vector):
            yield
