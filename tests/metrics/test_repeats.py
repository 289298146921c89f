"""Samples that repeat a few, against loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.metrics.repeats import repeats


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def alone(x: Tensor, like: Tensor) -> Tensor:
    x = (x - like.mean(0)) / like.std(0, correction=0)
    n = range(len(x))
    return torch.stack([min((x[i] - x[j]).square().sum().sqrt() for j in n if j != i) for i in n])


@settings(max_examples=10, deadline=None)
@given(n=st.integers(20, 30), d=st.integers(1, 4), seed=st.integers(0, 1_000))
def test_it_is_its_definition(n: int, d: int, seed: int) -> None:
    real, fake = normal(n, d, seed), 0.6 * normal(n, d, seed + 1)
    near = torch.quantile(alone(real, real), 0.05)
    assert repeats(real, fake)["repeats"] == pytest.approx((alone(fake, real) < near).double().mean().item())


@pytest.mark.parametrize("d", [1, 5, 50])
def test_equal_laws_repeat_as_data_do(d: int) -> None:
    found = [repeats(normal(500, d, 2 * s), normal(400, d, 2 * s + 1))["repeats"] for s in range(30)]
    assert abs(sum(found) / 30 - 0.05) < 0.015


@pytest.mark.parametrize("few", [1, 5, 20])
def test_a_few_samples_with_small_changes_are_seen(few: int) -> None:
    fake = normal(few, 4, 1).repeat(100 // few, 1) + 1e-3 * normal(100, 4, 2)
    assert repeats(normal(100, 4, 0), fake)["repeats"] == 1.0


def test_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20 samples, not 19"):
        repeats(normal(30, 2, 0), normal(19, 2, 1))
