"""The nuclear norm, which is the sum of singular values: right to a tolerance, and no slower than need be."""

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float64).eps
LEADING, BLOCK, ITERATIONS = 32, 96, 10  # singular values split off; vectors iterated to find them; how often at most
LARGE = 1_000  # rows from which on that is quicker than all singular values


def nuclear_norm(x: Tensor, tolerance: float) -> float:
    """Return ‖X‖_* = Σ σ, right to an absolute error of `tolerance` (but for the rounding of X itself).

    Singular values cost most of a distance. Roots of the eigenvalues of X Xᵀ take a third of their time, but squaring
    drowns the small ones in the rounding of the large. So the largest are split off where they do: with their left
    vectors U, ‖X‖_* = ‖UᵀX‖_* + ‖X − UUᵀX‖_* up to what U lacks, which is bounded. Singular values are the last resort.

    Args:
        x: float64 [n, d].
        tolerance: of the sum.

    Example:
        >>> nuclear_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]], dtype=torch.float64), 1e-9)
        7.0
    """
    if len(x) > x.shape[1]:
        x = x.T
    norm = _by_squares(x, tolerance)
    if norm is None and len(x) >= LARGE:
        norm = _by_parts(x, tolerance)
    return float(torch.linalg.svdvals(x).sum()) if norm is None else norm


def _by_squares(x: Tensor, tolerance: float) -> float | None:
    """Return Σ √λ of the eigenvalues of X Xᵀ, or None where that is not right."""
    if _error(x.square().sum(1)) > tolerance:  # norms of rows are a first guess of the eigenvalues
        return None
    squares = torch.linalg.eigvalsh(x @ x.T).clamp(min=0)
    return float(squares.sqrt().sum()) if _error(squares) <= tolerance else None


def _error(squares: Tensor) -> float:
    """Bound the error of Σ √λ when each λ is off by c = 64 ε max λ: a root, by the smaller of √c and c/√λ."""
    noise = 64 * EPSILON * squares.max()
    return float(torch.minimum(noise.sqrt(), noise / squares.sqrt()).nan_to_num(0).sum())


def _by_parts(x: Tensor, tolerance: float) -> float | None:
    """Return the sum with the largest singular values split off, or None where they are not found or do not help."""
    found = _leading(x, tolerance / 2)
    if found is None:
        return None
    left, leading = found
    # in a basis that begins with U, the first rows are UᵀX; the others are as good as orthogonal to them
    reflectors, scales = torch.geqrf(left)
    rest = _by_squares(torch.ormqr(reflectors, scales, x, transpose=True)[len(leading) :], tolerance / 2)
    return None if rest is None else float(leading.sum()) + rest


def _leading(x: Tensor, tolerance: float) -> tuple[Tensor, Tensor] | None:
    """Return left vectors U and singular values S of the largest, by subspace iteration from the largest rows.

    With right vectors V such that XV = US, X = USVᵀ + UEᵀ + (I − UUᵀ)X, where E = XᵀU − VS and the last term is
    orthogonal to the first on both sides: leaving out E errs by ‖UEᵀ‖_* ≤ √k ‖E‖_F.
    """
    start = x.square().sum(1).topk(BLOCK).indices
    basis = torch.linalg.qr(x[start].T).Q
    for _ in range(ITERATIONS):
        left, values, turn = torch.linalg.svd(x @ basis, full_matrices=False)
        image = x.T @ left
        missing = image - basis @ turn.T * values
        if LEADING**0.5 * missing[:, :LEADING].norm() <= tolerance:
            return left[:, :LEADING], values[:LEADING]
        basis = torch.linalg.qr(image).Q
    return None
