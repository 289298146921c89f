"""Nearest neighbors equal float64 differences to the last bit, where float32 products alone do not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metrics.features import distances, draw, others
from poise.metrics import distance_bounds, nearest, radii


def cases() -> dict[str, Tensor]:
    five = draw(5, 32, 7)[torch.arange(200) % 5]
    return {
        "normal": draw(200, 32, 0),
        "far from the origin": draw(200, 32, 1, shift=1000.0),
        "copies": five,
        "clusters that float32 products cannot see": five + 1e-5 * draw(200, 32, 2),
        "clusters that float64 products cannot see": five.double() + 1e-9 * draw(200, 32, 2).double(),
        "huge": 1e30 * draw(200, 32, 3).double(),
        "tiny": 1e-30 * draw(200, 32, 3).double(),
        "an outlier": torch.cat([draw(199, 32, 4), torch.full((1, 32), 1e18)]),
        "half precision": draw(200, 32, 5).half(),
        "one dimension": draw(200, 1, 6),
    }


@pytest.mark.parametrize("name", cases())
@pytest.mark.parametrize("k", [1, 5])
def test_distances_equal_differences_in_float64(name: str, k: int) -> None:
    x, y = cases()[name], cases()[name][:120] + (0.1 * draw(120, cases()[name].shape[1], 9)).to(cases()[name].dtype)
    found, indices = nearest(y, x, k)
    every = distances(y, x)
    assert torch.equal(found, every.sort(1).values[:, :k])
    assert torch.equal(every.gather(1, indices), found)
    found, indices = nearest(x, x, k, itself=True)
    every = others(x)
    assert torch.equal(found, every.sort(1).values[:, :k])
    assert torch.equal(every.gather(1, indices), found)
    assert torch.equal(radii(x, k), found[:, -1])


def test_exact_copies_are_at_no_distance_though_float32_products_say_otherwise() -> None:
    x = draw(300, 2048, 0, shift=3.0)
    assert torch.cdist(x, x).diagonal().max() > 0.01
    found, indices = nearest(x[50:60], x)
    assert torch.equal(found, torch.zeros(10, 1, dtype=torch.float64))
    assert torch.equal(indices.flatten(), torch.arange(50, 60))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(3, 60), m=st.integers(2, 60), d=st.integers(1, 8), seed=st.integers(0, 999), levels=st.integers(1, 9)
)
def test_ties_and_few_points(n: int, m: int, d: int, seed: int, levels: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randint(levels, (count, d), generator=generator).float() for count in (n, m))
    assert torch.equal(nearest(y, x, 3)[0], distances(y, x).sort(1).values[:, :3])
    assert torch.equal(nearest(x, x, 2, itself=True)[0], others(x).sort(1).values[:, :2])


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    x, y = draw(50, 16, 0), draw(40, 16, 1)
    expected = nearest(y, x, 4), nearest(x, x, 4, itself=True)
    monkeypatch.setattr(distance_bounds, "BLOCK", block)
    monkeypatch.setattr(distance_bounds, "ROOM", 50 * block)
    for found, wanted in zip((nearest(y, x, 4), nearest(x, x, 4, itself=True)), expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bounds_hold(scale: float, dtype: torch.dtype) -> None:
    x, y = draw(80, 300, 0, scale, shift=5.0).double(), draw(60, 300, 1, scale).double()
    y[:20] = x[:20] + 1e-6 * scale * y[:20]
    frame = distance_bounds.Frame(x, y, dtype)
    placed = frame.place(x), frame.place(y)
    lower, true = frame.lower(*placed).double(), distances(x, y).square() * frame.scale**2
    assert (lower <= true).all()
    assert (true <= lower + frame.width(*placed).double()).all()


def test_less_precise_products_are_not_used() -> None:
    x = draw(100, 64, 0)
    expected = nearest(x, x, 3, itself=True)[0]
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu"):
            assert torch.equal(nearest(x, x, 3, itself=True)[0], expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_unusable_points_are_refused() -> None:
    x = draw(5, 3, 0)
    with pytest.raises(ValueError, match="points for 5 neighbors must be at least 6 samples, not 5"):
        nearest(x, x, 5, itself=True)
    with pytest.raises(ValueError, match="equal dimensions, not 3 and 2"):
        nearest(x, x[:, :2])
    with pytest.raises(ValueError, match="the queries must be the points"):
        nearest(x[:4], x, itself=True)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        nearest(x, x, 0)
    with pytest.raises(ValueError, match="queries hold NaN or infinite"):
        nearest(x / 0, x)
