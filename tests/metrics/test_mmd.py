"""The maximum mean discrepancy against its double sum, and its chances."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.metrics.mmd import mmd


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def score(real: Tensor, fake: Tensor, permutations: int = 1, seed: int = 0) -> dict[str, float]:
    return mmd(real, fake, permutations=permutations, generator=torch.Generator().manual_seed(seed))


def slowly(real: Tensor, fake: Tensor) -> float:
    """Return the definition, pair by pair."""
    every = torch.cat([real, fake])
    spread = every.std(0, correction=0)
    every = (every - every.mean(0)) / torch.where(spread > 0, spread, 1.0)
    n, m = len(real), len(fake)
    squares = [(every[i] - every[j]).square().sum().item() for i in range(n + m) for j in range(n + m) if i != j]
    width = sorted(squares)[(len(squares) - 1) // 2]

    def k(i: int, j: int) -> float:
        return math.exp(-(every[i] - every[j]).square().sum().item() / (2 * width))

    within = sum(k(i, j) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    other = sum(k(n + i, n + j) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within + other - 2 * sum(k(i, n + j) for i in range(n) for j in range(m)) / (n * m)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(4, 8), m=st.integers(4, 8), d=st.integers(1, 3), seed=st.integers(0, 1_000))
def test_it_is_its_definition(n: int, m: int, d: int, seed: int) -> None:
    real, fake = normal(n, d, seed), 2 * normal(m, d, seed + 1) + 1
    assert score(real, fake)["mmd"] == pytest.approx(slowly(real, fake), abs=1e-9)


@pytest.mark.parametrize("d", [1, 4, 30])
def test_it_is_zero_on_average_for_equal_laws(d: int) -> None:
    found = torch.tensor([score(normal(30, d, 2 * s), normal(20, d, 2 * s + 1))["mmd"] for s in range(200)])
    assert abs(found.mean()) < 4 * found.std() / 200**0.5
    assert (found < 0).any()


def test_one_in_twenty_equal_laws_has_a_p_below_a_twentieth() -> None:
    found = [score(normal(15, 2, 2 * s), normal(25, 2, 2 * s + 1), 99, s) for s in range(200)]
    assert 0.01 < sum(scores["mmd_p"] <= 0.05 for scores in found) / 200 < 0.1
    assert 0.01 < sum(scores["mmd"] > scores["mmd_chance"] for scores in found) / 200 < 0.1


@pytest.mark.parametrize("gap", [3.0, 10.0, 100.0])
def test_two_points_are_as_far_apart_as_can_be(gap: float) -> None:
    """All pairs across are equally far: h is that square or 0, k = exp(−½) or 0 across, and 1 within."""
    few, many = torch.zeros(4, 1), torch.full((4, 1), gap)
    assert score(few, many)["mmd"] == pytest.approx(2 - 2 * math.exp(-0.5))
    assert score(torch.zeros(4, 1), torch.zeros(9, 1))["mmd"] == 0.0


def test_units_and_the_order_of_the_two_do_not_matter() -> None:
    real, fake = normal(20, 3, 0), normal(30, 3, 1) + 0.5
    units = torch.tensor([1e-3, 1.0, 1e6])
    found = score(real, fake)["mmd"]
    assert score(fake * units + 7, real * units + 7)["mmd"] == pytest.approx(found, abs=1e-6)
    assert score(real, fake, 50, 3) == score(real, fake, 50, 3)


def test_what_cannot_be_compared_is_refused() -> None:
    some = torch.zeros(9, 2)
    with pytest.raises(ValueError, match="at least 4 samples, not 3"):
        score(some, some[:3])
    with pytest.raises(ValueError, match=r"\[9, 2\] and \[9, 1\]"):
        score(some, some[:, :1])
    with pytest.raises(ValueError, match="generated features hold NaN"):
        score(some, some / 0)
