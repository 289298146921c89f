"""Checks of settings that their types alone cannot make."""

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import PoiseError, suggestion
from .models import GanConfig, RvaeConfig
from .settings import Config

TOYS = ("ring", "grid")


def check(config: Config) -> None:
    """Check what types alone cannot say.

    Raises:
        PoiseError: a value out of range; the message names the field.
    """
    _check_choices(config)
    _check_choices(config.model)
    positive: dict[str, float] = {"batch": config.batch, "steps": config.steps}
    counts = {"width", "latent", "score_scale", "discriminator_steps", "sigma", "components", "samples", "packing"}
    counts |= {"encoder_steps"}
    positive |= {f.name: getattr(config.model, f.name) for f in fields(config.model) if f.name in counts}
    positive |= {
        f.name: value
        for f in fields(config)
        if f.name.endswith("_every") and (value := getattr(config, f.name)) is not None
    }
    positive |= {f"{name}.lr": player.lr for name, player in config.players.items()}
    lengths = {
        name: value for name in ("minutes", "examples", "gradients") if (value := getattr(config, name)) is not None
    }
    positive |= lengths if config.window is None else {**lengths, "window": config.window}
    for name, value in positive.items():
        if not value > 0:
            raise PoiseError(f"--{name.replace('_', '-')} is {value}; give a number above 0")
    if len(lengths) > 1:
        raise PoiseError(f"--{' and --'.join(lengths)} both say how long to train; give one of them")
    for name in ("warm_up", "aggressive", "scheduled"):
        if not 0 <= (share := getattr(config.model, name, 0.0)) <= 1:
            raise PoiseError(f"--{name.replace('_', '-')} is {share}; give a share of the training, from 0 to 1")
    for name in ("beta", "free_bits"):
        if not (weight := getattr(config.model, name, 0.0)) >= 0:
            raise PoiseError(f"--{name.replace('_', '-')} is {weight}; give 0 or a number above it")
    if isinstance(config.model, GanConfig):
        _check_gan(config.model, config.batch)
    if config.score in ("bound", "nll") and isinstance(config.model, GanConfig):
        raise PoiseError(f"--score {config.score} is of VAEs; a GAN has no likelihood, use frechet or coverage")
    if config.score == "nll" and isinstance(config.model, RvaeConfig):
        raise PoiseError("--score nll is of VAEs of images and tables; for series use bound")
    if config.score in ("modes", "high_quality", "modes_kl") and config.data not in TOYS:
        raise PoiseError(f"--score {config.score} needs known modes, as ring and grid have; use frechet or coverage")
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


def _check_gan(model: GanConfig, batch: int) -> None:
    """Check that batches can be judged in packs and groups, and that augmentation has a target."""
    if batch % model.together:
        what = "--packing" if model.packing > 1 else "--minibatch-deviation"
        raise PoiseError(f"{what} needs a multiple of {model.together} samples; --batch {batch} is none")
    if not 0 <= model.augment < 1:
        raise PoiseError(f"--augment is {model.augment}; give ADA's target, from 0 (off) to below 1, as .6")


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
