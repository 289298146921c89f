"""From settings to objects: what a configuration means with these data on this machine."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from . import models
from .config import Config, PlayerConfig, check
from .data import Dataset, load
from .device import autocast, choose_device, choose_precision
from .errors import PoiseError
from .optim import OPTIMIZERS
from .rng import Rng
from .rules import RULES
from .schedule import anneal
from .training import MakeOptimizer, Schedule, Training


def resolve(config: Config, progress: Callable[[int, int], None] | None = None) -> tuple[Config, Dataset]:
    """Load the data and fill in what depends on them and on this machine.

    Args:
        config: a recipe's, perhaps changed.
        progress: called with the number of images read and their total.

    Returns:
        The configuration with its device, precision and size settled; and the data.

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
        _known(f"{name}.optimizer", player.optimizer, OPTIMIZERS)
    device = choose_device(config.device)
    dataset = load(config.data, size=config.size, progress=progress)
    images = dataset.kind == "images"
    precision = choose_precision(config.precision, device) if images else "float32"
    size = dataset.train.shape[1] if images else None
    return replace(config, device=device, precision=precision, size=size), dataset


def sample_shape(dataset: Dataset) -> tuple[int, ...]:
    """Return the shape of one sample as the game takes it: [c, h, w] or [d]."""
    shape = tuple(dataset.train.shape[1:])
    return (shape[2], shape[0], shape[1]) if dataset.kind == "images" else shape


def build(config: Config, dataset: Dataset) -> Training:
    """Make the game, with weights drawn from the seed, and all that trains it.

    Args:
        config: resolved.
        dataset: what it was resolved with.

    Raises:
        PoiseError: the network does not take such data.
    """
    rng = Rng(config.seed, device=config.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(Rng(config.seed)("weights").initial_seed())
        game = models.build(config.model, sample_shape(dataset))
    convert_conv2d_weight_memory_format(game.to(config.device), torch.channels_last)
    return Training(
        game,
        RULES[config.rule](config.model.steps_per_player),
        {name: _optimizer(player) for name, player in config.players.items()},
        schedules={name: _schedule(player) for name, player in config.players.items()},
        rng=rng,
        autocast=autocast(config.device, config.precision),
        half_life=config.average_half_life,
        ramp=config.average_ramp,
    )


def _optimizer(player: PlayerConfig) -> MakeOptimizer:
    return partial(OPTIMIZERS[player.optimizer], lr=player.lr, betas=(player.beta1, player.beta2))


def _schedule(player: PlayerConfig) -> Schedule:
    return lambda progress: {
        "lr": anneal(player.lr, player.lr_end, progress),
        "betas": (player.beta1, anneal(player.beta2, player.beta2_end, progress)),
    }


def _known(option: str, name: str, table: Mapping[str, object]) -> None:
    if name not in table:
        near = get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(table)}"
        raise PoiseError(f"no {option} {name!r}; {hint}")
