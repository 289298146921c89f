"""Does a model repeat itself?"""

import torch
from torch import Tensor

from .check import check_pair
from .inputs import standardized
from .neighbors import radii

LEAST = 20
NEAR = 0.05  # the share of data that lies as near to other data


def repeats(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the share of samples that lie nearer to another sample than nearly all data do to other data.

        repeats = share of i with min_{j≠i} ‖y_i − y_j‖ < q,   q the 5% quantile of min_{j≠i} ‖x_i − x_j‖

    Features are standardized with those of `real`; of the larger set as many are taken, evenly spread, as the other
    has, since more samples lie nearer to each other.

    It sees samples that are one of a few with changes smaller than q, and a law with too little spread or noise. It
    does not see samples that copy data, nor whether anything is missing: `prdc`'s coverage says that. Where data repeat
    themselves, as overlapping pieces of a series or days of one season do, q is small and the share says little.

    Args:
        real: features [n, d], n ≥ 20.
        fake: features [m, d], m ≥ 20.

    Returns:
        {"repeats": share, about 0.05 for equal laws}.

    Raises:
        ValueError: too few samples, other dimensions, or NaN or infinite features.

    Source: the birthday test of Arora & Zhang 2017 (arXiv:1706.08224), with a distance from data in place of an eye.

    Example:
        >>> x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
        >>> repeats(x[:100], x[100:])["repeats"] < 0.2, repeats(x[:100], x[100:105].repeat(20, 1))["repeats"]
        (True, 1.0)
    """
    check_pair(real, fake, LEAST)
    some = min(len(real), len(fake))
    alone, other = (radii(standardized(_some(x, some), like=real), 1) for x in (real, fake))
    return {"repeats": (other < alone.quantile(NEAR)).double().mean().item()}


def _some(x: Tensor, some: int) -> Tensor:
    return x[torch.linspace(0, len(x) - 1, some).round().long()]
