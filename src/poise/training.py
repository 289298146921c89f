"""All that changes while a game is trained, and so all that a checkpoint holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from math import inf, isnan
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import Checkpoint
from .errors import NonFinite
from .game import Batch, Game, Loss, Play
from .optim import Average, Flat
from .rng import Rng
from .rules import Rule

MakeOptimizer = Callable[[nn.Parameter], torch.optim.Optimizer]
Schedule = Callable[[float], Mapping[str, Any]]

LARGE = 1e3  # weights beyond this are no longer those of a network that learns


class Training:
    """A game, its rule, and each player's flat buffers, optimizer and average, after so many steps.

    Args:
        game: already on its device and in its memory format; its parameters move into flat buffers.
        rule: who moves when.
        optimizers: for each player a function from its flat vector to an optimizer over it.
        schedules: for each player a function from progress (0 to 1) to values of the optimizer's settings.
        rng: the run's randomness.
        autocast: makes the context in which losses are computed.
        half_life: half-life of the averages of weights, in samples seen.
        ramp: the half-life is at most this share of the samples seen so far.

    Example:
        >>> from poise.config import GanConfig
        >>> from poise.models import build
        >>> from poise.optim import adam
        >>> from poise.rules import Alternating
        >>> game = build(GanConfig(network="mlp", width=8, latent=2), (2,))
        >>> training = Training(game, Alternating(), dict.fromkeys(game.players, adam))
        >>> losses = training.play([Batch(torch.randn(16, 2))], progress=0.0)
        >>> training.step, training.examples, sorted(losses)
        (1, 16, ['discriminator', 'generator'])
    """

    def __init__(
        self,
        game: Game,
        rule: Rule,
        optimizers: Mapping[str, MakeOptimizer],
        *,
        schedules: Mapping[str, Schedule] | None = None,
        rng: Rng = Rng(0),  # noqa: B008  (frozen)
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
        half_life: float = 20_000,
        ramp: float = 0.1,
    ) -> None:
        self.game, self.rule, self.rng = game, rule, rng
        self.step, self.examples, self.seconds = 0, 0, 0.0
        self._autocast, self._schedules = autocast, schedules or {}
        self.flats = {player: Flat(game.get_submodule(player)) for player in game.players}
        self.optimizers = {player: optimizers[player](flat.vector) for player, flat in self.flats.items()}
        self.averages = {player: Average(self.flats[player], half_life, ramp) for player in game.averaged}

    def play(self, batches: Sequence[Batch], progress: float) -> Mapping[str, Loss]:
        """Play one step on these batches and return each player's loss.

        Raises:
            NonFinite: a loss became infinite or not a number; the message names the player.
        """
        self.game.progress = progress
        for player, schedule in self._schedules.items():
            self.optimizers[player].param_groups[0].update(schedule(progress))
        step = self.step + 1
        play = Play(self.game, self.flats, self.optimizers, batches, self.rng.at(step), self._autocast)
        try:
            losses = self.rule.step(play)
        except NonFinite as error:
            raise NonFinite(self._explain(error)) from None
        self.step, self.examples = step, self.examples + sum(map(len, batches))
        for average in self.averages.values():
            average.update(len(batches[-1]), self.examples)
        return losses

    @contextmanager
    def sampling(self) -> Iterator[Game]:
        """Within the context, the game is ready to sample: averaged weights, running statistics, no gradients."""
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            for average in self.averages.values():
                stack.enter_context(average.applied())
            self.game.eval()
            stack.callback(self.game.train)
            yield self.game

    def checkpoint(self) -> Checkpoint:
        """Return everything needed to go on from here bit for bit.

        Raises:
            NonFinite: some weights are no numbers any more; such a state is never saved.
        """
        for player, flat in self.flats.items():
            if not torch.isfinite(flat.vector).all():
                raise NonFinite(
                    f"the {player}'s weights are no longer finite at step {self.step}; "
                    f"lower --{player}.lr, and run with --overwrite"
                )
        weights = {"weights": self.game.state_dict()}
        with ExitStack() as stack:
            for average in self.averages.values():
                stack.enter_context(average.applied())
            averaged = {
                f"{player}.{name}": tensor.clone()
                for player in self.averages
                for name, tensor in self.game.get_submodule(player).state_dict().items()
            }
        moments, numbers = _split({name: opt.state_dict() for name, opt in self.optimizers.items()})
        state = {"step": self.step, "examples": self.examples, "seconds": self.seconds, "optimizers": numbers}
        return Checkpoint({**weights, "average": averaged, "optimizer": moments}, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the state of a checkpoint of the same configuration."""
        self.game.load_state_dict(dict(checkpoint.tensors["weights"]))
        for player, average in self.averages.items():
            prefix = f"{player}."
            own = {
                name.removeprefix(prefix): tensor
                for name, tensor in checkpoint.tensors["average"].items()
                if name.startswith(prefix)
            }
            with average.applied():
                self.game.get_submodule(player).load_state_dict(own)
        for player, state in _join(checkpoint.tensors["optimizer"], checkpoint.state["optimizers"]).items():
            self.optimizers[player].load_state_dict(state)
        self.step, self.examples = checkpoint.state["step"], checkpoint.state["examples"]
        self.seconds = checkpoint.state["seconds"]

    def _explain(self, error: NonFinite) -> str:
        """Say whose weights blew up: often the other player's than the one whose loss shows it."""
        sizes = {player: flat.vector.detach().abs().max().item() for player, flat in self.flats.items()}
        worst = max(sizes, key=lambda player: inf if isnan(sizes[player]) else sizes[player])
        if sizes[worst] < LARGE:
            return str(error)
        what = str(error).partition(";")[0]
        return f"{what}: the {worst}'s weights grew to {sizes[worst]:.1e}; lower --{worst}.lr"


def _split(states: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Part optimizers' state dictionaries into tensors named "player.index.name" and plain numbers."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for player, state in states.items():
        rest: dict[str, dict[str, Any]] = {}
        for index, values in state["state"].items():
            for name, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"{player}.{index}.{name}"] = value
                else:
                    rest.setdefault(str(index), {})[name] = value
        numbers[player] = {"state": rest, "param_groups": state["param_groups"]}
    return tensors, numbers


def _join(tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Undo `_split`, after a round trip through JSON."""
    states = {}
    for player, plain in numbers.items():
        state = {int(index): dict(values) for index, values in plain["state"].items()}
        for key, tensor in tensors.items():
            owner, index, name = key.rsplit(".", 2)
            if owner == player:
                state.setdefault(int(index), {})[name] = tensor
        states[player] = {"state": state, "param_groups": plain["param_groups"]}
    return states
