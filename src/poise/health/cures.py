"""What is tried against each failure, in which order: one change of the settings at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Config, GanConfig, VaeConfig, first_gamma, override

MOST = 5  # attempts in a run
PACK = 2  # samples in a pack
FAR = 100.0  # learning rates of two players that hinder each other
Change = Mapping[str, Any]  # as for `poise.config.override`


@dataclass(frozen=True)
class Cure:
    """One change.

    Attributes:
        name: for a person to read.
        change: from the settings to what is changed of them; nothing, if it is of no use to such a run.
    """

    name: str
    change: Callable[[Config], Change]


def more_penalty(config: Config) -> Change:
    """Switch R1 on, or raise its weight tenfold."""
    if not isinstance(config.model, GanConfig):
        return {}
    if not config.model.penalties:
        return {"penalties": ("r1",), "gamma": first_gamma(config), "gamma_end": None}
    end = config.model.gamma_end
    return {"gamma": 10 * _gamma(config), "gamma_end": None if end is None else 10 * end}


def relativistic(config: Config) -> Change:
    """Compare pairs, with R1 and R2, which alone of the losses here leave a generator no way to drop a mode."""
    if not isinstance(config.model, GanConfig) or config.model.loss == "relativistic":
        return {}
    return {"loss": "relativistic", "penalties": ("r1", "r2"), "gamma": _gamma(config)}


def _gamma(config: Config) -> float:
    """Return the weight of the penalties as it is, or as it would begin."""
    assert isinstance(config.model, GanConfig)
    given = config.model.gamma if config.model.penalties else None
    return first_gamma(config) if given is None else given


def packed(config: Config) -> Change:
    """Let the discriminator judge two samples at once, to which it shows when they are alike (PacGAN)."""
    if not isinstance(config.model, GanConfig) or config.model.packing > 1:
        return {}
    return _if_batches_fit(config, {"packing": PACK})


def deviation(config: Config) -> Change:
    """Tell the discriminator how much the samples of a group differ."""
    if not isinstance(config.model, GanConfig) or config.model.minibatch_deviation:
        return {}
    return _if_batches_fit(config, {"minibatch_deviation": True})


def _if_batches_fit(config: Config, change: Change) -> Change:
    model = override(config, change).model
    return change if isinstance(model, GanConfig) and config.batch % model.together == 0 else {}


def augmented(config: Config) -> Change:
    """Augment what the discriminator sees, as strongly as ADA's controller finds right."""
    return {"augment": 0.6} if isinstance(config.model, GanConfig) and not config.model.augment else {}


def slower(config: Config) -> Change:
    """Divide every learning rate by ten, and let it fall to a hundredth of that where it was constant."""
    return {
        name: {"lr": player.lr / 10, "lr_end": (player.lr if player.lr_end is None else 100 * player.lr_end) / 1000}
        for name, player in config.players.items()
    }


def even_rates(config: Config) -> Change:
    """Let both players learn at the greater of their rates."""
    fastest = max(config.players.values(), key=lambda player: player.lr)
    return {name: {"lr": fastest.lr, "lr_end": fastest.lr_end} for name in config.players}


def even_if_far_apart(config: Config) -> Change:
    """Do so where one rate is more than a hundred times the other, which hardly anybody means."""
    rates = [player.lr for player in config.players.values()]
    return even_rates(config) if max(rates) > FAR * min(rates) else {}


def step_for_step(config: Config) -> Change:
    """Let the discriminator take one step for each of the generator, whose loss is steep where it loses."""
    if not isinstance(config.model, GanConfig):
        return {}
    loss = "non-saturating" if config.model.loss == "minimax" else config.model.loss
    wanted = {"discriminator_steps": 1, "loss": loss}
    return wanted if (config.model.discriminator_steps, config.model.loss) != (1, loss) else {}


def extragradient(config: Config) -> Change:
    """Take gradients half a step ahead, which turns circles into spirals inwards."""
    alone = set(config.model.turns.values()) == {1}
    return {"rule": "extragradient"} if alone and config.rule in ("alternating", "simultaneous") else {}


