"""Measures held to closed forms and to slow readable references."""

import math

import pytest
import torch

from poise.health import measures


def normal(n: int, d: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_an_embedding_keeps_distances() -> None:
    """Johnson and Lindenstrauss: with 64 numbers, to about 1/√128 of themselves."""
    images = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    before, after = torch.pdist(images.flatten(1)), torch.pdist(measures.embed(images))
    ratio = after / before
    assert ratio.mean().item() == pytest.approx(1, abs=0.1)
    assert ratio.std().item() == pytest.approx(1 / math.sqrt(128), rel=0.5)
    assert torch.equal(measures.embed(images), measures.embed(images)), "always the same projection"


def test_spread_is_the_ratio_of_scales() -> None:
    real = normal(4000, 3, 0)
    assert measures.spread(real, normal(4000, 3, 1, 0.3)) == pytest.approx(0.3, rel=0.03)
    assert measures.spread(real, real[:1].expand(50, -1)) == 0


def test_overlap_is_the_share_of_modes_that_are_covered() -> None:
    modes = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    real = modes.repeat(100, 1) + normal(400, 2, 0, 0.1)
    centers = measures.centers_of(real)
    cells = measures.cells_of(real, centers)
    assert measures.overlap(cells, cells) == pytest.approx(1)
    one = measures.cells_of(real[::4], centers)
    assert measures.overlap(cells, one) == pytest.approx(0.25)
    assert cells.sum().item() == pytest.approx(1)


def test_separation_is_the_area_under_the_curve() -> None:
    real, fake = normal(200, 1, 0).squeeze() + 1, normal(300, 1, 1).squeeze()
    slow = sum((r > f) + 0.5 * (r == f) for r in real.tolist() for f in fake.tolist()) / (200 * 300)
    assert measures.separation(real, fake) == pytest.approx(slow)
    assert measures.separation(real, fake) == pytest.approx(0.5 * (1 + math.erf(0.5)), abs=0.05)  # Φ(1/√2)


def test_duplicates_of_equal_laws_are_as_rare_as_asked() -> None:
    shares = [measures.duplicates(normal(256, 2, 2 * i), normal(256, 2, 2 * i + 1)) for i in range(20)]
    assert sum(shares) / 20 == pytest.approx(0.05, abs=0.02)
    some = normal(64, 2, 0)
    assert measures.duplicates(normal(256, 2, 5), some.repeat(4, 1)) == 1


def test_sketches_keep_the_size_of_movements() -> None:
    a, b = normal(256, 2, 0), normal(256, 2, 1)
    sizes = [(measures.sketch(a + s * b) - measures.sketch(a)).norm().item() for s in (0.1, 0.2, 1.0)]
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=1e-4)
    assert sizes[2] == pytest.approx(10 * sizes[0], rel=1e-4)


def test_overfitting_is_a_share_of_the_way() -> None:
    train, fake = torch.full((4,), 3.0), torch.full((4,), -1.0)
    for share in (0.0, 0.25, 1.0):
        assert measures.overfitting(train, torch.full((4,), 3.0 - 4 * share), fake) == pytest.approx(share)
    assert measures.overfitting(fake, train, train) == 0, "a discriminator that sees nothing does not overfit"


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e8])
def test_neighbors_and_cells_are_those_of_all_distances(scale: float) -> None:
    """Thresholds were fitted to numbers that were taken so, far from 0 and near."""
    data, fake = scale * (normal(300, 3, 0) + 5), scale * (normal(90, 3, 1) + 5)
    pairs = (data.double().unsqueeze(1) - data.double()).square().sum(2).sqrt().fill_diagonal_(torch.inf)
    torch.testing.assert_close(measures.nearest(data), pairs.min(1).values)
    across = (fake.double().unsqueeze(1) - data.double()).square().sum(2).sqrt()
    torch.testing.assert_close(measures.nearest(fake, data), across.min(1).values)
    centers = slow_centers(data)
    torch.testing.assert_close(measures.centers_of(data), centers)
    places = (fake.double().unsqueeze(1) - centers).square().sum(2).argmin(1)
    assert torch.equal(measures.cells_of(fake, centers), torch.bincount(places, minlength=16).double() / 90)


def slow_centers(points: torch.Tensor) -> torch.Tensor:
    """k-means of ten rounds from points that lie farthest from those before."""
    points = points.double()
    centers = points[:1]
    for _ in range(15):
        away = (points.unsqueeze(1) - centers).square().sum(2).min(1).values
        centers = torch.cat([centers, points[away.argmax()].unsqueeze(0)])
    for _ in range(10):
        cell = (points.unsqueeze(1) - centers).square().sum(2).argmin(1)
        centers = torch.stack([points[cell == i].mean(0) if (cell == i).any() else centers[i] for i in range(16)])
    return centers


def test_one_sample_has_no_duplicate() -> None:
    assert measures.duplicates(torch.zeros(1, 2), torch.zeros(1, 2)) == 0
