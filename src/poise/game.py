"""Games: every model is one.

A VAE is a game of one player, a GAN a game of two. A game says what each player minimizes; a rule asks a
play (`poise.play`) for gradients and moves; an optimizer turns a gradient into a move. None of them knows the
others' kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .rng import Rng


@dataclass
class Batch:
    """Samples that are played together.

    Attributes:
        x: the data, shape [n, ...], as the game takes it (images in [−1, 1], channels first).
        labels: class of each sample, int64 [n], if the data have classes.
        lengths: steps of each sample, int64 [n], if the data are sequences; beyond them x means nothing.
        goes_on: whether each sample goes on where that of the batch before ended, bool [n], if any may.
        made: what a player made of this batch (a generator's fakes), by the player's name. Losses may share it;
            it is dropped as soon as that player moves, because it would be made differently then.
    """

    x: Tensor
    labels: Tensor | None = None
    lengths: Tensor | None = None
    goes_on: Tensor | None = None
    made: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)


class Whole:
    """All of the data, in batches that are made when they are asked for and not kept.

    Args:
        deal: from the number of a batch to its samples, labels and lengths, as `Batch` takes them.
        sizes: how many samples each has.

    Example:
        >>> whole = Whole(lambda i: (torch.full((2 - i, 1), float(i)), None), sizes=(2, 1))
        >>> whole.samples, len(whole), whole[1].x
        (3, 2, tensor([[1.]]))
    """

    def __init__(self, deal: Callable[[int], tuple[Any, ...]], sizes: Sequence[int]) -> None:
        self._deal, self.sizes, self.samples = deal, tuple(sizes), sum(sizes)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.sizes)

    def __getitem__(self, index: int) -> Batch:
        """Make a batch."""
        return Batch(*self._deal(index))


@dataclass(frozen=True)
class Loss:
    """A scalar to minimize and the named numbers worth a line in the log.

    Example:
        >>> Loss(torch.tensor(2.0), {"penalty": torch.tensor(0.5)}).values()
        {'loss': 2.0, 'penalty': 0.5}
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Return the total under the name "loss", and the parts, as numbers."""
        return {"loss": self.total.item(), **{name: part.item() for name, part in self.parts.items()}}

    def times(self, share: float) -> "Loss":
        """Return share · loss, as when it stands for a part of the data."""
        return Loss(share * self.total, {name: share * part for name, part in self.parts.items()})

    @staticmethod
    def sum(losses: "Sequence[Loss]") -> "Loss":
        """Return the sum of losses with the same parts."""
        parts = {name: torch.stack([loss.parts[name] for loss in losses]).sum() for name in losses[0].parts}
        return Loss(torch.stack([loss.total for loss in losses]).sum(), parts)

    def detached(self) -> "Loss":
        """Return the same numbers without their graph."""
        return Loss(self.total.detach(), {name: part.detach() for name, part in self.parts.items()})


def full_precision(x: Tensor) -> Tensor:
    """Return x in float32 where a network computed it in half precision; losses begin with this.

    Example:
        >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class Game(nn.Module, ABC):
    """Players, each a submodule with a loss of its own.

    Losses are mathematics only: functions of all weights, a batch and the step's randomness. They neither
    detach nor freeze anything; whose gradient is taken, when and at which weights is the rule's business.

    Attributes:
        players: names of submodules, in order of play.
        averaged: the players whose averaged weights `sample` should use.
        zero_sum: whether there are two players and what one loses the other wins, gradient for gradient.
        one_pass: whether one backward pass can serve all players; `joint` says of what.
        progress: how far the training has come, from 0 to 1; losses with a schedule read it.
        known: samples in the training data; 0 where that is not known.
    """

    players: tuple[str, ...]
    averaged: tuple[str, ...] = ()
    zero_sum: bool = False
    one_pass: bool = False
    progress: float = 0.0
    known: int = 0

    @abstractmethod
    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return what `player` minimizes on this batch."""

    def joint(self, batch: Batch, rng: Rng) -> tuple[Tensor, Mapping[str, Loss]]:
        """Return a scalar whose gradient is, for each player, that of its own loss; and these losses.

        Here for players who all minimize the same; asked only where `one_pass` is true.
        """
        loss = self.loss(self.players[0], batch, rng)
        return loss.total, dict.fromkeys(self.players, loss)

    def forward(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return `loss`, so that torch can evaluate it at other weights (`torch.func.functional_call`)."""
        return self.loss(player, batch, rng)

    @abstractmethod
    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return n samples in data space, shape [n, ...]."""

    def begin_from(self, x: Tensor, labels: Tensor | None) -> None:
        """Set weights that should begin as samples of the data [n, ...], before training."""
        return

    def check(self, x: Tensor) -> None:
        """Refuse data [n, ...] that this game cannot model, before training.

        Raises:
            PoiseError: one line that says which values, and what to do.
        """
        return

    def reconstruct(self, x: Tensor) -> Tensor | None:
        """Return what the game makes of data [n, ...] when it has put them into its own terms; None if it cannot."""
        return None
