"""Recipes: named functions that return a full configuration.

A recipe knows images from points in the plane (the toys), because no one set of numbers serves both.
"""

from collections.abc import Callable
from dataclasses import replace

from .config import Config, GanConfig, PlayerConfig, RvaeConfig, VaeConfig
from .data.names import header_of, kind_of
from .errors import PoiseError, suggestion


def gan(data: str) -> Config:
    """The best samples for equal minutes on two cores: spectral normalization and Muon (docs/recipes.md)."""
    if kind_of(data) != "images":
        return _points(data)
    # Both networks are normalized, so that a matrix's length says nothing but how far a step turns it. Without a decay
    # lengths grow with the number of steps; with it turns are steady, until the rate falls.
    player = PlayerConfig(
        optimizer="muon", lr=2e-2, lr_end=2e-4, momentum=0.0, vector_rate=0.1, weight_decay=0.05, beta1=0.0, beta2=0.999
    )
    model = GanConfig(network="deep", norm="spectral", score_scale=8.0, generator=player, discriminator=player)
    return replace(_config("gan", data, model), average_half_life=40_000)


def _points(data: str) -> Config:
    """R1 with a falling weight, and Muon for the generator, which is steep between modes sooner than with Adam."""
    model = GanConfig(
        penalties=("r1",),
        gamma=0.02,
        gamma_end=1e-5,
        generator=PlayerConfig(optimizer="muon", lr=5e-3, lr_end=5e-4, beta1=0.0, beta2=0.99),
        discriminator=PlayerConfig(lr=4e-3, lr_end=5e-4, beta1=0.0, beta2=0.99),
    )
    config = replace(_config("gan", data, model), batch=128, steps=20_000, average_half_life=100_000)
    # twice as many dimensions of noise: cells of equal mass have shorter borders there, and borders are what becomes
    # the bridges between modes
    return replace(config, model=replace(config.model, latent=2 * config.model.latent))


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


# Convolutions, gaussian values of optimal deviation, a short warm-up: what the VAE recipes share. Without the limit on
# gradients, some runs at this learning rate lose their first hundred steps and never make up for them (docs/vae.md).
VAE = VaeConfig(
    width=16,
    latent=32,
    warm_up=0.1,
    vae=PlayerConfig(lr=4e-3, lr_end=4e-5, beta1=0.9, beta2=0.99, clip="percentile"),
)


def vae(data: str) -> Config:
    """A VAE with convolutions: gaussian values of optimal deviation, a prior of 100 Gaussians, quick Adam."""
    return _config("vae", data, replace(VAE, prior="mixture"))


def vae_mlp(data: str) -> Config:
    """The textbook VAE: one hidden layer of 400 units, gray values as probabilities of bits, Adam 1e-3."""
    player = PlayerConfig(lr=1e-3, beta1=0.9, beta2=0.999)
    model = VaeConfig(network="mlp", width=400, latent=20, likelihood="bernoulli", vae=player)
    return replace(_config("vae-mlp", data, model), batch=100)


def vae_deepobs(data: str) -> Config:
    """The VAE of the benchmark DeepOBS: three convolutions, 8 codes, summed squared error on [0, 1], Adam 1.58e-4."""
    player = PlayerConfig(lr=1.58e-4, beta1=0.9, beta2=0.999)
    # Σ (x − μ)² on [0, 1] is −ln of a gaussian of deviation √2 on [−1, 1], but for a constant
    model = VaeConfig(network="deepobs", latent=8, deviation="fixed", sigma=2**0.5, vae=player)
    return _config("vae-deepobs", data, model)


def beta_vae(data: str) -> Config:
    """β-VAE: the divergence weighted 4, for codes whose dimensions mean something each."""
    return _config("beta-vae", data, replace(VAE, beta=4.0))


def iwae(data: str) -> Config:
    """Importance-weighted autoencoder: 5 codes a sample, doubly reparameterized gradient."""
    return _config("iwae", data, replace(VAE, objective="dreg", samples=5))


def vamp(data: str) -> Config:
    """A VAE whose prior is the mixture of its own posteriors at 100 learned inputs."""
    return _config("vamp", data, replace(VAE, prior="vamp"))


# What the recurrent VAE recipes share. A long warm-up makes more use of latents, but small sets are learned by heart
# before it ends (docs/rvae.md).
RVAE = RvaeConfig(
    variant="fast",
    latent=32,
    warm_up=0.1,
    rvae=PlayerConfig(lr=4e-3, lr_end=4e-5, beta1=0.9, beta2=0.99, clip="percentile"),
)


def rvae(data: str) -> Config:
    """A recurrent VAE for series: the variant with the best held-out bound for equal minutes (docs/rvae.md)."""
    return _series("rvae", data, RVAE)


def rvae_srnn(data: str) -> Config:
    """A chain of latents beside a recurrent network over the data; the posterior knows the future, step by step."""
    return _series("rvae-srnn", data, replace(RVAE, variant="srnn"))


def rvae_fast(data: str) -> Config:
    """The model of `vrnn` with a posterior that is drawn for all steps at once: the most steps a second."""
    return _series("rvae-fast", data, replace(RVAE, variant="fast"))


def vrnn(data: str) -> Config:
    """The variational recurrent network: past data and latents in one state; the posterior knows past and present."""
    return _series("vrnn", data, replace(RVAE, variant="vrnn"))


ROLLS = ("bach", "bach-quarters")  # built-in series of bits
MOST_CODES = 8  # dimensions of a table's code
Recipe = Callable[[str], Config]

RECIPES: dict[str, Recipe] = {
    "gan": gan,
    "gan-textbook": gan_textbook,
    "gan-r3": gan_r3,
    "gan-sn": gan_sn,
    "gan-wgan-gp": gan_wgan_gp,
    "vae": vae,
    "vae-mlp": vae_mlp,
    "vae-deepobs": vae_deepobs,
    "beta-vae": beta_vae,
    "iwae": iwae,
    "vamp": vamp,
    "rvae": rvae,
    "rvae-srnn": rvae_srnn,
    "rvae-fast": rvae_fast,
    "vrnn": vrnn,
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


def _series(recipe: str, data: str, model: RvaeConfig) -> Config:
    model = replace(model, likelihood="bernoulli") if data in ROLLS else model
    return Config(recipe, data, model, batch=32, steps=6_000)


def _config(recipe: str, data: str, model: GanConfig | VaeConfig) -> Config:
    config = Config(recipe, data, model)
    if kind_of(data) == "images":
        return replace(config, batch=64) if isinstance(model, VaeConfig) else config
    columns = header_of(data)  # of a table; one of them may hold its classes
    latent = 2 if columns is None else max(1, min(MOST_CODES, len(columns) - 1))
    if isinstance(model, VaeConfig):
        likelihood = "gaussian" if model.likelihood == "logistic" else model.likelihood
        table = replace(model, network="mlp", width=128, latent=latent, likelihood=likelihood)
        return replace(config, model=table, batch=256, steps=12_000)
    # points: noise of as many dimensions as they have, which leaves the fewest bridges between modes
    norm = "none" if model.norm == "batch" else model.norm
    points = replace(model, network="mlp", width=128, latent=latent, norm=norm)
    return replace(config, model=points, batch=256, steps=12_000)
