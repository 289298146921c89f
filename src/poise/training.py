"""All that changes while a game is trained, and so all that a checkpoint holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from math import inf, isnan
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import Checkpoint, fit_into
from .errors import NonFinite
from .game import Batch, Game, Loss, Whole
from .lowered import Lowered
from .optim import Average, Base, Clip, Convergence, Flat
from .play import Play, Seat
from .rng import Rng
from .rules import Rule
from .statistics import SAMPLES, Estimated, Statistics

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
Schedule = Callable[[float], Mapping[str, Any]]

LARGE = 1e3  # weights beyond this are no longer those of a network that learns


class Training:
    """A game, its rule, and each player's flat buffers, optimizer and average, after so many steps.

    Args:
        game: already on its device and in its memory format; its parameters move into flat buffers.
        rule: who moves when.
        optimizers: for each player a function from a list of parameters (its one flat vector) to an optimizer, such
            as a `torch.optim.Optimizer` class.
        schedules: for each player a function from progress (0 to 1) to values of the optimizer's settings.
        clips: limits on players' gradients; a limit belongs to one player, because it may have a memory.
        rng: the run's randomness.
        autocast: makes the context in which losses are computed.
        half_life: half-life of the averages of weights, in samples seen.
        ramp: the half-life is at most this share of the samples seen so far.
        converged: for training on the whole data, when each player is done.

    Raises:
        PoiseError: the rule cannot play this game with these optimizers.

    Example:
        >>> from poise.config import GanConfig
        >>> from poise.models import build
        >>> from poise.optim import Adam
        >>> from poise.rules import Alternating
        >>> game = build(GanConfig(network="mlp", width=8, latent=2), (2,))
        >>> training = Training(game, Alternating(), dict.fromkeys(game.players, Adam))
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
        clips: Mapping[str, Clip] | None = None,
        rng: Rng = Rng(0),  # noqa: B008  (frozen)
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
        half_life: float | None = 20_000,
        ramp: float = 0.1,
        converged: Mapping[str, Convergence] | None = None,
    ) -> None:
        self.game, self.rule, self.rng = game, rule, rng
        self.step, self.dealt, self.examples, self.seconds = 0, 0, 0, 0.0  # dealt: batches played so far
        self.gradients = 0  # evaluated so far, see `Play.evaluations`
        self.ended: str | None = None
        self.cures = 0  # attempts to mend the run, of which this is the last
        self.statistics = Statistics(game)
        # the step, from how many samples, and the averaged weights' statistics
        self._estimated: tuple[tuple[int, int], Estimated] = ((-1, 0), {})
        self._autocast, self._schedules = autocast, schedules or {}
        self._clips, self._converged = clips or {}, converged or {}
        self.flats = {player: Flat(game.get_submodule(player)) for player in game.players}
        self.optimizers = {player: optimizers[player]([flat.vector]) for player, flat in self.flats.items()}
        self.averages = {player: Average(self.flats[player], half_life, ramp) for player in game.averaged}
        self.seats = {player: self._seat(player) for player in game.players}
        rule.check(game, self.optimizers)

    def _seat(self, player: str) -> Seat:
        """Let an optimizer of Poise clip and average in its own pass; for others the seat does it."""
        seat = Seat(self.flats[player], self.optimizers[player])
        if self._context() is not nullcontext:
            seat.lowered = Lowered(seat.flat)
        clip, average = self._clips.get(player), self.averages.get(player)
        each_step = average is not None and self.rule.every == 1
        if isinstance(seat.optimizer, Base):
            seat.optimizer.clip = clip
            if average is not None and each_step:
                seat.optimizer.keep_average(average)
            # a rule that moves the weights itself goes past the optimizer's pass
            seat.average = average if each_step else None
        else:
            seat.clip, seat.average = clip, average if each_step else None
        return seat

    def play(self, batches: Sequence[Batch] | Whole, progress: float) -> Mapping[str, Loss]:
        """Play one step on these batches and return each player's loss.

        On the `Whole` data the randomness is the same in every step, so that a fixed function is descended.

        Raises:
            NonFinite: a loss became infinite or not a number; the message names the player.
        """
        self.game.progress = progress
        for player, schedule in self._schedules.items():
            for group in self.optimizers[player].param_groups:
                group.update(schedule(progress))
        step = self.step + 1
        if isinstance(batches, Whole):
            examples, each, rng = batches.samples, batches.samples, self.rng.at(0)
        else:
            examples, each, rng = sum(map(len, batches)), len(batches[-1]), self.rng.at(step)
        for average in self.averages.values():
            average.batch = self.rule.every * each
        play = Play(self.game, self.seats, batches, rng, step, self._context(), progress)
        self.statistics.begin()
        try:
            losses = self.rule.step(play)
        except NonFinite as error:
            raise NonFinite(self._explain(error)) from None
        self.step, self.dealt, self.examples = step, self.dealt + len(batches), self.examples + examples
        self.gradients += play.evaluations
        if self.rule.every > 1 and step % self.rule.every == 0:
            for average in self.averages.values():
                average.update()
        self._judge(losses)
        return losses

    def _context(self) -> Callable[[], AbstractContextManager[object]]:
        return nullcontext if self.rule.second_order else self._autocast

    def _judge(self, losses: Mapping[str, Loss]) -> None:
        """Note why training has ended, if every player's full-batch descent has converged."""
        reasons = {
            player: test.reached(
                losses[player].total.item(), torch.linalg.vector_norm(self.flats[player].gradient).item()
            )
            for player, test in self._converged.items()
        }
        if reasons and all(reasons.values()):
            several = len(reasons) > 1
            self.ended = "; ".join(f"{player}: {why}" if several else str(why) for player, why in reasons.items())

    @contextmanager
    def _averaged(self, samples: int) -> Iterator[None]:
        """Within the context, players have their averaged weights, and normalization the statistics of these."""
        with ExitStack() as stack:
            for average in self.averages.values():
                stack.enter_context(average.applied())
            if self._estimated[0] != (self.step, samples):
                found = self.statistics.estimate(self.game, self.rng, samples) if self.averages else {}
                self._estimated = (self.step, samples), found
            stack.enter_context(self.statistics.at(self._estimated[1]))
            yield

    @contextmanager
    def sampling(self, samples: int = SAMPLES) -> Iterator[Game]:
        """Within the context, the game is ready to sample: averaged weights, their statistics, no gradients.

        Args:
            samples: that statistics are estimated from; by default as those of saved weights.
        """
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(self._averaged(samples))
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
        with self._averaged(SAMPLES):
            averaged = {
                f"{player}.{name}": tensor.clone()
                for player in self.averages
                for name, tensor in self.game.get_submodule(player).state_dict().items()
            }
        moments, numbers = _split({name: opt.state_dict() for name, opt in self.optimizers.items()})
        state: dict[str, Any] = {
            "step": self.step,
            "dealt": self.dealt,
            "examples": self.examples,
            "gradients": self.gradients,
            "seconds": self.seconds,
            "ended": self.ended,
            "cures": self.cures,
        }
        state |= {"optimizers": numbers, "seen": {player: average.seen for player, average in self.averages.items()}}
        state |= {"clips": {player: clip.state_dict() for player, clip in self._clips.items()}}
        state |= {"converged": {player: test.state_dict() for player, test in self._converged.items()}}
        tensors = {**weights, "average": averaged, "optimizer": moments, "rule": self.rule.state_dict()}
        return Checkpoint({name: parts for name, parts in tensors.items() if parts}, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the state of a checkpoint of the same configuration.

        Raises:
            PoiseError: its weights do not fit.
        """
        self._estimated = ((-1, 0), {})
        for player, average in self.averages.items():
            prefix = f"{player}."
            own = {
                name.removeprefix(prefix): tensor
                for name, tensor in checkpoint.tensors["average"].items()
                if name.startswith(prefix)
            }
            with average.applied():
                fit_into(self.game.get_submodule(player), own)
                average.seen = checkpoint.state["seen"][player]
        fit_into(self.game, checkpoint.tensors["weights"])  # last, for it brings the running statistics of training
        moments = checkpoint.tensors.get("optimizer", {})
        for player, state in _join(moments, checkpoint.state["optimizers"]).items():
            self.optimizers[player].load_state_dict(state)
        for player, clip in self._clips.items():
            clip.load_state_dict(checkpoint.state["clips"][player])
        for player, test in self._converged.items():
            test.load_state_dict(checkpoint.state["converged"][player])
        at = self.rng.device
        self.rule.load_state_dict({name: t.to(at) for name, t in checkpoint.tensors.get("rule", {}).items()})
        self.step, self.dealt = checkpoint.state["step"], checkpoint.state["dealt"]
        self.examples, self.seconds = checkpoint.state["examples"], checkpoint.state["seconds"]
        self.gradients = checkpoint.state["gradients"]
        self.ended = checkpoint.state["ended"]

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
