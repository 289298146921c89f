"""Quantiles of forecasts, and how often what came lies between them."""

from collections.abc import Sequence

import torch
from torch import Tensor


def quantiles(samples: Tensor, shares: Sequence[float]) -> Tensor:
    """Return quantiles of draws: for a share p the value at rank p(S + 1), between two draws in proportion.

    One more draw of the same law lies below with probability p, for any S and any continuous law, as long as the rank
    lies between 1 and S; beyond that it is the smallest or greatest draw.

    Args:
        samples: shape [S, ...].
        shares: between 0 and 1, Q of them.

    Returns:
        float64 [Q, ...].

    Source: Hyndman & Fan 1996, definition 6.

    Example:
        >>> quantiles(torch.tensor([3.0, 1.0, 2.0]), [0.25, 0.5, 0.625])
        tensor([1.0000, 2.0000, 2.5000], dtype=torch.float64)
    """
    ordered = samples.double().sort(0).values
    ranks = torch.tensor(shares, dtype=torch.float64, device=ordered.device) * (len(ordered) + 1) - 1
    ranks = ranks.clamp(0, len(ordered) - 1)
    below = ranks.floor().long()
    above = (below + 1).clamp(max=len(ordered) - 1)
    weight = (ranks - below).view(-1, *[1] * (ordered.dim() - 1))
    return torch.lerp(ordered[below], ordered[above], weight)


def coverage(samples: Tensor, y: Tensor, share: float) -> float:
    """Return how often y lies in the central interval that a share of the draws lies in; right forecasts: `share`.

    Args:
        samples: draws, shape [S, ...]; of fewer than 2/(1 − share) − 1 the interval is too narrow.
        y: what came, shape [...]; NaN where nothing was observed, which does not count.
        share: of the interval, as 0.9. Where values are bits or counts it holds more than its share.

    Returns:
        Between 0 and 1; NaN if nothing was observed.

    Example:
        >>> coverage(torch.arange(19.0), torch.tensor(9.0), 0.5), coverage(torch.arange(19.0), torch.tensor(18.0), 0.5)
        (1.0, 0.0)
    """
    low, high = quantiles(samples, [(1 - share) / 2, (1 + share) / 2])
    inside = (low <= y.double()) & (y.double() <= high)
    return float(inside[~torch.isnan(y)].double().mean())
