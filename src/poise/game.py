"""Games and plays: every model is a game, and a play is one batch of it.

A VAE is a game of one player, a GAN a game of two. A game says what each player minimizes; a rule asks a
play for gradients and moves; an optimizer turns a gradient into a move. None of them knows the others' kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .errors import NonFinite
from .optim import Flat
from .rng import Rng


@dataclass
class Batch:
    """Samples that are played together.

    Attributes:
        x: the data, shape [n, ...], as the game takes it (images in [−1, 1], channels first).
        labels: class of each sample, int64 [n], if the data have classes.
        made: what a player made of this batch (a generator's fakes), by the player's name. Losses may share it;
            it is dropped as soon as that player moves, because it would be made differently then.
    """

    x: Tensor
    labels: Tensor | None = None
    made: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)


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
        progress: how far the training has come, from 0 to 1; losses with a schedule read it.
    """

    players: tuple[str, ...]
    averaged: tuple[str, ...] = ()
    progress: float = 0.0

    @abstractmethod
    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return what `player` minimizes on this batch."""

    @abstractmethod
    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return n samples in data space, shape [n, ...]."""


class Play:
    """One step of a game: its batches, and gradients and moves on request.

    A play is a function of the weights: its batches and random numbers are fixed, so a gradient asked for
    twice at the same weights is the same gradient.

    Args:
        game: the game.
        flats: each player's buffers; gradients are written there.
        optimizers: each player's optimizer, over `flats[player].vector`.
        batches: the batches of this step; most rules need one.
        rng: the randomness of this step.
        autocast: makes the context in which losses are computed (lower precision, or nothing).
    """

    def __init__(
        self,
        game: Game,
        flats: Mapping[str, Flat],
        optimizers: Mapping[str, torch.optim.Optimizer],
        batches: Sequence[Batch],
        rng: Rng,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.players, self.batches = game.players, batches
        self._game, self._flats, self._optimizers = game, flats, optimizers
        self._rng, self._autocast = rng, autocast
        self._statistics_kept: set[str] = set()

    def gradients(self, *players: str, batch: int = 0) -> dict[str, Loss]:
        """Compute the gradient of each player's loss in its own weights, into its flat buffer.

        Args:
            players: who wants a gradient; all are taken at the current weights.
            batch: which of the step's batches.

        Returns:
            The losses by player, detached.

        Raises:
            NonFinite: a loss is infinite or not a number; nobody has moved then.
        """
        return {player: self._gradient(player, batch) for player in players}

    def move(self, *players: str) -> None:
        """Let each player's optimizer take its step along the gradient last computed."""
        for player in players:
            self._optimizers[player].step()
            for batch in self.batches:
                batch.made.pop(player, None)

    def _gradient(self, player: str, index: int) -> Loss:
        flat, batch = self._flats[player], self.batches[index]
        statistics = {name: flat.buffers.clone() for name, flat in self._flats.items()}
        with self._autocast():
            loss = self._game.loss(player, batch, self._rng.at(self._rng.step, index))
        if not torch.isfinite(loss.total):
            raise NonFinite(
                f"the {player}'s loss became {loss.total.item()} at step {self._rng.step}; "
                f"lower --{player}.lr, and run with --overwrite"
            )
        self._keep_first_statistics(statistics)
        flat.gradient.zero_()
        # `inputs` keeps the engine out of everybody else's weights: no work is spent on gradients nobody asked for
        loss.total.backward(inputs=flat.parameters)
        batch.made.pop(player, None)  # its graph has been used up
        return Loss(loss.total.detach(), {name: part.detach() for name, part in loss.parts.items()})

    def _keep_first_statistics(self, before: Mapping[str, Tensor]) -> None:
        """Let running statistics move once a step, whatever the rule: the first loss that touches them counts."""
        for name, old in before.items():
            if torch.equal(self._flats[name].buffers, old):
                continue
            if name in self._statistics_kept:
                self._flats[name].buffers.copy_(old)
            self._statistics_kept.add(name)
