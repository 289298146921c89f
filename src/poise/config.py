"""What a run is made of, as plain values: everything that config.json holds and the command line can set.

Nothing heavy is imported here, so that `poise --help` answers at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from tyro.conf import AvoidSubcommands, Positional, arg

from .errors import PoiseError, suggestion

Penalty = Literal["r1", "r2", "wgan-gp"]
Precision = Literal["auto", "float32", "bfloat16"]
Clipping = Literal["none", "norm", "unit", "percentile"]


# Optimizers whose betas mean the same: changing from one to another keeps a recipe's values. (Not AdaBelief: it
# measures how far gradients stray from their mean, and with beta1 = 0, which recipes may have, nothing strays.)
SAME_BETAS = {"adam", "textbook-adam", "adamw", "amsgrad", "radam", "adopt", "optimistic-adam"}
# The learning rate an optimizer usually wants, where it is not Adam's 1e-3; a test holds it to its own default.
USUAL_LR = {
    "gradient-descent": 1e-2,
    "sgd": 1e-2,
    "optimistic-sgd": 1e-2,
    "lion": 1e-4,
    "schedule-free": 2.5e-3,
    "adagrad": 1e-2,
    "adadelta": 1.0,
    "adamax": 2e-3,
    "nadam": 2e-3,
    "asgd": 1e-2,
    "rprop": 1e-2,
}


@dataclass(frozen=True)
class PlayerConfig:
    """How one player learns. What is None is the optimizer's own default; what it has no use for is refused."""

    optimizer: str = "adam"
    """Turns a gradient into a move; see `poise list optimizers`."""
    lr: float = 2e-4
    """Learning rate at the start."""
    lr_end: float | None = None
    """Learning rate at the end, reached along half a cosine (None: constant)."""
    beta1: float | None = None
    """Decay of the gradient's running mean."""
    beta2: float | None = None
    """Decay of the squared gradient's running mean."""
    beta2_end: float | None = None
    """beta2 at the end, reached along half a cosine (None: constant)."""
    momentum: float | None = None
    """Share of the last move that is kept; may be negative."""
    angle: float | None = None
    """Angle of complex momentum, in radians."""
    nesterov: bool | None = None
    """Nesterov's momentum."""
    weight_decay: float | None = None
    """Pull of the weights towards zero."""
    eps: float | None = None
    """Added to the root of the squared gradient's mean."""
    clip: Clipping = "none"
    """Limit on the gradient: its norm, each unit's norm beside its weights, or a percentile of norms so far."""
    clip_limit: float | None = None
    """The norm, the share of the weights, or the percentile."""


@dataclass(frozen=True)
class GanConfig:
    """A generative adversarial network: two players, generator and discriminator."""

    network: Literal["dcgan", "residual", "mlp"] = "dcgan"
    """Networks of both players (mlp: for points in the plane)."""
    width: int = 32
    """Channels at full resolution (mlp: hidden units); everything else is a multiple of it."""
    latent: int = 64
    """Dimensions of the noise a sample is made from."""
    norm: Literal["none", "batch", "spectral"] = "none"
    """Normalization in the discriminator."""
    score_scale: float = 1.0
    """Factor on the discriminator's scores; above 1 it lets a spectrally normalized one be surer of itself."""
    loss: Literal["non-saturating", "minimax", "hinge", "wasserstein", "relativistic"] = "non-saturating"
    """What the two players minimize."""
    real_weight: float = 1.0
    """Weight of the discriminator's term on real samples."""
    penalties: tuple[Penalty, ...] = ()
    """Gradient penalties on the discriminator, added up."""
    gamma: float = 1.0
    """Weight of the penalties at the start."""
    gamma_end: float | None = None
    """Weight of the penalties at the end, reached along half a cosine (None: constant)."""
    discriminator_steps: int = 1
    """Steps of the discriminator, each on a new batch, for each step of the generator."""
    generator: PlayerConfig = field(default_factory=PlayerConfig)
    discriminator: PlayerConfig = field(default_factory=PlayerConfig)

    PLAYERS: ClassVar = ("discriminator", "generator")

    @property
    def turns(self) -> dict[str, int]:
        """Steps each player of the game takes in a turn of the alternating rule."""
        return {"discriminator": self.discriminator_steps, "generator": 1}


