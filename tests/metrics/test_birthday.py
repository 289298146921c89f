"""The size of a support, from pairs that coincide."""

import math
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics import birthday, distance_bounds
from poise.metrics.birthday import near_pairs, poisson_interval


def points(n: int, d: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [50, 1_000, 20_000])
def test_equally_likely_outcomes_are_counted(size: int) -> None:
    """The interval holds the truth in about 95 of 100 cases; E of pairs is n(n − 1)/2S."""
    outcomes, real = points(size), points(500, seed=1)
    n, times, inside, pairs = int(5 * math.sqrt(size)), 40, 0, 0.0
    for seed in range(times):
        which = torch.randint(size, (n,), generator=torch.Generator().manual_seed(seed))
        found = birthday(real, 1e3 * outcomes[which])  # so far apart that only equal ones are near
        inside += found["low"] <= size <= found["high"]
        pairs += found["duplicates"]
    expected = n * (n - 1) / 2 / size
    assert pairs / times == pytest.approx(expected, abs=4 * math.sqrt(expected / times))
    assert inside >= 33  # of 40; fewer with a probability of 1 in 1,000


@pytest.mark.parametrize("size", [100, 900, 10_000])
def test_half_of_the_batches_of_1_177_roots_hold_a_duplicate(size: int) -> None:
    n, times, generator = round(1.177 * math.sqrt(size)), 1_000, torch.Generator().manual_seed(0)
    hits = sum(near_pairs(torch.randint(size, (n, 1), generator=generator).double(), 0.5) > 0 for _ in range(times))
    exact = 1 - math.prod(1 - i / size for i in range(n))
    assert exact == pytest.approx(0.5, abs=0.03)
    assert hits / times == pytest.approx(exact, abs=4 * 0.5 / math.sqrt(times))


def test_the_threshold_is_a_quantile_of_real_distances() -> None:
    real = torch.cat([torch.arange(0.0, 990, 10), torch.tensor([981.0])]).unsqueeze(1)  # 98 are 10 apart, two 1
    assert birthday(real, real, quantile=0.01)["threshold"] == 1.0
    assert birthday(real, real, quantile=0.5)["threshold"] == 10.0
    assert birthday(real, real, quantile=0.01)["support"] == 100 * 99 / 2
    samples = points(2_000, 2)
    assert birthday(samples, samples, 0.1)["support"] == pytest.approx(2_000 / 0.1, rel=0.15)  # as the docstring says


def test_no_duplicate_leaves_only_a_lower_bound() -> None:
    found = birthday(points(100), 1e3 * points(60, seed=1))
    assert (found["support"], found["high"], found["duplicates"]) == (math.inf, math.inf, 0.0)
    assert found["low"] == pytest.approx(60 * 59 / 2 / -math.log(0.025), rel=1e-8)


@pytest.mark.parametrize("count", [0, 1, 7, 400])
def test_the_interval_solves_its_equations(count: int) -> None:
    def at_most(k: int, mean: float) -> float:
        return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1))

    low, high = poisson_interval(count)
    assert at_most(count, high) == pytest.approx(0.025, rel=1e-8)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx(0.025, rel=1e-8)


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.tuples(*[st.integers(-4, 4)] * 2), min_size=2, max_size=30),
    threshold=st.sampled_from([0.0, 1.0, 2.0, math.sqrt(5), 3.3]),
    shift=st.sampled_from([0, 10_000, 123_456_789]),
    block=st.integers(1, 40),
)
def test_pairs_are_those_of_two_loops(values: list[tuple[int, int]], threshold: float, shift: int, block: int) -> None:
    """Many lie exactly at the threshold and count."""
    x = torch.tensor(values, dtype=torch.float64)
    pairs = [(a - b).square().sum().sqrt() for i, a in enumerate(x) for b in x[i + 1 :]]
    with mock.patch.object(distance_bounds, "BLOCK", block):
        assert near_pairs(x + shift, threshold) == sum(bool(pair <= threshold) for pair in pairs)


def test_copies_far_from_zero_are_found() -> None:
    x = points(40, 256) + 1e5
    assert near_pairs(torch.cat([x, x]), 0.0) == 40


def test_unusable_features_are_refused() -> None:
    with pytest.raises(ValueError, match="real features must be at least 100 samples, not 50"):
        birthday(points(50), points(50))
    with pytest.raises(ValueError, match="generated features must be at least 2 samples, not 1"):
        birthday(points(100), points(1))
    with pytest.raises(ValueError, match="one judge"):
        birthday(points(100), points(100, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        birthday(points(100), points(100) * math.nan)
