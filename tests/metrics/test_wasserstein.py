"""The distance of two samples against quantiles of both, and its laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics.wasserstein import wasserstein

SOME = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9)


def column(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


@settings(max_examples=60, deadline=None)
@given(a=SOME, b=SOME)
def test_the_distance_moves_sorted_values_onto_each_other(a: list[float], b: list[float]) -> None:
    """Each sample repeated to n · m values, paired in order."""
    x, y = (column(some).flatten().sort().values for some in (a, b))
    expected = (x.repeat_interleave(len(b)) - y.repeat_interleave(len(a))).abs().mean()
    torch.testing.assert_close(wasserstein(column(a), column(b))[0], expected, rtol=1e-9, atol=1e-9)


def test_each_feature_has_its_own_distance_and_gaps_are_passed_over() -> None:
    real = torch.tensor([[0.0, 5.0], [math.nan, 7.0]])
    fake = torch.tensor([[1.0, math.nan], [1.0, 6.0], [math.nan, 6.0]])
    torch.testing.assert_close(wasserstein(real, fake), torch.tensor([1.0, 1.0], dtype=torch.float64))
    with pytest.raises(ValueError, match="at least one value"):
        wasserstein(torch.tensor([[math.nan]]), fake[:, :1])
