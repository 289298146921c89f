"""Modes of mixtures of Gaussians: what a perfect sampler scores, and cases by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.data.toys import grid, grid_modes, ring, ring_modes
from poise.metrics import modes
from poise.metrics.modes import kl_from_equal

TOYS = {"ring": (ring, ring_modes), "grid": (grid, grid_modes)}


@pytest.mark.parametrize("n", [2_500, 20_000])
@pytest.mark.parametrize("toy", TOYS)
def test_a_perfect_sampler(toy: str, n: int) -> None:
    """98.9 % within 3σ in the plane, and a divergence of about (K − 1)/2n."""
    draw, known = TOYS[toy]
    centers, sigma = known()
    times, quality, divergence = 20, 0.0, 0.0
    for seed in range(times):
        found = modes(torch.from_numpy(draw(n, seed)[0]), torch.from_numpy(centers), sigma)
        assert found["modes"] == len(centers)
        quality += found["high_quality"] / times
        divergence += found["kl"] / times
    share = 1 - math.exp(-9 / 2)
    assert share == pytest.approx(0.989, abs=5e-4)
    assert quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / (n * times)))
    # 2n KL is χ² of K − 1, whose deviation is √(2(K − 1))
    k = len(centers) - 1
    assert 2 * n * divergence == pytest.approx(k, abs=4 * math.sqrt(2 * k / times) + 0.05 * k)


@pytest.mark.parametrize("found", [1, 3, 8])
def test_some_modes_of_eight(found: int) -> None:
    centers, sigma = (torch.from_numpy(ring_modes()[0]), ring_modes()[1])
    scores = modes(centers[:found].repeat(5, 1) + 2 * sigma / math.sqrt(2), centers, sigma)
    assert (scores["modes"], scores["high_quality"]) == (found, 1.0)
    assert scores["kl"] == pytest.approx(math.log(8 / found), abs=1e-12)


def test_samples_near_no_mode() -> None:
    centers = torch.from_numpy(ring_modes()[0])
    assert modes(torch.zeros(4, 2), centers, 0.01) == {"modes": 0.0, "high_quality": 0.0, "kl": math.inf}
    far = centers[:2] * torch.tensor([[1 + 2.99 * 0.01], [1 + 3.01 * 0.01]])
    assert modes(far, centers, 0.01)["high_quality"] == 0.5


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), k=st.integers(1, 6), d=st.integers(1, 3), seed=st.integers(0, 99))
def test_slow_reference(n: int, k: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, centers, counts, near = rng.normal(size=(n, d)), rng.normal(size=(k, d)), [0] * k, 0
    for point in points:
        gaps = [math.dist(point, center) for center in centers]
        if min(gaps) < 3 * 0.2:
            counts[gaps.index(min(gaps))] += 1
            near += 1
    found = modes(torch.from_numpy(points), torch.from_numpy(centers), 0.2)
    shares = [count / near for count in counts if count]
    assert found["modes"] == len(shares)
    assert found["high_quality"] == pytest.approx(near / n, rel=1e-8)
    if near:
        assert found["kl"] == pytest.approx(sum(s * math.log(s * k) for s in shares), rel=1e-8, abs=1e-12)


def test_shares_of_nothing_are_infinitely_far() -> None:
    assert kl_from_equal(torch.zeros(5, dtype=torch.int64)) == math.inf


def test_unusable_points_are_refused() -> None:
    with pytest.raises(ValueError, match="points must be at least 1 samples, not 0"):
        modes(torch.zeros(0, 2), torch.zeros(3, 2), 1.0)
    with pytest.raises(ValueError, match="points of 3 dimensions have no centers of 2"):
        modes(torch.zeros(4, 3), torch.zeros(3, 2), 1.0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        modes(torch.full((4, 2), math.nan), torch.zeros(3, 2), 1.0)
