"""The training loop."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from .game import Batch, Loss, Whole
from .training import Training

Hook = Callable[[Training, Mapping[str, Loss]], object]


class Deal(Protocol):
    """The batches of training, by number."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return what makes `Batch` number `index`: samples, their labels if there are any, and so on."""
        ...


def fit(
    training: Training,
    batches: Deal | Whole,
    *,
    progress: Callable[[Training], float],
    every: Sequence[Hook] = (),
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train until progress is 1, or until the training says that it has ended.

    Args:
        training: what is trained; its step, examples and seconds go on from where they are.
        batches: batch i of training, a function of i alone; or the whole of the data, for every step.
        progress: how far the training is; `by_steps(n)` or `by_minutes(m)`.
        every: called after each step with the training and the losses; see `at_multiples`.
        stop: asked after each step; true ends the training early.

    Raises:
        NonFinite: a loss became infinite or not a number.

    Example:
        >>> import torch
        >>> from poise.config import GanConfig
        >>> from poise.models import build
        >>> from poise.optim import Adam
        >>> from poise.rules import Alternating
        >>> game = build(GanConfig(network="mlp", width=8, latent=2), (2,))
        >>> training = Training(game, Alternating(), dict.fromkeys(game.players, Adam))
        >>> fit(training, {i: (torch.randn(16, 2), None) for i in range(3)}, progress=by_steps(3))
        >>> training.step
        3
    """
    began = time.perf_counter() - training.seconds
    while (done := progress(training)) < 1 and training.ended is None and not stop():
        dealt = range(training.dealt, training.dealt + training.rule.batches_at(done))
        hand = batches if isinstance(batches, Whole) else [Batch(*batches[index]) for index in dealt]
        losses = training.play(hand, done)
        training.seconds = time.perf_counter() - began
        for hook in every:
            hook(training, losses)


def by_steps(steps: int) -> Callable[[Training], float]:
    """Progress as the share of `steps` taken."""
    return lambda training: training.step / steps


def by_examples(examples: int) -> Callable[[Training], float]:
    """Progress as the share of `examples` seen, however many a step takes."""
    return lambda training: training.examples / examples


def by_gradients(gradients: int) -> Callable[[Training], float]:
    """Progress as the share of `gradients` evaluated: a budget that is the same for every rule, on any machine."""
    return lambda training: training.gradients / gradients


def by_minutes(minutes: float) -> Callable[[Training], float]:
    """Progress as the share of `minutes` spent; such a run ends where the clock says, not at a fixed step."""
    return lambda training: training.seconds / (60 * minutes)


def at_multiples(n: int, hook: Hook) -> Hook:
    """Call the hook only when the number of steps is a multiple of n."""

    def call(training: Training, losses: Mapping[str, Loss]) -> None:
        if training.step % n == 0:
            hook(training, losses)

    return call