@dataclass(frozen=True)
class VaeConfig:
    """A variational autoencoder: one player, `vae`, of encoder, decoder, prior and likelihood."""

    network: Literal["mlp", "conv", "residual", "deepobs"] = "conv"
    """Networks of encoder and decoder (mlp: one hidden layer, for points and tables too; deepobs: the benchmark's)."""
    width: int = 32
    """Channels at full resolution (mlp: hidden units); everything else is a multiple of it."""
    latent: int = 16
    """Dimensions of the code."""
    conditional: bool = False
    """Tell encoder and decoder each sample's class, so that samples of one class can be asked for."""
    likelihood: Literal["bernoulli", "gaussian", "logistic"] = "gaussian"
    """Distribution of a value given the code (logistic: 256 gray levels)."""
    deviation: Literal["fixed", "learned", "optimal"] = "optimal"
    """Standard deviation of a gaussian likelihood, one for all values."""
    sigma: float = 1.0
    """The fixed standard deviation."""
    prior: Literal["normal", "mixture", "vamp"] = "normal"
    """Distribution of codes (vamp: the posterior's own, at learned inputs)."""
    components: int = 100
    """Components of a mixture or vamp prior."""
    objective: Literal["elbo", "stl", "iwae", "dreg"] = "elbo"
    """The bound that is maximized, and the estimator of its gradient."""
    samples: int = 1
    """Codes drawn for each sample of the data."""
    beta: float = 1.0
    """Weight of the divergence; other than 1 it is no bound."""
    schedule: Literal["linear", "cyclical"] = "linear"
    """How the divergence's weight rises: once, or in four cycles."""
    warm_up: float = 0.0
    """Linear: the share of the training in which it rises."""
    free_bits: float = 0.0
    """Nats of each dimension of the code that cost nothing."""
    tolerance: float | None = None
    """Mean squared error of a value that is good enough: the weight of the reconstruction is then found (GECO)."""
    aggressive: float = 0.0
    """The share of the training, from its start, in which the encoder takes several steps for each of the decoder."""
    encoder_steps: int = 5
    """How many, each on a new batch."""
    vae: PlayerConfig = field(default_factory=PlayerConfig)

    PLAYERS: ClassVar = ("vae",)

    @property
    def turns(self) -> dict[str, int]:
        """Steps each player of the game takes in a turn; two players, if the encoder is to take more."""
        return {"vae.encoder": self.encoder_steps, "vae.decoder": 1} if self.aggressive else {"vae": 1}


MODELS = (GanConfig, VaeConfig)


@dataclass(frozen=True)
class Config:
    """All settings of a run, resolved; a recipe returns one."""

    recipe: Annotated[Positional[str], arg(metavar="RECIPE")]
    """Name of the recipe to start from; see `poise list recipes`."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder, an archive, an array file, or the name of a built-in set."""
    model: AvoidSubcommands[Annotated[GanConfig | VaeConfig, arg(name="")]]
    """The game and its players."""
    steps: int = 10_000
    """Training steps."""
    minutes: float | None = None
    """Train for so many minutes instead of a number of steps."""
    batch: int = 32
    """Samples in a batch."""
    label_column: str | None = None
    """Column of a table that holds each row's class."""
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

    @property
    def players(self) -> dict[str, PlayerConfig]:
        """Each player's settings, by name."""
        return {name: getattr(self.model, name) for name in self.model.PLAYERS}


