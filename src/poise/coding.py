"""Data put into a VAE's own terms: codes, reconstructions, and how unusual each sample is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .data.batches import to_floats
from .data.dataset import InSourceOrder
from .losses.likelihoods import dequantize
from .metrics.importance import negative_log_likelihood
from .models.vae import Vae

BLOCK = 500  # samples the networks see at once
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Codes:
    """What an encoder says of data, row by row.

    Attributes:
        mean: of q(z|x), float32 [n, latent].
        sd: of q(z|x), float32 [n, latent].
        anomaly: an estimate of −log p(x), nats, float64 [n]; the higher, the more unusual. For a density (a gaussian
            likelihood) it is per unit of the data and may be negative.
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]
    anomaly: NDArray[np.float64]


@torch.no_grad()
def encode(
    game: Vae,
    rows: NDArray[Any] | InSourceOrder,
    labels: NDArray[np.int64] | None = None,
    draws: int = 16,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Codes:
    """Encode data and score how unusual each sample is.

    Args:
        game: trained.
        rows: pixels, uint8 [n, h, w, c], or numbers as the game was trained on, float32 [n, d].
        labels: the class of each row, for a game that is told it.
        draws: codes of each posterior that log p(x) is estimated with; 1 scores by the bound itself.
        seed: of the draws.
        progress: called with the number of rows done and n.

    Example:
        >>> from poise.config import VaeConfig
        >>> from poise.models.vae import build
        >>> codes = encode(build(VaeConfig(network="mlp", width=8, latent=2), (3,)), np.zeros((5, 3), np.float32))
        >>> codes.mean.shape, codes.sd.shape, codes.anomaly.shape
        ((5, 2), (5, 2), (5,))
    """
    generator = torch.Generator().manual_seed(seed)
    found: list[tuple[Tensor, ...]] = []
    for x, told in blocks(game, rows, labels):
        mean, log_sd = game.vae.encoder(x, told)
        found.append((mean, log_sd.exp(), score(game, spread(game, x, generator), told, draws, generator)))
        progress(sum(len(part[0]) for part in found), len(rows))
    mean, sd, anomaly = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return Codes(mean, sd, anomaly)


@torch.no_grad()
def reconstruct(
    game: Vae,
    rows: NDArray[Any] | InSourceOrder,
    labels: NDArray[np.int64] | None = None,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """Return what the game makes of the codes of data, on the game's scale, [n, c, h, w] or [n, d].

    Args:
        game: trained.
        rows: as for `encode`.
        labels: as for `encode`.
        progress: called with the number of rows done and n.
    """
    made: list[Tensor] = []
    for x, told in blocks(game, rows, labels):
        made.append(game.reconstruct(x, told))
        progress(sum(map(len, made)), len(rows))
    return torch.cat(made)


def score(game: Vae, x: Tensor, labels: Tensor | None, draws: int, generator: torch.Generator) -> Tensor:
    """Return the importance-sampled −log p(x) of each sample, nats, float64 [n]; see `negative_log_likelihood`."""
    encoder, decoder = game.vae.encoder, game.vae.decoder
    if labels is None:
        return negative_log_likelihood(x, encoder, decoder.log_joint, draws, generator)
    found = torch.zeros(len(x), dtype=torch.float64)
    for label in labels.unique():  # one class at a time, because the estimate pairs each x with many z
        chosen = labels == label
        posterior, log_joint = partial(_told, encoder, label), partial(_told, decoder.log_joint, label)
        found[chosen] = negative_log_likelihood(x[chosen], posterior, log_joint, draws, generator)
    return found


def _told(function: Callable[..., Any], label: Tensor, *given: Tensor) -> Any:
    return function(*given, label.expand(len(given[0])))


def spread(game: Vae, x: Tensor, generator: torch.Generator) -> Tensor:
    """Return data as a likelihood is asked for: images over the width of their gray levels where it is a density.

    The density's mean over that width is at most the likelihood of the discrete image (Theis et al. 2016), while at
    the levels themselves a density can be as high as one likes.
    """
    return dequantize(x, generator) if x.dim() == 4 and game.vae.decoder.likelihood.levels > 1 else x


def blocks(
    game: Vae, rows: NDArray[Any] | InSourceOrder, labels: NDArray[np.int64] | None, size: int = BLOCK
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield data as the game takes them, with labels if it is told any."""
    for start in range(0, len(rows), size):
        some = torch.from_numpy(np.array(rows[start : start + size]))
        told = None
        if game.classes:
            assert labels is not None
            told = torch.from_numpy(labels[start : start + len(some)])
        yield (to_floats(some) if some.dtype == torch.uint8 else some), told