def lookahead(config: Config) -> Change:
    """Go back half of the way every few steps, to the inside of the circle."""
    if config.rule not in ("alternating", "simultaneous"):
        return {}
    return {"rule": "lookahead", "inner_rule": config.rule}


def mirror(config: Config) -> Change:
    """Mirror images left to right, which doubles the data."""
    return {"flip": True} if config.size is not None and not config.flip else {}


def warm_up(config: Config) -> Change:
    """Let the divergence's weight rise over half of the training, to 1 at most."""
    if isinstance(config.model, GanConfig):
        return {}
    return {"beta": min(1.0, config.model.beta), "warm_up": 0.5, "schedule": "linear"}


def free_bits(config: Config) -> Change:
    """Let the first nats of each dimension cost nothing."""
    if isinstance(config.model, GanConfig):
        return {}
    if isinstance(config.model, VaeConfig) and (config.model.objective, config.model.prior) != ("elbo", "normal"):
        return {}
    return {"free_bits": 0.1 if isinstance(config.model, VaeConfig) else 0.01, "beta": min(1.0, config.model.beta)}


def aggressive(config: Config) -> Change:
    """Let the encoder take five steps for each of the decoder in the first third (He et al. 2019)."""
    if not isinstance(config.model, VaeConfig) or config.rule != "alternating":
        return {}
    return {"aggressive": 0.3, "beta": min(1.0, config.model.beta)}


def own_outputs(config: Config) -> Change:
    """Let the model read its own outputs as the past at up to a third of the steps."""
    return {"scheduled": 0.3} if hasattr(config.model, "scheduled") else {}


# These change the shape of the discriminator, and so cannot go on from a checkpoint.
RESHAPING = {"packing", "minibatch_deviation"}

PENALTY, PAIRS = Cure("raise gamma", more_penalty), Cure("relativistic pairs with R1 and R2", relativistic)
SLOWER, AHEAD = Cure("lower learning rates", slower), Cure("extragradient", extragradient)
PACKS, GROUPS = Cure("packs of two", packed), Cure("minibatch deviation", deviation)
EVEN = Cure("even rates", even_if_far_apart)
AUGMENT, MIRROR = Cure("augment", augmented), Cure("mirror images", mirror)
CURES: Mapping[str, tuple[Cure, ...]] = {
    "mode-collapse": (EVEN, PENALTY, PAIRS, PACKS, GROUPS, SLOWER),
    "discriminator-overpowers": (EVEN, Cure("step for step", step_for_step), PENALTY, SLOWER),
    "generator-idle": (Cure("even rates", even_rates),),
    "discriminator-idle": (Cure("even rates", even_rates),),
    "rotation": (EVEN, PENALTY, AHEAD, Cure("lookahead", lookahead), SLOWER),
    "divergence": (EVEN, SLOWER, PENALTY, AHEAD),
    "discriminator-overfits": (AUGMENT, PENALTY, MIRROR, SLOWER),
    "posterior-collapse": (Cure("warm up", warm_up), Cure("free bits", free_bits), Cure("encoder first", aggressive)),
    "decoder-ignores-time": (Cure("own outputs", own_outputs), Cure("warm up", warm_up)),
}


def next_cure(code: str, config: Config, tried: list[str]) -> tuple[str, Change] | None:
    """Return the next cure of a failure and its change; None if nothing is left, or enough was tried.

    Args:
        code: the failure.
        config: as it was asked for.
        tried: the names of cures so far.

    Example:
        >>> next_cure("rotation", Config("gan", "ring", GanConfig(penalties=("r1",), gamma=1.0)), [])
        ('raise gamma', {'gamma': 10.0, 'gamma_end': None})
    """
    if len(tried) >= MOST:
        return None
    for cure in CURES.get(code, ()):
        change = cure.change(config)
        if cure.name not in tried and override(config, change) != config:
            return cure.name, change
    return None
