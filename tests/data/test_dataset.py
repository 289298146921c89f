"""Names, fingerprints, the held-out part, and what an import costs."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.data import Dataset
from poise.data.dataset import fingerprint
from poise.data.names import SETS, SIZES, kind_of
from poise.data.sizes import check_size, nearest_size
from poise.data.split import hold_out
from poise.errors import PoiseError


@given(st.integers(0, 30_000))
def test_hold_out(n: int) -> None:
    train, test = hold_out(n)
    assert len(test) == min(2_000, n // 10)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(n))
    assert np.array_equal(test, hold_out(n)[1])


def test_held_out_rows_are_spread() -> None:
    assert np.abs(np.histogram(hold_out(20_000)[1], bins=10, range=(0, 20_000))[0] - 200).max() < 60


def test_kinds() -> None:
    assert {name: kind_of(name) for name in SETS} == {name: known.kind for name, known in SETS.items()}
    assert kind_of("folder/of/images") == "images"


def test_sizes_are_those_that_doubling_reaches() -> None:
    reach = {base * 2**k for base in (4, 5, 6, 7) for k in range(8)}
    assert list(SIZES) == sorted(size for size in reach if 28 <= size <= 128)


@given(st.integers(-10, 10_000))
def test_nearest_size(side: int) -> None:
    assert abs(nearest_size(side) - side) == min(abs(size - side) for size in SIZES)
    if side in SIZES:
        assert check_size(side) == side
    else:
        with pytest.raises(PoiseError, match=f"size {side} is not supported; take "):
            check_size(side)


@given(st.integers(1, 3_000), st.data())
def test_fingerprint_sees_what_it_looks_at(n: int, data: st.DataObject) -> None:
    rows = np.zeros((n, 2), np.uint8)
    name = fingerprint(rows)
    assert len(name) == 16
    assert name != fingerprint(rows[:-1]) != fingerprint(rows.astype(np.int8)[:-1])
    rows[data.draw(st.sampled_from([0, n - 1]))] = 1
    assert name != fingerprint(rows)


def test_fingerprint_of_a_set_includes_labels() -> None:
    rows, labels = np.zeros((4, 2), np.float32), np.arange(4)
    plain = Dataset("x", "points", rows, rows[:0])
    assert plain.fingerprint == Dataset("y", "points", rows, rows[:0]).fingerprint
    assert plain.fingerprint != Dataset("x", "points", rows, rows[:0], labels, labels[:0]).fingerprint


def test_importing_is_cheap() -> None:
    heavy = "{'torch', 'PIL', 'urllib.request', 'http.client'}"
    code = f"import sys, poise.data.names; sys.exit(' '.join({heavy} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""
