"""The Vendi score: how many different samples a set is worth."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

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
    _check(features, 1)
    n, d = features.shape
    if n > d:
        return _scores(_product(features), n, orders)
    rows = _unit(features)
    return _scores(rows @ rows.T, n, orders)


def vendi_leaving_out(features: Tensor, blocks: int, orders: Sequence[float] = (1.0,)) -> list[dict[str, float]]:
    """Return the Vendi scores without each block of samples; products of features are taken once for all of them.

    Args:
        features: [n, d], none of them zero.
        blocks: how many; sample i is in block i mod `blocks`.
        orders: as of `vendi`.

    Raises:
        ValueError: as `vendi`.

    Example:
        >>> vendi_leaving_out(torch.eye(4), 2) == [vendi(torch.eye(4)[1::2]), vendi(torch.eye(4)[::2])]
        True
    """
    _check(features, blocks)
    n, d = features.shape
    if n <= d:
        kept = torch.arange(n, device=features.device) % blocks
        return [vendi(features[kept != block], orders) for block in range(blocks)]
    products = [_product(features[block::blocks]) for block in range(blocks)]
    total = torch.stack(products).sum(0)
    return [_scores(total - product, n - len(features[b::blocks]), orders) for b, product in enumerate(products)]


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


def _check(features: Tensor, least: int) -> None:
    check_features(features, least)
    peaks = features.abs().amax(1)
    if not peaks.all():
        raise ValueError(f"sample {int((peaks == 0).nonzero()[0])} has features that are all zero, and no cosine")


def _scores(product: Tensor, n: int, orders: Sequence[float]) -> dict[str, float]:
    """Return the scores of n samples; the eigenvalues of K are those of the d × d product, but for zeros."""
    values = torch.linalg.eigvalsh(product / n)
    shares = values[values > len(values) * torch.finfo(torch.float64).eps * values[-1]]  # the rest is rounding
    return {f"vendi_{q:g}": _effective_number(shares / shares.sum(), q) for q in orders}


def _product(features: Tensor) -> Tensor:
    """Return Σ x xᵀ/‖x‖², [d, d]."""
    product = torch.zeros(features.shape[1], features.shape[1], dtype=torch.float64, device=features.device)
    for block in features.split(BLOCK):
        rows = _unit(block)
        product.addmm_(rows.T, rows)
    return product


def _unit(rows: Tensor) -> Tensor:
    peaks = rows.abs().amax(1, keepdim=True).double()
    return normalize(rows.double() / peaks)  # of at most 1 first, so that no square overflows


def _effective_number(p: Tensor, q: float) -> float:
    """Return exp H_q; near q = 1, where ln Σ p^q is all rounding, by Σ p^q = 1 + Σ p (p^(q−1) − 1)."""
    if q == math.inf:
        return (1 / p.max()).item()
    if q == 1:
        return math.exp(-(p * p.log()).sum().item())
    if abs(q - 1) < 0.1:
        return math.exp(math.log1p((p * torch.expm1((q - 1) * p.log())).sum().item()) / (1 - q))
    return math.exp((q * p.log()).logsumexp(0).item() / (1 - q))