# Fields that may differ when a run goes on: how long it trains and how often it writes, not what it learns.
FREE_TO_CHANGE = {"steps", "minutes", "log_every", "sample_every", "checkpoint_every"}


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

    A recipe's learning rate is meant for its optimizer. Another one gets it times the ratio of both defaults.
    """
    new = changes.get("optimizer", player.optimizer)
    if new != player.optimizer:
        ratio = USUAL_LR.get(new, 1e-3) / USUAL_LR.get(player.optimizer, 1e-3)
        lr_end = None if player.lr_end is None else player.lr_end * ratio
        own = replace(player, optimizer=new, lr=player.lr * ratio, lr_end=lr_end)
        foreign: dict[str, Any] = dict.fromkeys(("momentum", "angle", "nesterov", "eps"), None)
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
    before, after = _flat(old), _flat(new)
    return {name: (before.get(name), after.get(name)) for name in after if before.get(name) != after[name]}


def check(config: Config) -> None:
    """Check what types alone cannot say.

    Raises:
        PoiseError: a value out of range; the message names the field.
    """
    _check_choices(config)
    _check_choices(config.model)
    positive: dict[str, float] = {"batch": config.batch, "steps": config.steps}
    counts = {"width", "latent", "score_scale", "discriminator_steps", "sigma", "components", "samples"}
    counts |= {"encoder_steps"}
    positive |= {f.name: getattr(config.model, f.name) for f in fields(config.model) if f.name in counts}
    positive |= {name: getattr(config, f"{name}_every") for name in ("log", "sample", "checkpoint")}
    positive |= {f"{name}.lr": player.lr for name, player in config.players.items()}
    if config.minutes is not None:
        positive["minutes"] = config.minutes
    for name, value in positive.items():
        if not value > 0:
            raise PoiseError(f"--{name.replace('_', '-')} is {value}; give a number above 0")
    for name in ("warm_up", "aggressive"):
        if not 0 <= (share := getattr(config.model, name, 0.0)) <= 1:
            raise PoiseError(f"--{name.replace('_', '-')} is {share}; give a share of the training, from 0 to 1")
    for name in ("beta", "free_bits"):
        if not (weight := getattr(config.model, name, 0.0)) >= 0:
            raise PoiseError(f"--{name.replace('_', '-')} is {weight}; give 0 or a number above it")
    for name, player in config.players.items():
        _check_choices(player, f"{name}.")
        for beta in ("beta1", "beta2", "beta2_end"):
            value = getattr(player, beta)
            if value is not None and not 0 <= value < 1:
                raise PoiseError(f"--{name}.{beta.replace('_', '-')} is {value}; give a number from 0 to below 1")
        if player.clip_limit is not None and player.clip == "none":
            raise PoiseError(f"--{name}.clip-limit limits nothing without --{name}.clip norm, unit or percentile")
    whole = {name for name, player in config.players.items() if player.optimizer == "gradient-descent"}
    if whole and whole != set(config.players):
        raise PoiseError("gradient-descent is on all of the data, for every player or none; use --optimizer, or sgd")


def _check_choices(settings: Any, prefix: str = "") -> None:
    """Check every field whose type is a choice of words; the command line does so too, but Python callers may err."""
    for name, kind in get_type_hints(type(settings)).items():
        repeated = get_origin(kind) is tuple
        choices = get_args(get_args(kind)[0] if repeated else kind)
        if get_origin(get_args(kind)[0] if repeated else kind) is Literal:
            given = getattr(settings, name)
            for value in given if repeated else [given]:
                if value not in choices:
                    raise PoiseError(f"no {prefix}{name} {value!r}; {suggestion(str(value), choices)}")


def _check_names(given: Mapping[str, Any], target: Any, also: Iterable[str] = ()) -> None:
    known = {f.name for f in fields(target)} | set(also)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise PoiseError(f"no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _flat(config: Any, prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            values |= _flat(value, "" if f.name == "model" else f"{f.name}.")
        else:
            values[prefix + f.name] = value
    return values
