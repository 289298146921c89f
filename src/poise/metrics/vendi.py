"""The Vendi score: how many different samples a set is worth."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .check import check_features, check_pair

BLOCK = 4096  # rows that are multiplied at once


def vendi(features: Tensor, orders: Sequence[float] = (1.0,)) -> dict[str, float]:
    """Return the Vendi scores of one set of samples under the cosine of their features.

        V_q = exp H_q(λ),   H_q = ln(Σ λ_i^q) / (1 − q),   H_1 = −Σ λ_i ln λ_i,   H_∞ = −ln max λ_i

    with λ the eigenvalues of K/n, K_ij = x_i·x_j/‖x_i‖‖x_j‖. It is 1 for copies of one sample and n for orthogonal
    ones. The smaller q is, the more rare samples count; q = 0 counts dimensions. It sees lack of diversity only: noise
    scores best. It grows with n, and features that lie far from the origin are all alike by their cosine.

    Args:
        features: [n, d], none of them zero. The cost follows the smaller of n and d.
        orders: q ≥ 0, and math.inf.

    Returns:
        {"vendi_1": ..., "vendi_inf": ...}, one for each order.

    Raises:
        ValueError: an order below 0; a sample that is zero; NaN or infinite features.

    Source: Friedman & Dieng 2022 (arXiv:2210.02410); Pasarkar & Dieng 2023 (arXiv:2310.12952), for orders. The package
    vendi-score 0.0.3 does not hand q on in `score_X`, and gives q = 1 there.

    Example:
        >>> {name: round(score, 6) for name, score in vendi(torch.eye(4)[[0, 1, 2, 2]], (1, 2, math.inf)).items()}
        {'vendi_1': 2.828427, 'vendi_2': 2.666667, 'vendi_inf': 2.0}
    """
    if bad := [q for q in orders if not q >= 0]:
        raise ValueError(f"an order of the Vendi score must be at least 0, not {bad[0]}")
    check_features(features, 1)
    shares = _eigenvalues(features)
    return {f"vendi_{q:g}": _effective_number(shares, q) for q in orders}


def vendi_ratio(real: Tensor, fake: Tensor, orders: Sequence[float] = (1.0,)) -> dict[str, float]:
    """Return the Vendi scores of generated samples over those of as many real ones; 1 is as diverse as data.

    Args:
        real: features [n, d].
        fake: features [n, d].
        orders: as of `vendi`.

    Returns:
        {"vendi_1": ..., "vendi_1_ratio": ...}, the score of the generated samples and the ratio, for each order.

    Raises:
        ValueError: unequal numbers of samples, and what `vendi` raises.

    Example:
        >>> x = torch.eye(4)
        >>> {name: round(score, 6) for name, score in vendi_ratio(x, x[[0, 1, 0, 1]]).items()}
        {'vendi_1': 2.0, 'vendi_1_ratio': 0.5}
    """
    check_pair(real, fake, 1)
    if len(real) != len(fake):
        raise ValueError(
            f"Vendi scores grow with the number of samples: compare equal ones, not {len(real)} and {len(fake)}"
        )
    base, scores = vendi(real, orders), vendi(fake, orders)
    return scores | {f"{name}_ratio": scores[name] / base[name] for name in scores}


def _eigenvalues(features: Tensor) -> Tensor:
    """Return the eigenvalues of K/n that are more than rounding; those of the d × d product are the same."""
    n, d = features.shape
    peaks = features.abs().amax(1, keepdim=True)
    if not peaks.all():
        raise ValueError(f"sample {int((peaks == 0).nonzero()[0, 0])} has features that are all zero, and no cosine")
    if n <= d:
        rows = _unit(features)
        product = rows @ rows.T
    else:
        product = torch.zeros(d, d, dtype=torch.float64, device=features.device)
        for block in features.split(BLOCK):
            rows = _unit(block)
            product.addmm_(rows.T, rows)
    values = torch.linalg.eigvalsh(product / n)
    kept = values[values > len(values) * torch.finfo(torch.float64).eps * values[-1]]
    return kept / kept.sum()


def _unit(rows: Tensor) -> Tensor:
    rows = rows.double()
    rows = rows / rows.abs().amax(1, keepdim=True)  # no square overflows
    return rows / rows.square().sum(1, keepdim=True).sqrt()


def _effective_number(p: Tensor, q: float) -> float:
    """Return exp H_q; near q = 1 without loss, by Σ p^q = 1 + Σ p (p^(q−1) − 1)."""
    if q == math.inf:
        return (1 / p.max()).item()
    if q == 1:
        return math.exp(-(p * p.log()).sum().item())
    return math.exp(math.log1p((p * torch.expm1((q - 1) * p.log())).sum().item()) / (1 - q))
