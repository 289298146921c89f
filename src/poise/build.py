"""From settings to objects: what a configuration means with these data on this machine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from . import models
from .config import Config, GanConfig, PlayerConfig, RvaeConfig, VaeConfig, check, first_gamma
from .data import Dataset, load
from .data.batches import Batches
from .data.options import SeriesOptions
from .data.scaling import Scaling
from .data.windows import Windows
from .device import autocast, choose_device, choose_precision
from .errors import PoiseError, suggestion
from .game import Game
from .memory import keep_freed
from .models.rvae import SCALED, Facts, kinds_of
from .optim import OPTIMIZERS, Clip, ClipNorm, ClipPercentile, ClipUnits, Convergence
from .rng import Rng
from .rules import RULES, Rule
from .schedule import anneal
from .training import Schedule, Training

FEWEST = 10  # samples that others are compared with while training
FIRST_LOOK = 1_000  # samples that weights may begin from
MOST_CLASSES = 1_000  # of a categorical feature
Handed = Mapping[str, Callable[..., torch.optim.Optimizer]]


def resolve(
    config: Config, progress: Callable[[int, int], None] | None = None, handed: Handed | None = None
) -> tuple[Config, Dataset]:
    """Load the data and fill in what depends on them and on this machine.

    Args:
        config: a recipe's, perhaps changed.
        progress: called with the number of images read and their total.
        handed: optimizers that are not in Poise's table, by the names that the configuration calls them.

    Returns:
        The configuration with its device, precision and size settled; and the data, tables in one scale.

    Raises:
        PoiseError: a value out of range, an unknown rule, optimizer or device, or unusable data.

    Example:
        >>> from poise.recipes import from_recipe
        >>> config, dataset = resolve(from_recipe("gan", "ring"))
        >>> config.precision, sample_shape(dataset)
        ('float32', (2,))
    """
    check(config)
    _known("rule", config.rule, RULES)
    for name, player in config.players.items():
        _known(f"{name}.optimizer", player.optimizer, {**OPTIMIZERS, **(handed or {})})
        _try(name, player, handed)
    if config.carry and whole_data(config):
        raise PoiseError("--carry deals pieces in order, and gradient-descent takes all at once; leave one of them out")
    if make_rule(config).second_order and whole_data(config):
        raise PoiseError(f"the rule {config.rule} does not go through all of the data; use --optimizer sgd")
    device = choose_device(config.device)
    dataset = read(config, config.data, progress)
    if config.evaluate_every is not None:
        dataset = dataset.with_validation()
        assert dataset.valid is not None
        if config.best_by(dataset.kind) != "bound" and len(dataset.valid) < FEWEST:
            few = f"{len(dataset.valid)} of the training samples of {dataset.name}"
            raise PoiseError(
                f"--evaluate-every sets only {few} aside, and {FEWEST} are needed; leave it out, or add data"
            )
    dataset = scaled(config, dataset)
    precision = choose_precision(config.precision, device) if _coarse(config, dataset) else "float32"
    size = dataset.train.shape[1] if dataset.kind == "images" else None
    if isinstance(dataset.train, Windows):
        config = replace(config, window=dataset.train.steps)
    elif config.carry:
        raise PoiseError(f"--carry is for series, and {dataset.name} holds none; leave it out")
    config = replace(config, device=device, precision=precision, size=size)
    if isinstance(config.model, GanConfig) and config.model.penalties and config.model.gamma is None:
        config = replace(config, model=replace(config.model, gamma=first_gamma(config)))
    return config, dataset


def _coarse(config: Config, dataset: Dataset) -> bool:
    """Whether half precision is enough: for images, bits and classes, not for numbers that change by little."""
    if isinstance(config.model, RvaeConfig):
        return not set(kinds_of(config.model, dataset.columns)) & {*SCALED, "counts"}
    return dataset.kind == "images"


def read(config: Config, source: str, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Load data as a configuration says they are to be read, in their own units.

    Raises:
        PoiseError: unusable data, or options that they have no use for.
    """
    series = None
    if isinstance(config.model, RvaeConfig):
        series = SeriesOptions(config.window, config.series_id, config.time)
    else:
        for option, given in {"series-id": config.series_id, "time": config.time, "window": config.window}.items():
            if given is not None:
                raise PoiseError(f"--{option} is for series; write poise train rvae, or leave it out")
    return load(source, size=config.size, label_column=config.label_column, series=series, progress=progress)


