"""Pictures of a latent space: between codes, along its dimensions, and all of it in two."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .files import write_file
from .gaussian import kl
from .metrics.latent import kl_per_dimension
from .models.priors import StandardNormal
from .models.vae import Vae
from .pictures import figure_png

REACH = 3.0  # standard deviations of the codes of all data, to both sides
COLLAPSED = 0.01  # nats: a dimension below says nothing
COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d1f", "#000000")  # Okabe & Ito 2008
MOST_CLASSES = 20  # in a legend


def interpolate(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Return codes on the way from one to another along an arc, sin((1−t)ω)/sin ω · a + sin(tω)/sin ω · b.

    Codes of a Gaussian prior in many dimensions lie near a sphere; a straight line would leave it for a center where
    there are no data. Where the two point the same way (or apart), the arc is the line.

    Args:
        first: a, shape [n, d].
        last: b, shape [n, d].
        steps: how many codes, both ends included.

    Returns:
        Shape [n, steps, d].

    Source: White 2016 (arXiv:1609.04468), section 2.1.

    Example:
        >>> interpolate(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 3)[0, 1]  # half way, still of length 1
        tensor([0.7071, 0.7071])
    """
    t = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device).view(1, -1, 1)
    a, b = first.unsqueeze(1), last.unsqueeze(1)
    angle = torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1, 1).acos().unsqueeze(-1)
    straight = angle.sin() < 1e-3
    sine = torch.where(straight, 1.0, angle.sin())
    arc = ((1 - t) * angle).sin() / sine * a + (t * angle).sin() / sine * b
    return torch.where(straight, (1 - t) * a + t * b, arc)


class Traversals(NamedTuple):
    """Walks along the dimensions of a code, that of the greatest divergence first.

    Attributes:
        codes: shape [dimensions, steps, d]; all but one coordinate stay at those of `base`.
        dimensions: which coordinate each walk changes.
        divergences: E KL of those, nats.
        collapsed: how many dimensions of all say nothing (a divergence below .01).
    """

    codes: Tensor
    dimensions: tuple[int, ...]
    divergences: tuple[float, ...]
    collapsed: int


def traverse(base: Tensor, mean: Tensor, log_sd: Tensor, standard: bool, most: int = 8, steps: int = 9) -> Traversals:
    """Vary one coordinate of a code at a time, over three standard deviations of the codes of all data to both sides.

    Args:
        base: the code to begin from, shape [d].
        mean: posteriors' means of data, shape [n, d].
        log_sd: their log standard deviations, shape [n, d].
        standard: whether the prior is N(0, I), from which the divergence is then taken; otherwise it is taken from the
            Gaussian of each coordinate's codes of all data.
        most: how many dimensions.
        steps: codes on each walk.

    Example:
        >>> mean = torch.randn(500, 3) * torch.tensor([0.0, 2.0, 1.0])
        >>> walks = traverse(torch.zeros(3), mean, torch.zeros(500, 3), standard=False, most=2)
        >>> walks.dimensions, walks.codes.shape
        ((1, 2), torch.Size([2, 9, 3]))
    """
    center = mean.mean(0)
    spread = (mean.var(0, correction=0) + (2 * log_sd).exp().mean(0)).sqrt()
    divergence = kl_per_dimension(mean, log_sd) if standard else kl(mean, log_sd, center, spread.log()).mean(0).double()
    order = divergence.argsort(descending=True)[:most]
    codes = base.repeat(len(order), steps, 1)
    places = torch.linspace(-REACH, REACH, steps, dtype=base.dtype, device=base.device)
    for row, dimension in enumerate(order):
        codes[row, :, dimension] = center[dimension] + spread[dimension] * places
    collapsed = int((divergence < COLLAPSED).sum())
    return Traversals(codes, tuple(order.tolist()), tuple(divergence[order].tolist()), collapsed)


def walks_of(game: Vae, base: Tensor, mean: Tensor, log_sd: Tensor) -> Traversals:
    """Return `traverse` for a trained VAE's posteriors."""
    return traverse(base, mean, log_sd, isinstance(game.vae.decoder.prior, StandardNormal))


def principal(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates [n, min(2, d)] along the directions of greatest variance, and the share each explains.

    Args:
        points: shape [n, d], n ≥ 1.

    Example:
        >>> coordinates, shares = principal(np.array([[0.0, 0.0], [3.0, 4.0]]))
        >>> np.abs(coordinates[:, 0]).round(6), shares.round(6)
        (array([2.5, 2.5]), array([1., 0.]))
    """
    centered = points.astype(np.float64) - points.mean(0, dtype=np.float64)
    _, scales, directions = np.linalg.svd(centered, full_matrices=False)
    total = float(np.square(centered).sum())
    shares = np.square(scales[:2]) / total if total else np.zeros_like(scales[:2])
    return centered @ directions[:2].T, shares


def save_map(path: Path, means: NDArray[np.floating], labels: NDArray[np.int64] | None, classes: Sequence[str]) -> None:
    """Draw codes in two dimensions, by class: their principal components where they have more; write a PNG.

    Args:
        path: ends in .png.
        means: of the posteriors, shape [n, d].
        labels: class of each, or None.
        classes: names of the classes.
    """
    from matplotlib.figure import Figure  # late: half a second

    places, shares = principal(means) if means.shape[1] > 2 else (means.astype(np.float64), np.zeros(0))
    figure = Figure(figsize=(7.6, 6.4), layout="tight")
    axes = figure.add_subplot()
    groups = [(None, np.ones(len(means), bool))]
    if labels is not None and 1 < len(classes) <= MOST_CLASSES:
        groups = [(name, labels == number) for number, name in enumerate(classes)]  # type: ignore[misc]
    for number, (name, chosen) in enumerate(groups):
        # past the palette the same colors come again with another mark
        look = {"color": COLORS[number % len(COLORS)], "marker": "o^sv"[number // len(COLORS)], "label": name}
        if means.shape[1] == 1:
            axes.hist(places[chosen, 0], bins=40, alpha=0.5, color=look["color"], label=name)
        else:
            axes.scatter(places[chosen, 0], places[chosen, 1], s=9, alpha=0.6, linewidths=0, **look)  # type: ignore[arg-type]
    names = [f"principal component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)]
    names = names or [f"dimension {i}" for i in range(means.shape[1])]
    axes.set(
        title=f"codes of {len(means):,} held-out samples", xlabel=names[0], ylabel=names[1] if names[1:] else "codes"
    )
    if groups[0][0] is not None:
        axes.legend(markerscale=2, bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    write_file(path, figure_png(figure))
