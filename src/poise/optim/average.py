"""Averages of a player's weights, in the same flat style as the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .flat import Flat


class Average:
    """Weights averaged over the last images seen, or over all: smoother samples than the last step's weights give.

    After a step on n images, with N seen in all and half-life h,

        ā ← d·ā + (1−d)·w,   d = ½^(n / min(h, r·N)),

    so an image's influence halves every h images; early on the half-life grows with the run (ramp r), and
    the random weights of the start are soon forgotten. With `half_life=None` all iterates count alike,
    d = 1 − n/N (Polyak & Juditsky 1992). Running statistics are not averaged: a mean of batch variances says nothing
    about the averaged network, whose own must be estimated from its samples.

    Given to an optimizer of Poise (`optimizer.keep_average(average)`), it costs no pass of its own.

    Args:
        flat: the player's buffers.
        half_life: h, in images; None for the uniform average.
        ramp: r, the share of the images seen so far that the half-life may reach at most.
        batch: n, images in a step.

    Attributes:
        vector: ā, shape [length].
        batch: may be changed from step to step.
        seen: N, images so far.

    Source: Karras et al. 2024 (arXiv:2312.02696, section 3.1) for half-lives counted in images and the ramp-up.

    Example:
        >>> flat = Flat(torch.nn.Linear(1, 1))
        >>> average = Average(flat, half_life=10, ramp=1.0, batch=10)
        >>> with torch.no_grad():
        ...     _ = average.vector.zero_(), flat.vector.fill_(1.0)
        >>> average.update()
        >>> average.vector[0].item()
        0.5
    """

    def __init__(self, flat: Flat, half_life: float | None, ramp: float = 0.1, batch: int = 1) -> None:
        self.flat, self.half_life, self.ramp, self.batch, self.seen = flat, half_life, ramp, batch, 0
        self.vector = flat.vector.detach().clone()

    def advance(self) -> float:
        """Count a step's images and return d, the share of the average that is kept."""
        self.seen += self.batch
        if self.half_life is None:
            return 1.0 - self.batch / self.seen
        half_life = min(self.half_life, self.ramp * self.seen)
        return float(0.5 ** (self.batch / half_life)) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights in, in a pass of its own."""
        self.vector.lerp_(self.flat.vector, 1.0 - self.advance())

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the context, the player computes with its averaged weights."""
        with self.flat.at(self.vector):
            yield
