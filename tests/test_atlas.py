"""Ways between codes, walks along their dimensions, and maps."""

import math
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from poise.atlas import interpolate, principal, save_map, traverse
from poise.pictures import GAP, grid, save_picture, save_rows

CODES = arrays(np.float64, (3, 4), elements=st.floats(-5, 5))


@settings(max_examples=50, deadline=None)
@given(a=CODES, b=CODES)
def test_ways_begin_and_end_at_their_codes(a: np.ndarray, b: np.ndarray) -> None:
    way = interpolate(torch.from_numpy(a), torch.from_numpy(b), 5)
    assert torch.isfinite(way).all()
    np.testing.assert_allclose(way[:, 0], a, atol=1e-9)
    np.testing.assert_allclose(way[:, -1], b, atol=1e-9)


def test_between_codes_of_one_length_the_length_stays() -> None:
    a, b = torch.eye(4, dtype=torch.float64)[:2] * 3
    way = interpolate(a[None], b[None], 7)[0]
    torch.testing.assert_close(way.norm(dim=1), torch.full((7,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(way[2], 3 * torch.tensor([math.cos(math.pi / 6), 0.5, 0, 0], dtype=torch.float64))


def test_codes_that_point_the_same_way_are_joined_by_a_line() -> None:
    a = torch.tensor([[1.0, 1.0]])
    torch.testing.assert_close(interpolate(a, 3 * a, 3)[0, 1], 2 * a[0])
    assert torch.isfinite(interpolate(a, -a, 3)).all()
    assert torch.isfinite(interpolate(0 * a, a, 3)).all()


def test_walks_are_ordered_by_divergence_and_change_one_coordinate() -> None:
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([0.0, 0.5, 3.0, 1.0])
    mean = torch.randn(4000, 4, generator=generator) * scale
    log_sd = torch.zeros_like(mean)
    base = torch.tensor([9.0, 8.0, 7.0, 6.0])
    for standard in (True, False):
        walks = traverse(base, mean, log_sd, standard, most=3, steps=5)
        assert walks.dimensions == (2, 3, 1)
        assert list(walks.divergences) == sorted(walks.divergences, reverse=True)
        assert walks.collapsed == 1
        for codes, dimension in zip(walks.codes, walks.dimensions, strict=True):
            others = [i for i in range(4) if i != dimension]
            assert torch.equal(codes[:, others], base[others].expand(5, -1))
            reach = 3 * math.sqrt(scale[dimension].item() ** 2 + 1)
            torch.testing.assert_close(codes[:, dimension], torch.linspace(-reach, reach, 5), rtol=0.05, atol=0.3)


def test_collapsed_codes_give_walks_without_nan() -> None:
    walks = traverse(torch.zeros(2), torch.zeros(5, 2), torch.zeros(5, 2), standard=True)
    assert torch.isfinite(walks.codes).all()
    assert (walks.collapsed, walks.divergences) == (2, (0.0, 0.0))


@settings(max_examples=30, deadline=None)
@given(points=arrays(np.float64, (9, 4), elements=st.floats(-10, 10)))
def test_principal_components_against_the_covariance(points: np.ndarray) -> None:
    places, shares = principal(points)
    values = np.sort(np.linalg.eigvalsh(np.cov(points.T, bias=True)))[::-1]
    np.testing.assert_allclose(places.var(0), values[:2], atol=1e-8)
    total = values.sum()
    if total > 1e-6:
        np.testing.assert_allclose(shares, values[:2] / total, atol=1e-8)
    assert np.isfinite(places).all()


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def test_maps_of_every_kind_are_drawn(tmp_path: Path) -> None:
    means = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    labels = np.arange(60) % 3
    for number, (codes, classes) in enumerate(
        [(means, ("a", "b", "c")), (means[:, :2], ()), (means[:, :1], ("a", "b", "c")), (0 * means, ())]
    ):
        path = tmp_path / f"{number}.png"
        save_map(path, codes, labels if classes else None, classes)
        assert opened(path).size == (760, 640)


def test_rows_of_a_grid_lie_where_they_should(tmp_path: Path) -> None:
    images = np.arange(6, dtype=np.uint8).repeat(16).reshape(6, 4, 4, 1) * 40
    sheet = np.asarray(grid(images, columns=3))
    factor = sheet.shape[1] // (3 * (4 + GAP) + GAP)
    for index in range(6):
        row, column = divmod(index, 3)
        top, left = factor * (GAP + row * (4 + GAP)), factor * (GAP + column * (4 + GAP))
        assert (sheet[top : top + factor * 4, left : left + factor * 4] == images[index, 0, 0, 0]).all()
        assert (sheet[top - 1, left : left + factor * 4] == 255).all()
    save_rows(tmp_path / "plain.png", [images[:3], images[3:]])
    save_rows(tmp_path / "titled.png", [images[:3], images[3:]], ["z0  1.00 nats", "z12  0.50 nats"])
    plain, titled = opened(tmp_path / "plain.png"), opened(tmp_path / "titled.png")
    assert plain.size[1] == titled.size[1]
    assert plain.size[0] < titled.size[0]
    margin = titled.width - plain.width
    assert np.array_equal(np.asarray(titled.convert("L"))[:, margin:], np.asarray(plain))


def test_tables_are_drawn_with_and_without_the_data(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 7))
    for count in (1, 2, 7):
        columns = [f"column {i}" for i in range(count)]
        save_picture(tmp_path / f"{count}.png", rows[:, :count], "table.csv", columns=columns, real=rows[:, :count] + 1)
    save_picture(tmp_path / "alone.png", rows, "table.csv", columns=[str(i) for i in range(7)])
    assert all((tmp_path / f"{name}.png").stat().st_size > 5000 for name in (1, 2, 7, "alone"))
