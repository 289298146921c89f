"""Recipes: named functions that return a full configuration.

A recipe knows images from points in the plane (the toys), because no one set of numbers serves both.
"""

from collections.abc import Callable
from dataclasses import replace

from .config import Config, GanConfig, PlayerConfig
from .data.names import kind_of
from .errors import PoiseError, suggestion


def gan(data: str) -> Config:
    """The best samples for equal minutes on two cores: spectral normalization and a quick Adam (docs/recipes.md)."""
    player = PlayerConfig(lr=2e-3, lr_end=2e-5, beta1=0.0, beta2=0.99)
    model = GanConfig(norm="spectral", score_scale=4.0, generator=player, discriminator=player)
    return _config("gan", data, model)


def gan_textbook(data: str) -> Config:
    """The textbook GAN: cross-entropy from logits with the real term weighted .9, batch normalization, Adam 2e-4."""
    player = PlayerConfig(lr=2e-4, beta1=0.5, beta2=0.999)
    model = GanConfig(norm="batch", latent=100, real_weight=0.9, generator=player, discriminator=player)
    return _config("gan-textbook", data, model)


def gan_r3(data: str) -> Config:
    """R3GAN: relativistic pairs, R1 and R2 on every step, residual networks without normalization."""
    player = PlayerConfig(lr=3e-3, lr_end=3e-5, beta1=0.0, beta2=0.9, beta2_end=0.99)
    model = GanConfig(
        network="residual",
        width=16,
        loss="relativistic",
        penalties=("r1", "r2"),
        gamma=0.1,
        gamma_end=0.01,
        generator=player,
        discriminator=player,
    )
    return _config("gan-r3", data, model)


def gan_sn(data: str) -> Config:
    """SNGAN as published: hinge loss, spectral normalization, Adam 2e-4 (0, .9), five discriminator steps a step."""
    player = PlayerConfig(lr=2e-4, beta1=0.0, beta2=0.9)
    model = GanConfig(
        norm="spectral", latent=128, loss="hinge", discriminator_steps=5, generator=player, discriminator=player
    )
    return _config("gan-sn", data, model)


def gan_wgan_gp(data: str) -> Config:
    """WGAN-GP: a critic held 1-Lipschitz by a gradient penalty on every step."""
    player = PlayerConfig(lr=1e-3, lr_end=1e-5, beta1=0.0, beta2=0.99)
    model = GanConfig(loss="wasserstein", penalties=("wgan-gp",), gamma=10.0, generator=player, discriminator=player)
    return _config("gan-wgan-gp", data, model)


Recipe = Callable[[str], Config]

RECIPES: dict[str, Recipe] = {
    "gan": gan,
    "gan-textbook": gan_textbook,
    "gan-r3": gan_r3,
    "gan-sn": gan_sn,
    "gan-wgan-gp": gan_wgan_gp,
}


def from_recipe(recipe: str, data: str) -> Config:
    """Return the full configuration of a recipe for a data set.

    Raises:
        PoiseError: no such recipe; the message names the nearest one.

    Example:
        >>> from_recipe("gan-sn", "cats/").model.discriminator_steps
        5
    """
    if recipe not in RECIPES:
        raise PoiseError(f"no recipe {recipe!r}; {suggestion(recipe, RECIPES)}")
    return RECIPES[recipe](data)


def _config(recipe: str, data: str, model: GanConfig) -> Config:
    config = Config(recipe, data, model)
    if kind_of(data) == "images":
        return config
    # points: noise of as many dimensions as they have, which leaves the fewest bridges between modes
    norm = "none" if model.norm == "batch" else model.norm
    points = replace(model, network="mlp", width=128, latent=2, norm=norm)
    return replace(config, model=points, batch=256, steps=12_000)
