"""Pieces of series: gathered as a plain loop would, padded with NaN, scaled, and read once each for the scaling."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.data import Windows, windows
from poise.data.dataset import Dataset, fingerprint
from poise.data.scaling import Scaling


@st.composite
def some_windows(draw: st.DrawFn) -> Windows:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    total, n, d = draw(st.integers(1, 40)), draw(st.integers(1, 12)), draw(st.integers(1, 3))
    values: np.ndarray = rng.normal(size=(total, d)) * 10 + 3
    values[rng.random(values.shape) < draw(st.sampled_from([0, 0.3]))] = np.nan
    kind = draw(st.sampled_from(["float64", "float32", "uint8", "bool"]))
    if kind in ("uint8", "bool"):
        values = rng.integers(2, size=values.shape)
    lengths = rng.integers(1, total + 1, size=n)
    starts = rng.integers(0, total - lengths + 1)
    return Windows(values.astype(kind), starts, lengths, rng.integers(5, size=n))


def gathered(pieces: Windows) -> np.ndarray:
    """Do as `Windows[:]`, value by value."""
    out = np.full(pieces.shape, np.nan)
    for i in range(len(pieces)):
        for t in range(int(pieces.lengths[i])):
            for c in range(pieces.shape[2]):
                out[i, t, c] = pieces.values[int(pieces.starts[i]) + t, c]
    return out


@given(some_windows(), st.data())
def test_gathering_is_that_of_a_plain_loop(pieces: Windows, data: st.DataObject) -> None:
    expected = gathered(pieces)
    assert pieces.shape == expected.shape
    assert pieces.dtype == pieces[:].dtype == np.float64
    np.testing.assert_array_equal(pieces[:], expected)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(pieces) - 1))), np.int64)
    np.testing.assert_array_equal(pieces[chosen], expected[chosen])
    np.testing.assert_array_equal(pieces[1:7:2], expected[1:7:2])


@given(some_windows())
def test_scaled_pieces_come_back(pieces: Windows) -> None:
    scaling = Scaling(np.array([-1.5, 0.0, 7.0])[: pieces.shape[2]], np.array([0.5, 3.0, 1.0])[: pieces.shape[2]])
    scaled = pieces.scaled(scaling)
    assert scaled.dtype == scaled[:].dtype == np.float32
    assert scaled.values is pieces.values
    np.testing.assert_array_equal(scaled[:], ((gathered(pieces) - scaling.center) / scaling.scale).astype(np.float32))
    np.testing.assert_allclose(scaling.undo(scaled[:]), gathered(pieces), rtol=1e-5, atol=1e-5)


@given(some_windows(), st.integers(1, 9))
def test_chunks_hold_every_covered_row_once(pieces: Windows, at_once: int) -> None:
    covered = sorted({int(s) + t for s, n in zip(pieces.starts, pieces.lengths, strict=True) for t in range(int(n))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "CHUNK", at_once * pieces.shape[2])
        chunks = list(pieces.chunks())
    assert max(map(len, chunks)) <= at_once
    np.testing.assert_array_equal(np.concatenate(chunks), pieces.values[covered])


@settings(deadline=None)
@given(some_windows(), st.integers(1, 9))
def test_the_scaling_is_that_of_distinct_values(pieces: Windows, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "CHUNK", at_once)
        standard = Dataset("x", "series", train=pieces, test=pieces).standardized()
    covered = np.unique(
        np.concatenate([np.arange(s, s + n) for s, n in zip(pieces.starts, pieces.lengths, strict=True)])
    )
    assert standard.scaling is not None
    for c, column in enumerate(pieces.values[covered].astype(np.float64).T):
        seen = column[~np.isnan(column)]
        center, scale = (seen.mean(), seen.std()) if len(seen) else (0, 0)
        assert standard.scaling.center[c] == pytest.approx(center, abs=1e-12)
        if scale > 1e-9 or scale == 0:
            assert standard.scaling.scale[c] == pytest.approx(scale or 1)


def test_a_scaling_may_be_given() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    two = Windows(rows, np.array([0, 3]), np.array([3, 3]), np.array([0, 1]))
    scaling = Scaling(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    data = Dataset("x", "series", train=two, test=two, valid=two).standardized(scaling)
    assert data.scaling is scaling
    for part in (data.train, data.valid, data.test):
        assert isinstance(part, Windows)
        assert part.scaling is scaling
    assert data.fingerprint == Dataset("x", "series", train=two, test=two, valid=two).fingerprint


def test_the_fingerprint_sees_values_places_and_what_validates() -> None:
    rows = np.arange(12.0).reshape(6, 2)

    def name(values: np.ndarray = rows, starts: Any = (0, 2), lengths: Any = (3, 3), valid: bool = False) -> str:
        pieces = Windows(values, np.array(starts), np.array(lengths), np.array([0, 0]))
        return Dataset("x", "series", train=pieces, test=pieces, valid=pieces if valid else None).fingerprint

    assert name() == name()
    others = [name(rows + 1), name(starts=(0, 3)), name(lengths=(3, 2)), name(valid=True)]
    assert len({name(), *others}) == 5
    empty = Windows(rows, *(np.zeros(0, np.int64),) * 3)
    assert (len(empty), empty.shape, empty[:].shape, list(empty.chunks())) == (0, (0, 0, 2), (0, 0, 2), [])
    assert len(fingerprint(empty)) == 16


def test_a_memory_map_is_read_in_place(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(40.0).reshape(20, 2))
    rows = np.load(tmp_path / "x.npy", mmap_mode="r")
    pieces = Windows(rows, np.array([4]), np.array([3]), np.array([0])).scaled(Scaling.none(2))
    assert isinstance(pieces.values, np.memmap)
    assert pieces[:].tolist() == [[[8, 9], [10, 11], [12, 13]]]
    assert not isinstance(pieces[:], np.memmap)
