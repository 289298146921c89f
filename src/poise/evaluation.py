"""What held-out data say of a VAE."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import coding
from .gaussian import reparameterize
from .losses.elbo import log_posterior
from .losses.likelihoods import Bernoulli, bits_per_dimension
from .metrics.importance import with_standard_error
from .metrics.latent import active_units, kl_per_dimension, mutual_information
from .models.priors import StandardNormal
from .models.vae import Vae


@dataclass(frozen=True)
class Evaluation:
    """Held-out scores of a VAE, in nats a sample and in the data's own units where nothing else is said.

    Attributes:
        samples: how many were scored.
        reconstruction: E −log p(x|z), the first half of the negative bound.
        kl: E KL(q(z|x) ‖ p(z)), the second half.
        bound: −(reconstruction + kl), at most the log-likelihood.
        nll: the importance-sampled −log p(x).
        nll_error: its standard error over samples.
        draws: codes for each sample that nll was estimated with; too few leave it too high.
        bits: nll as bits for each pixel and channel; None where values are no 8-bit images or gray values stand for
            probabilities.
        mutual_information: I_q(x; z), what codes tell of which sample they came from; at most ln samples.
        active: how many dimensions of the code change with the data.
        dimensions: how many the code has.
        kl_of_dimensions: the divergence of each, greatest first; empty where the prior has no closed form.
        gray_bits: whether gray values stood for probabilities of bits, which is no normalized likelihood.
    """

    samples: int
    reconstruction: float
    kl: float
    bound: float
    nll: float
    nll_error: float
    draws: int
    bits: float | None
    mutual_information: float
    active: int
    dimensions: int
    kl_of_dimensions: tuple[float, ...]
    gray_bits: bool

    def lines(self) -> list[str]:
        """Return the scores as aligned lines for a person."""
        rows = [
            ("reconstruction", f"{self.reconstruction:.2f}", "nats, −log p(x|z)"),
            ("KL", f"{self.kl:.2f}", "nats, what the code costs"),
            ("bound", f"{self.bound:.2f}", "nats, −(reconstruction + KL) ≤ log p(x); higher is better"),
            (
                "NLL",
                f"{self.nll:.2f} ± {self.nll_error:.2f}",
                f"nats, −log p(x) by {self.draws} codes; lower is better",
            ),
        ]
        if self.bits is not None:
            rows.append(("bits", f"{self.bits:.4f}", "for each pixel and channel; 8 is noise"))
        if self.gray_bits:
            rows.append(("values", "gray", "taken as probabilities of bits: these nats compare only among such models"))
        active = f"{self.active} of {self.dimensions}"
        rows.append(("active units", active, "dimensions of the code that change with the data"))
        limit = f"nats, of at most ln {self.samples} = {log(self.samples):.2f} that {self.samples:,} samples can show"
        rows.append(("information", f"{self.mutual_information:.2f}", limit))
        each = " ".join(f"{nats:.2f}" for nats in self.kl_of_dimensions[:12])
        if each:
            rest = " ..." if len(self.kl_of_dimensions) > 12 else ""
            rows.append(("KL by dimension", "", f"{each}{rest}"))
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {about}" for name, value, about in rows]

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        return asdict(self)


@torch.no_grad()
def evaluate(
    game: Vae,
    rows: NDArray[Any],
    labels: NDArray[np.int64] | None = None,
    *,
    draws: int = 100,
    seed: int = 0,
    log_volume: float = 0.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score a VAE on data that it was not trained on.

    Args:
        game: trained.
        rows: pixels, uint8 [n, h, w, c], or numbers as the game was trained on, float32 [n, d]; n ≥ 2.
        labels: the class of each row, for a game that is told it.
        draws: codes of each posterior that the likelihood is estimated with, such as 5,000 for a publication.
        seed: of all draws.
        log_volume: Σ ln scale, of numbers that were divided by scales.
        progress: called with the number of rows done and n.

    Raises:
        ValueError: fewer than two rows.

    Example:
        >>> from poise.config import VaeConfig
        >>> from poise.models.vae import build
        >>> game = build(VaeConfig(network="mlp", width=8, latent=2), (3,))
        >>> scores = evaluate(game, np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32))
        >>> bool(-scores.bound > scores.nll), len(scores.kl_of_dimensions), scores.bits
        (True, 2, None)
    """
    generator = torch.Generator().manual_seed(seed)
    likelihood, halves, estimates, posteriors = game.vae.decoder.likelihood, [], [], []
    for x, told in coding.blocks(game, rows, labels, size=250):
        x = coding.spread(game, x, generator)
        mean, log_sd = game.vae.encoder(x, told)
        halves.append(_halves(game, x, told, mean, log_sd, generator))
        estimates.append(coding.score(game, x, told, draws, generator))
        posteriors.append((mean, log_sd))
        progress(sum(map(len, estimates)), len(rows))
    mean, log_sd = (torch.cat(parts) for parts in zip(*posteriors, strict=True))
    log_likelihood, kl = (torch.cat(parts).mean().item() for parts in zip(*halves, strict=True))
    nll, error = with_standard_error(torch.cat(estimates) + log_volume)
    gray = rows.dtype == np.uint8
    discrete = gray and not isinstance(likelihood, Bernoulli)
    each: list[float] = []
    if isinstance(game.vae.decoder.prior, StandardNormal):
        each = kl_per_dimension(mean, log_sd).sort(descending=True).values.tolist()
    return Evaluation(
        samples=len(rows),
        reconstruction=log_volume - log_likelihood,
        kl=kl,
        bound=log_likelihood - kl - log_volume,
        nll=nll,
        nll_error=error,
        draws=draws,
        bits=bits_per_dimension(nll, int(np.prod(rows.shape[1:])), likelihood.levels) if discrete else None,
        mutual_information=mutual_information(mean, log_sd, generator),
        active=active_units(mean),
        dimensions=mean.shape[1],
        kl_of_dimensions=tuple(each),
        gray_bits=isinstance(likelihood, Bernoulli) and bool(((rows > rows.min()) & (rows < rows.max())).any()),
    )


@torch.no_grad()
def halves_of(
    game: Vae, rows: NDArray[Any], labels: NDArray[np.int64] | None, generator: torch.Generator
) -> tuple[float, float]:
    """Return E −log p(x|z) and KL of data, nats a sample, on the game's scale.

    Args:
        game: ready to sample.
        rows: as for `evaluate`.
        labels: as for `evaluate`.
        generator: of the codes, on the game's device.
    """
    found = []
    for x, told in coding.blocks(game, rows, labels, size=250):
        told = None if told is None else told.to(generator.device)
        x = coding.spread(game, x.to(generator.device), generator)
        mean, log_sd = game.vae.encoder(x, told)
        found.append(torch.stack(_halves(game, x, told, mean, log_sd, generator)))
    log_likelihood, kl = torch.cat(found, 1).mean(1).tolist()
    return -log_likelihood, kl


def _halves(
    game: Vae, x: Tensor, labels: Tensor | None, mean: Tensor, log_sd: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return log p(x|z) at one draw of z and KL(q ‖ p), nats, [n] each."""
    decoder = game.vae.decoder
    z = reparameterize(mean, log_sd, torch.randn(mean.shape, generator=generator, device=mean.device))
    log_likelihood = decoder.likelihood.log_prob(x, decoder(z, labels))
    if isinstance(decoder.prior, StandardNormal):
        return log_likelihood, decoder.prior.kl(mean, log_sd).sum(-1)
    return log_likelihood, log_posterior(z, mean, log_sd) - decoder.prior.log_prob(z, labels)
