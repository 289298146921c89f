"""Plays: one step of a game, with gradients and moves on request."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .errors import NonFinite
from .field import Field, Vectors
from .game import Batch, Game, Loss, Whole
from .lowered import Lowered
from .nets.recurrent import twice_differentiable
from .optim import Average, Base, Clip, Flat
from .rng import Rng


@dataclass
class Seat:
    """What a player brings to the table.

    Attributes:
        flat: its weights and gradients.
        optimizer: over `flat.vector`.
        clip: limits the gradient of an optimizer that does not do so itself.
        average: its average of weights, if it has one; an optimizer of Poise updates it in its own pass.
        saved: the weights before a half step, if its optimizer does not keep them itself.
        lowered: stands in for its matrices where losses are computed in half precision.
    """

    flat: Flat
    optimizer: torch.optim.Optimizer
    clip: Clip | None = None
    average: Average | None = None
    saved: Tensor | None = None
    lowered: Lowered | None = None

    def extrapolate(self) -> None:
        """Take a half step, from which `move` returns."""
        if isinstance(self.optimizer, Base):
            self.optimizer.extrapolate()
        else:
            self.saved = self.flat.vector.detach().clone()
            self._step()

    def move(self) -> None:
        """Take the optimizer's step, from where the last half step began if there was one."""
        if self.saved is not None:
            self.flat.vector.data.copy_(self.saved)
            self.saved = None
        self._step()
        if not isinstance(self.optimizer, Base):
            self.take()

    def take(self) -> None:
        """Let the average take in the current weights."""
        if self.average is not None:
            self.average.update()

    def clear(self) -> None:
        """Set to zero the gradients that a backward pass adds to."""
        if self.lowered is None:
            self.flat.gradient.zero_()
        else:
            self.lowered.clear()

    def stale(self) -> None:
        """Note that the weights are no longer those that were cast."""
        if self.lowered is not None:
            self.lowered.stale = True

    def _step(self) -> None:
        if self.clip is not None:
            factor = self.clip([(self.flat.vector, self.flat.gradient)])
            if factor is not None:
                self.flat.gradient.mul_(factor)
        self.optimizer.step()


