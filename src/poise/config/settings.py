"""All settings of a run, and what can be done with them: to JSON and back, with changes, side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from tyro.conf import AvoidSubcommands, FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .models import GanConfig, RvaeConfig, VaeConfig
from .player import OWN, SAME_BETAS, USUAL_LR, PlayerConfig

Precision = Literal["auto", "float32", "bfloat16"]
MODELS = (GanConfig, VaeConfig, RvaeConfig)


Score = Literal[
    "bound", "nll", "frechet", "kid", "precision", "recall", "density", "coverage", "modes", "high_quality", "modes_kl"
]
LOWER = {"nll", "frechet", "kid", "modes_kl"}  # scores of which less is better


@dataclass(frozen=True)
class Config:
    """All settings of a run, resolved; a recipe returns one."""

    recipe: Annotated[Positional[str], arg(metavar="RECIPE")]
    """Name of the recipe to start from; see `poise list recipes`."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder, an archive, an array file, or the name of a built-in set."""
    model: AvoidSubcommands[Annotated[GanConfig | VaeConfig | RvaeConfig, arg(name="")]]
    """The game and its players."""
    steps: int = 10_000
    """Training steps."""
    minutes: float | None = None
    """Train for so many minutes instead of a number of steps."""
    examples: int | None = None
    """Train on so many examples instead of a number of steps."""
    gradients: int | None = None
    """Train for so many gradient evaluations, each of one player on one batch, instead of a number of steps."""
    batch: int = 32
    """Samples in a batch."""
    label_column: str | None = None
    """Column of a table that holds each row's class."""
    series_id: str | None = None
    """Series: column that tells which series a row belongs to (None: the rows are one series)."""
    time: str | None = None
    """Series: column of times, by which rows must be in order."""
    window: int | None = None
    """Series: steps of the pieces that long series are cut into (None: up to 100 of a long one, else whole series)."""
    carry: Annotated[bool, FlagCreatePairsOff] = False
    """Series: deal a long series in order, and let each piece begin in the state in which the one before it ended."""
    size: int | None = None
    """Image height and width in pixels (None: that of the images, or 64 where they differ)."""
    flip: bool = False
    """Mirror half of the training images left to right."""
    rule: str = "alternating"
    """Who moves when; see `poise list rules`."""
    inner_rule: str | None = None
    """Lookahead: the rule between its steps back (None: alternating)."""
    lookahead_k: int | None = None
    """Lookahead: steps between its steps back."""
    lookahead_alpha: float | None = None
    """Lookahead: how far it goes, from 0 (all the way back) to 1."""
    rule_weight: float | None = None
    """Consensus: weight of the field's length. Symplectic: weight of the adjustment."""
    unrolled_steps: int | None = None
    """Unrolled: steps of the first player that the second looks through."""
    stop_gradient: float = 1e-5
    """Full-batch descent has converged when the gradient's norm is below this."""
    stop_change: float = 1e-9
    """Full-batch descent has converged when the loss changes by less than this share of itself in a step."""
    average_half_life: float = 20_000
    """Half-life of the moving average of the weights that samples are made from, in images."""
    average_ramp: float = 0.1
    """The half-life is at most this share of the images seen so far."""
    seed: int = 0
    """Seed of everything random in the run."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Precision = "auto"
    """Precision of the networks' arithmetic; weights, losses and optimizers stay float32."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl."""
    sample_every: int = 250
    """Steps between pictures of samples."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    evaluate_every: int | None = None
    """Steps between scores of the averaged weights on a validation part, of which the best checkpoint is kept. (None:
    250 for series that have such a part; never for others, of whose training rows a part is set aside for it.)"""
    score: Score | None = None
    """The score by which a checkpoint is best. (None: the bound of VAEs; of GANs frechet for images, coverage for
    points. modes, high_quality and modes_kl: of ring and grid.)"""
    watch_every: int = 100
    """Steps between looks at the run's health."""
    report_every: int | None = None
    """Steps between reports, report.html in the run, while it is trained. (None: one at its end.)"""
    cure: Annotated[bool, FlagCreatePairsOff] = False
    """When the run fails, go back to where it was healthy, change one setting and go on."""

    @property
    def players(self) -> dict[str, PlayerConfig]:
        """Each player's settings, by name."""
        return {name: getattr(self.model, name) for name in self.model.PLAYERS}

    def best_by(self, kind: str) -> str:
        """Return the score by which a checkpoint is best, for a kind of data."""
        usual = "frechet" if kind == "images" else "coverage"
        return self.score or (usual if isinstance(self.model, GanConfig) else "bound")


