"""Bounds of squared distances by one product of matrices, so that few pairs must be computed as differences.

    L = (1 − ε)(‖x‖² + ‖y‖²) − 2 x·y − δ  ≤  ‖x − y‖²  ≤  L + 2 [ε (‖x‖² + ‖y‖²) + δ]

hold in float32 and float64 for any order of summation, where ε covers the rounding of inputs, norms, and d products of
at most ½(‖x‖² + ‖y‖²) in all (2γ_d of Higham 2002, section 3.1), and δ what underflows. Centered features make norms,
and with them the bounds, small.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2048  # rows and columns of a block of distances: 16 MB in float32
ROOM = 2**20  # numbers in a block of differences: 8 MB


class Placed(NamedTuple):
    """Rows in a frame, [n, d], and their squared norms, [n]."""

    rows: Tensor
    norms: Tensor

    def blocks(self) -> Iterator[tuple[slice, "Placed"]]:
        """Yield blocks of rows, and which they are."""
        for start in range(0, len(self.rows), BLOCK):
            some = slice(start, start + BLOCK)
            yield some, Placed(self.rows[some], self.norms[some])


class Frame:
    """An origin in the middle of points, and a scale (a power of two) at which no square overflows."""

    def __init__(self, middle: Tensor, other: Tensor, dtype: torch.dtype) -> None:
        """Lay the origin at the mean of `middle`; both sets [n, d] will be placed in `dtype`."""
        self.dtype, d = dtype, middle.shape[1]
        self.center = torch.stack([block.double().sum(0) / len(middle) for block in middle.split(BLOCK)]).sum(0)
        ends = torch.stack([end.double() for x in (middle, other) for end in x.aminmax()])
        self.scale = 2.0 ** -(math.frexp(ends.abs().max().item())[1] + 1)
        self.epsilon = 1.1 * (d + 16) * (torch.finfo(dtype).eps + torch.finfo(torch.float64).eps)
        self.delta = 8 * d * torch.finfo(dtype).tiny

    def place(self, x: Tensor, rows: Tensor | None = None) -> Placed:
        """Return rows of x, or all, in this frame."""
        n = len(x) if rows is None else len(rows)
        placed = Placed(torch.empty(n, x.shape[1], dtype=self.dtype, device=x.device), x.new_empty(n, dtype=self.dtype))
        for some, block in placed.blocks():
            features = x[some] if rows is None else x[rows[some]]
            block.rows.copy_((features.double() - self.center).mul_(self.scale))
            torch.sum(block.rows.square(), 1, out=block.norms)
        return placed

    def lower(self, x: Placed, y: Placed) -> Tensor:
        """Return L of all pairs, [n, m], in units of this frame."""
        less = 1 - self.epsilon
        bound = torch.addmm(less * y.norms, x.rows, y.rows.T, alpha=-2)
        return bound.add_((less * x.norms - self.delta).unsqueeze(1))

    def width(self, x: Placed, y: Placed) -> Tensor:
        """Return how much greater the upper bound is, [n, m]."""
        return 2 * (self.epsilon * (x.norms.unsqueeze(1) + y.norms) + self.delta)


def differences(x: Tensor, i: Tensor, y: Tensor, j: Tensor) -> Tensor:
    """Return the distances √Σ (x_i − y_j)² of pairs of rows, in float64, for indices i and j [p]."""
    found = torch.empty(len(i), dtype=torch.float64, device=x.device)  # first: small pieces between blocks pin memory
    rows = max(1, ROOM // x.shape[1])
    for out, a, b in zip(found.split(rows), i.split(rows), j.split(rows), strict=True):
        torch.sum((x[a].double() - y[b].double()).square_(), 1, out=out)
    return found.sqrt_()


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Multiply in float32 where a person has allowed less, for which the bounds do not hold."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
