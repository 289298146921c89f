"""Cells: where points fall, and that centers are the means of their points."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics.kmeans import cells, kmeans


def drawn(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(5, 60), d=st.integers(1, 4), k=st.integers(1, 5), seed=st.integers(0, 999))
def test_centers_are_the_means_of_the_points_nearest_to_them(n: int, d: int, k: int, seed: int) -> None:
    x = drawn(n, d, seed)
    centers = kmeans(x, k, seeded(seed), steps=1_000)
    places = (x[:, None] - centers).square().sum(2).argmin(1)
    assert torch.equal(places, cells(x, centers))
    for cell in places.unique():
        torch.testing.assert_close(centers[cell], x[places == cell].mean(0), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_clusters_far_apart_are_found(shift: float) -> None:
    modes = 100 * drawn(6, 3, seed=1)
    x = (modes[:, None] + drawn(40, 3)).flatten(0, 1) + shift
    centers = kmeans(x, 6, seeded())
    assert len(cells(x, centers).view(6, 40).unique(dim=1).unique()) == 6
    assert torch.equal(cells(x, centers).view(6, 40), cells(x, centers).view(6, 40)[:, :1].expand(6, 40))


def test_same_centers_for_any_block_and_again_with_the_seed() -> None:
    x = drawn(500, 5)
    centers = kmeans(x, 7, seeded(3))
    for rows in (1, 13, 500):
        torch.testing.assert_close(kmeans(x, 7, seeded(3), rows=rows), centers, rtol=1e-10, atol=1e-12)
    assert torch.equal(kmeans(x, 7, seeded(3)), centers)
    assert not torch.equal(kmeans(x, 7, seeded(4)), centers)


def test_equal_points_and_too_few() -> None:
    assert torch.equal(kmeans(torch.ones(5, 2), 3, seeded()), torch.ones(3, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="6 cells need at least 6 samples, not 5"):
        kmeans(torch.ones(5, 2), 6, seeded())