def scaled(config: Config, dataset: Dataset) -> Dataset:
    """Return tables, points and series in one scale; bits, classes and counts stay what they are."""
    if dataset.kind in ("table", "points"):
        bits = getattr(config.model, "likelihood", None) == "bernoulli"
        return dataset.standardized(Scaling.none(dataset.train.shape[1]) if bits else None)
    if dataset.kind == "series" and isinstance(config.model, RvaeConfig):
        found = dataset.standardized().scaling
        assert found is not None
        numbers = np.array([kind in SCALED for kind in kinds_of(config.model, dataset.columns)])
        scaling = Scaling(np.where(numbers, found.center, 0.0), np.where(numbers, found.scale, 1.0))
        return dataset.standardized(scaling)
    return dataset


def sample_shape(dataset: Dataset) -> tuple[int, ...]:
    """Return the shape of one sample as the game takes it: [c, h, w] or [d]."""
    shape = tuple(dataset.train.shape[1:])
    return (shape[2], shape[0], shape[1]) if dataset.kind == "images" else shape


def series_facts(config: Config, dataset: Dataset) -> Facts | None:
    """Return what a recurrent VAE must know of series; None of other data."""
    if not isinstance(dataset.train, Windows):
        return None
    gaps, whole, low, high = False, True, np.inf, -np.inf
    for chunk in dataset.train.chunks():
        gaps = gaps or bool(np.isnan(chunk).any())
        low, high = np.fmin(low, np.nanmin(chunk, 0)), np.fmax(high, np.nanmax(chunk, 0))
        whole = whole & (np.isnan(chunk) | (chunk == np.round(chunk))).all(0)
    classes = np.where(whole & (low >= 0) & (high < MOST_CLASSES), high + 1, 0).astype(int)
    return Facts(
        columns=dataset.columns,
        steps=dataset.train.steps,
        mean_steps=float(dataset.train.lengths.mean()),
        gaps=gaps,
        classes=tuple(classes.tolist()),
        carried=config.batch if config.carry else 0,
    )