class Play:
    """One step of a game: its batches, and gradients and moves on request.

    A play is a function of the weights: its batches and random numbers are fixed, so a gradient asked for
    twice at the same weights is the same gradient.

    Args:
        game: the game.
        seats: what each player brings; gradients are written into its flat buffer.
        batches: the batches of this step; most rules need one.
        rng: the randomness of this step.
        step: its number, from 1; that of `rng` unless given.
        autocast: makes the context in which losses are computed (lower precision, or nothing).
        progress: how far the training has come, from 0 to 1.

    Attributes:
        players: in order of play.
        seats: as given.
        step: the number of this step, from 1.
        progress: as given.
        evaluations: gradient evaluations so far. A gradient of one loss on one batch is one (of two losses two, if in
            one pass), of all of the data as many as it has batches, and a product with the game's Jacobian one for
            each loss that is differentiated again.
    """

    def __init__(
        self,
        game: Game,
        seats: Mapping[str, Seat],
        batches: Sequence[Batch] | Whole,
        rng: Rng,
        step: int | None = None,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
        progress: float = 0.0,
    ) -> None:
        self.players, self.seats, self.progress = game.players, seats, progress
        self.step = rng.step if step is None else step
        self._game, self._batches = game, batches
        self._rng, self._autocast = rng, autocast
        self._taken, self._fields = 0, list[Field]()
        for seat in seats.values():
            seat.stale()

    @property
    def evaluations(self) -> int:
        """How many gradients have been taken: what a step costs, on any machine."""
        return self._taken + sum(field.products for field in self._fields)

    def gradients(self, *players: str, batch: int = 0) -> dict[str, Loss]:
        """Compute the gradient of each player's loss in its own weights, into its flat buffer.

        Args:
            players: who wants a gradient; all are taken at the current weights.
            batch: which of the step's batches (of the whole data: all of them).

        Returns:
            The losses by player, detached.

        Raises:
            NonFinite: a loss is infinite or not a number; nobody has moved then.
        """
        if self._game.one_pass and set(players) == set(self.players):
            return self._gradients(players, batch)
        return {name: loss for player in players for name, loss in self._gradients((player,), batch).items()}

    def extrapolate(self, *players: str) -> None:
        """Let each player's optimizer take a half step; the next move starts from where that started."""
        for player in players:
            self.seats[player].extrapolate()
            self._forget(player)

    def move(self, *players: str) -> None:
        """Let each player's optimizer take its step along the gradient last computed."""
        for player in players:
            self.seats[player].move()
            self._forget(player)

    def shift(self, vectors: Vectors) -> None:
        """Add vectors to players' weights, for rules that are their own optimizer."""
        for player, changes in vectors.items():
            seat = self.seats[player]
            with torch.no_grad():
                torch._foreach_add_(seat.flat.views(seat.flat.vector.detach()), changes)
            seat.take()
            self._forget(player)

    def field(self) -> Field:
        """Return all players' gradients as differentiable functions of all weights, in full precision.

        Raises:
            NonFinite: a loss is infinite or not a number.
        """
        losses = {player: self.loss_at(player) for player in self.players}
        field = Field(losses, {player: seat.flat.parameters for player, seat in self.seats.items()})
        self._fields.append(field)
        self._batches[0].made.clear()  # it holds graphs that lead through this field
        return field

    def use(self, vectors: Vectors) -> None:
        """Put vectors in the place of players' gradients."""
        for player, values in vectors.items():
            flat = self.seats[player].flat
            torch._foreach_copy_(flat.views(flat.gradient), [v.detach() for v in values])

    def loss_at(self, player: str, other: str = "", weights: Sequence[Tensor] = ()) -> Loss:
        """Return a player's loss with its graph, perhaps with other weights for one player.

        Args:
            player: whose loss.
            other: whose weights are replaced.
            weights: the replacements, one for each parameter of `other`'s flat buffer.

        Raises:
            NonFinite: it is infinite or not a number.
        """
        batch, rng = self._batches[0], self._rng.at(self._rng.step, 0)
        instead = dict(zip(self._names(other), weights, strict=True)) if other else {}
        with twice_differentiable(self._game):
            loss: Loss = functional_call(self._game, instead, (player, batch, rng))
        self._taken += 1
        return self._finite(player, loss)

    def _names(self, player: str) -> list[str]:
        """Return the names, within the game, of the parameters in a player's flat buffer, in its order."""
        named: dict[nn.Parameter, str] = {p: name for name, p in self._game.named_parameters()}
        return [named[p] for p in self.seats[player].flat.parameters]

    def _gradients(self, players: Sequence[str], index: int) -> dict[str, Loss]:
        """Take the gradients of players' losses, each in its player's weights, with one backward pass a batch."""
        seats = [self.seats[name] for name in players]
        sums: dict[str, list[Loss]] = {player: [] for player in players}
        for seat in seats:
            seat.clear()
        # `inputs` keeps the engine out of everybody else's weights: no work for gradients nobody asked for
        inputs = [weight for seat in seats for weight in _inputs(seat)]
        for number, (i, share) in enumerate(self._parts(index)):
            batch = self._batches[i]
            total, losses = self._losses(players, batch, self._rng.at(self._rng.step, i))
            (total if share == 1 else share * total).backward(inputs=inputs)
            self._taken += len({id(loss) for loss in losses.values()})
            for seat in seats:
                if seat.lowered is not None:
                    seat.lowered.collect(add=number > 0)
            for player, loss in losses.items():
                batch.made.pop(player, None)  # its graph has been used up
                sums[player].append((loss if share == 1 else loss.times(share)).detached())
        return {player: losses[0] if len(losses) == 1 else Loss.sum(losses) for player, losses in sums.items()}

    def _losses(self, players: Sequence[str], batch: Batch, rng: Rng) -> tuple[Tensor, Mapping[str, Loss]]:
        """Return what to differentiate for these players, and their losses."""
        with self._autocast(), ExitStack() as stack:
            for seat in self.seats.values():
                if seat.lowered is not None:
                    stack.enter_context(seat.lowered.applied())
            if len(players) > 1:
                total, losses = self._game.joint(batch, rng)
            else:
                loss = self._game.loss(players[0], batch, rng)
                total, losses = loss.total, {players[0]: loss}
        for player, loss in losses.items():
            self._finite(player, loss)
        return total, losses

    def _parts(self, index: int) -> list[tuple[int, float]]:
        """Return the batches that a gradient is over, and the share of each."""
        if isinstance(self._batches, Whole):
            return [(i, size / self._batches.samples) for i, size in enumerate(self._batches.sizes)]
        return [(index, 1.0)]

    def _forget(self, player: str) -> None:
        """Drop what a player made of the batches, and its matrices as they were, because it has moved."""
        self.seats[player].stale()
        if not isinstance(self._batches, Whole):  # which keeps no batch
            for batch in self._batches:
                batch.made.pop(player, None)

    def _finite(self, player: str, loss: Loss) -> Loss:
        total = loss.total.item()
        if not isfinite(total):
            raise NonFinite(
                f"the {player}'s loss became {total} at step {self.step}; lower --{player}.lr, and run with --overwrite"
            )
        return loss


def _inputs(seat: Seat) -> Sequence[Tensor]:
    return seat.flat.parameters if seat.lowered is None else seat.lowered.inputs