# Fields that may differ when a run goes on: how long it trains and how often it writes, not what it learns.
FREE_TO_CHANGE = {
    "steps",
    "minutes",
    "examples",
    "gradients",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "evaluate_every",
    "watch_every",
    "report_every",
    "cure",
}


def to_json(config: Config) -> dict[str, Any]:
    """Return the configuration as plain JSON values.

    Example:
        >>> to_json(Config("gan", "ring", GanConfig()))["model"]["generator"]["lr"]
        0.0002
    """
    return asdict(config)


def from_json(values: Mapping[str, Any]) -> Config:
    """Rebuild a configuration from `to_json`'s values.

    Raises:
        PoiseError: a field is missing or unknown, as in the folder of another version of Poise.
    """
    try:
        if missing := {f.name for f in fields(Config)} - set(values):
            raise KeyError(", ".join(sorted(missing)))
        model = dict(values["model"])
        (kind,) = [kind for kind in MODELS if {f.name for f in fields(kind)} == set(model)]
        for name, value in model.items():
            model[name] = PlayerConfig(**value) if isinstance(value, dict) else value
            model[name] = tuple(value) if isinstance(value, list) else model[name]
        return Config(**{**values, "model": kind(**model)})
    except (KeyError, TypeError, ValueError) as error:
        raise PoiseError(
            f"config.json does not fit this version of Poise ({error}); train again into another folder"
        ) from None


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """Return the configuration with some fields changed, by their command-line names in Python spelling.

    Args:
        config: where to start.
        changes: field → value; a model's field stands beside the others (`gamma=1`), a player's is a mapping
            (`generator={"lr": 1e-3}`), and `lr=` or `optimizer=` sets all players'; a player's own value wins.

    Raises:
        PoiseError: no such field; the message names the nearest one.

    Example:
        >>> config = Config("gan", "ring", GanConfig())
        >>> override(config, {"lr": 1e-3, "generator": {"lr": 5e-4}, "batch": 32}).players["generator"].lr
        0.0005
    """
    changes = dict(changes)
    everyone = {name: changes.pop(name, None) for name in ("lr", "optimizer")}
    everyone = {name: value for name, value in everyone.items() if value is not None}
    players: dict[str, Any] = {name: _changed(player, everyone) for name, player in config.players.items()}
    config = replace(config, model=replace(config.model, **players))
    model_fields = {f.name for f in fields(config.model)}
    model = {name: changes.pop(name) for name in list(changes) if name in model_fields}
    for name, value in model.items():
        if name in players and isinstance(value, Mapping):
            _check_names(value, players[name])
            model[name] = _changed(players[name], value)
    _check_names(changes, config, also=model_fields | {"lr", "optimizer"})
    return replace(config, **changes, model=replace(config.model, **model))


def _changed(player: PlayerConfig, changes: Mapping[str, Any]) -> PlayerConfig:
    """Return the player with changes; another optimizer begins with its own settings.

    A recipe's learning rate is meant for its optimizer. Another one gets it times the ratio of both defaults; what Muon
    has for biases and gains, which it leaves to Adam, is Adam's.
    """
    new = changes.get("optimizer", player.optimizer)
    if new != player.optimizer:
        adams = 1.0 if player.vector_rate is None else player.vector_rate
        ratio = adams * USUAL_LR.get(new, 1e-3) / USUAL_LR.get(player.optimizer, 1e-3)
        lr_end = None if player.lr_end is None else player.lr_end * ratio
        own = replace(player, optimizer=new, lr=player.lr * ratio, lr_end=lr_end)
        foreign: dict[str, Any] = dict.fromkeys(OWN, None)
        if not {new, player.optimizer} <= SAME_BETAS:
            foreign |= dict.fromkeys(("beta1", "beta2", "beta2_end"), None)
        player = replace(own, **foreign)
    return replace(player, **changes)


def differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, as name → (old value, new value), a player's under "player.field".

    Example:
        >>> config = Config("gan", "ring", GanConfig())
        >>> differences(config, override(config, {"batch": 64, "generator": {"lr": 1.0}}))
        {'generator.lr': (0.0002, 1.0), 'batch': (32, 64)}
    """
    before, after = flat(old), flat(new)
    return {name: (before.get(name), after.get(name)) for name in after if before.get(name) != after[name]}


def _check_names(given: Mapping[str, Any], target: Any, also: Iterable[str] = ()) -> None:
    known = {f.name for f in fields(target)} | set(also)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise PoiseError(f"no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return all settings by name, a player's under "player.field".

    Example:
        >>> flat(Config("gan", "ring", GanConfig()))["generator.lr"]
        0.0002
    """
    values: dict[str, Any] = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            values |= flat(value, "" if f.name == "model" else f"{f.name}.")
        else:
            values[prefix + f.name] = value
    return values