def build(config: Config, dataset: Dataset, handed: Handed | None = None) -> Training:
    """Make the game, with weights drawn from the seed, and all that trains it.

    Args:
        config: resolved.
        dataset: what it was resolved with.
        handed: as for `resolve`.

    Raises:
        PoiseError: the network does not take such data.
    """
    keep_freed()
    rng = Rng(config.seed, device=config.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(Rng(config.seed)("weights").initial_seed())
        facts = series_facts(config, dataset)
        game = models.build(config.model, sample_shape(dataset), len(dataset.classes), facts)
    _check_support(game, dataset)
    game.known = len(dataset.train)
    samples, labels, _ = Batches(dataset, min(FIRST_LOOK, len(dataset.train)), config.seed)[0]
    game.begin_from(samples, labels)
    convert_conv2d_weight_memory_format(game.to(config.device), torch.channels_last)
    # a part of a player that moves on its own, as "vae.encoder", learns as the player does
    players = {name: config.players[name.partition(".")[0]] for name in game.players}
    return Training(
        game,
        make_rule(config),
        {
            name: partial(_class(player, handed), **optimizer_settings(name, player, handed))
            for name, player in players.items()
        },
        schedules={name: _schedule(name, player, handed) for name, player in players.items()},
        clips={name: make_clip(player) for name, player in players.items() if player.clip != "none"},
        rng=rng,
        autocast=autocast(config.device, config.precision),
        half_life=config.average_half_life,
        ramp=config.average_ramp,
        converged={
            name: Convergence(config.stop_gradient, config.stop_change)
            for name, player in players.items()
            if player.optimizer == "gradient-descent"
        },
    )


def _check_support(game: Game, dataset: Dataset) -> None:
    """Refuse data outside a likelihood's support, but images: their pixels are what every likelihood takes."""
    if isinstance(dataset.train, Windows):
        for part in (dataset.train, dataset.valid, dataset.test):
            if isinstance(part, Windows):
                for chunk in part.chunks():
                    game.check(torch.from_numpy(part.scaling.apply(chunk) if part.scaling else chunk))
    elif dataset.kind != "images":
        game.check(torch.from_numpy(np.asarray(dataset.train)))


def whole_data(config: Config) -> bool:
    """Whether every step is on all of the data: full-batch gradient descent."""
    return any(player.optimizer == "gradient-descent" for player in config.players.values())


def make_rule(config: Config) -> Rule:
    """Return the rule that a configuration names, with its options.

    Raises:
        PoiseError: no such rule, or an option that it has no use for.
    """
    _known("rule", config.rule, RULES)
    takes = signature(RULES[config.rule]).parameters
    given: dict[str, Any] = {"k": config.lookahead_k, "alpha": config.lookahead_alpha, "weight": config.rule_weight}
    given |= {"depth": config.unrolled_steps, "inner": config.inner_rule}
    options = {"k": "lookahead-k", "alpha": "lookahead-alpha", "weight": "rule-weight"}
    options |= {"depth": "unrolled-steps", "inner": "inner-rule"}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given.keys() - takes.keys():
        if "inner" not in takes:  # or it may be for the rule within
            raise PoiseError(f"--{options[name]} is of no use to the rule {config.rule}")
        del given[name]
    if "inner" in takes:
        if config.inner_rule == config.rule:
            raise PoiseError(f"--inner-rule {config.inner_rule} in itself; give another rule")
        inner = replace(config, rule=config.inner_rule or "alternating", inner_rule=None)
        given["inner"] = make_rule(replace(inner, lookahead_k=None, lookahead_alpha=None))
    elif "turns" in takes:
        given |= {"turns": config.model.turns, "share": getattr(config.model, "aggressive", 0.0) or 1.0}
    elif set(config.model.turns.values()) != {1}:
        option = "--aggressive" if isinstance(config.model, VaeConfig) else "--discriminator-steps"
        raise PoiseError(f"{option} needs --rule alternating: with {config.rule} each player moves once")
    return RULES[config.rule](**given)


def optimizer_settings(name: str, player: PlayerConfig, handed: Handed | None = None) -> dict[str, Any]:
    """Return the arguments of a player's optimizer; what is None in the configuration is its own default.

    Raises:
        PoiseError: a setting that the optimizer has no use for.
    """
    takes = signature(_class(player, handed)).parameters
    settings: dict[str, Any] = {"lr": player.lr}
    betas = [player.beta1, player.beta2]
    for option in ("momentum", "vector_rate", "angle", "nesterov", "weight_decay", "eps", "beta1", "beta2"):
        value = getattr(player, option)
        if value is None:
            continue
        if option in takes:
            settings[option] = value
        elif option.startswith("beta") and "betas" in takes:
            usual = takes["betas"].default
            settings["betas"] = tuple(u if b is None else b for b, u in zip(betas, usual, strict=False)) + usual[2:]
        elif option == "beta2" and "alpha" in takes:
            settings["alpha"] = value
        else:
            flag = option.replace("_", "-")
            raise PoiseError(f"--{name}.{flag} is of no use to {player.optimizer}; leave it out")
    return settings


def make_clip(player: PlayerConfig) -> Clip:
    """Return the limit on a player's gradient.

    Raises:
        PoiseError: the limit is out of range.
    """
    kinds: dict[str, type[Clip]] = {"norm": ClipNorm, "unit": ClipUnits, "percentile": ClipPercentile}
    limit = [] if player.clip_limit is None else [player.clip_limit]
    try:
        return kinds[player.clip](*limit)
    except ValueError as error:
        raise PoiseError(f"--clip {player.clip}: {error}") from None


def _try(name: str, player: PlayerConfig, handed: Handed | None) -> None:
    """Make the optimizer for a single weight, to hear what it says about its settings before anything has begun."""
    settings = optimizer_settings(name, player, handed)
    try:
        _class(player, handed)([torch.nn.Parameter(torch.zeros(1))], **settings)
    except ValueError as error:
        raise PoiseError(f"--{name}.optimizer {player.optimizer}: {error}") from None


def _class(player: PlayerConfig, handed: Handed | None) -> Callable[..., torch.optim.Optimizer]:
    return {**OPTIMIZERS, **(handed or {})}[player.optimizer]


def _schedule(name: str, player: PlayerConfig, handed: Handed | None) -> Schedule:
    settings = optimizer_settings(name, player, handed)

    def values(progress: float) -> dict[str, Any]:
        now: dict[str, Any] = {"lr": anneal(player.lr, player.lr_end, progress)}
        if player.beta2_end is not None:
            beta1, beta2, *more = settings["betas"]
            now["betas"] = (beta1, anneal(beta2, player.beta2_end, progress), *more)
        return now

    return values


def _known(option: str, name: str, table: Mapping[str, object]) -> None:
    if name not in table:
        raise PoiseError(f"no {option} {name!r}; {suggestion(name, table)}")
