"""Images that are arrays: shapes, types, keys, labels, sizes, and files that are not what they seem."""

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poise.data import arrays, load
from poise.errors import PoiseError


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def save_by_name(file: Path, contents: dict[str, np.ndarray]) -> None:
    save: Any = np.savez  # whose types take every keyword for an option
    save(file, **contents)


@pytest.mark.parametrize("shape", [(30, 28, 28), (30, 28, 28, 1), (30, 64, 64, 3)])
def test_npy(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", noise(*shape))
    data = load(tmp_path / "x.npy")
    channels = (1,) if len(shape) == 3 else ()
    assert data.train.shape == (27, *shape[1:], *channels)
    assert data.test.shape == (3, *shape[1:], *channels)
    together = np.concatenate([data.train, data.test]).reshape(30, -1)
    assert {row.tobytes() for row in together} == {row.tobytes() for row in noise(*shape)}


@pytest.mark.parametrize(
    ("shape", "side"), [((20, 30), 28), ((33, 50), 32), ((100, 100), 96), ((300, 200), 128), ((28, 90), 28)]
)
def test_other_sizes_become_the_nearest(tmp_path: Path, shape: tuple[int, int], side: int) -> None:
    np.save(tmp_path / "x.npy", noise(3, *shape, 3))
    assert load(tmp_path / "x.npy").train.shape == (3, side, side, 3)
    assert load(tmp_path / "x.npy", size=40).train.shape == (3, 40, 40, 3)


def test_crop_keeps_the_center(tmp_path: Path) -> None:
    images = noise(2, 28, 48)
    np.save(tmp_path / "x.npy", images)
    assert np.array_equal(np.asarray(load(tmp_path / "x.npy").train)[..., 0], images[:, :, 10:38])


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("anything", "labels")])
def test_npz_with_labels(tmp_path: Path, keys: tuple[str, str]) -> None:
    labels = np.array([5, -1] * 10, np.int16)
    images = np.where(labels == 5, 200, 100).astype(np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    save_by_name(tmp_path / "x.npz", {keys[0]: images, keys[1]: labels})
    data = load(tmp_path / "x.npz")
    assert data.classes == ("-1", "5")
    for rows, numbers in ((data.train, data.train_labels), (data.test, data.test_labels)):
        assert np.array_equal(np.asarray(rows)[:, 0, 0, 0], np.where(numbers == 1, 200, 100))
        assert np.asarray(numbers).dtype == np.int64


def test_npz_split(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "x.npz",
        train=noise(5, 28, 28, 3),
        test=noise(4, 32, 28, 3),
        train_labels=np.array(list("aabbb")),
        test_labels=np.array(list("abcc")),
    )
    data = load(tmp_path / "x.npz")
    assert data.train.shape == (5, 28, 28, 3)
    assert data.test.shape == (4, 28, 28, 3)
    assert data.classes == ("a", "b", "c")
    assert np.asarray(data.train_labels).tolist() == [0, 0, 1, 1, 1]
    assert np.asarray(data.test_labels).tolist() == [0, 1, 2, 2]


def test_npz_train_alone_is_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", train=noise(20, 28, 28))
    assert len(load(tmp_path / "x.npz").test) == 2


with_nan = np.zeros((3, 28, 28))
with_nan[1, 2, 3] = np.nan


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 28, 28), np.float32), r"dtype float32; save as uint8 0\.\.255"),
        (np.zeros((3, 28, 28), np.int64), r"dtype int64; save as uint8"),
        (np.zeros((3, 28, 28), bool), r"dtype bool; save as uint8"),
        (with_nan, "holds NaN or infinite values"),
        (np.full((3, 28, 28), np.inf, np.float16), "holds NaN or infinite values"),
        (np.zeros((50, 2)), "column '0' of .* is the same in every row; remove it"),
        (np.zeros((5, 28), np.uint8), "has 5 rows; a table needs at least 10"),
        (np.zeros((50, 2), np.complex64), r"is complex64 \[50, 2\]; a table is numbers"),
        (np.zeros((3, 28, 28, 4), np.uint8), r"shape \[3, 28, 28, 4\]; .* c 1 or 3"),
        (np.uint8(3), r"has the shape \[\]"),
        (np.zeros((0, 28, 28), np.uint8), "is empty"),
        (np.zeros((3, 0, 28), np.uint8), "is empty"),
        (np.array([{}, None]), "holds Python objects, not numbers"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_wrong_arrays(tmp_path: Path, array: np.ndarray, message: str, suffix: str) -> None:
    file = tmp_path / f"wrong{suffix}"
    if suffix == ".npy":
        np.save(file, array)
    else:
        np.savez(file, images=array)
    with pytest.raises(PoiseError, match=message) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            {"a": noise(3, 28, 28), "b": noise(3, 28, 28)},
            "holds a, b; name the arrays",
        ),
        ({"test": noise(3, 28, 28)}, "name the arrays"),
        ({}, "holds no array"),
        (
            {"x": noise(3, 28, 28), "y": np.arange(2)},
            r"shape \[2\]; give one label per sample, \[3\]",
        ),
        ({"x": noise(3, 28, 28), "y": np.zeros((3, 10), int)}, r"shape \[3, 10\]"),
        ({"x": noise(3, 28, 28), "y": np.zeros(3)}, "dtype float64; save labels as integers"),
        ({"train": noise(3, 28, 28), "test": noise(3, 28, 28, 3)}, "other channels"),
        (
            {"train": noise(2, 28, 28), "test": noise(2, 28, 28), "test_labels": np.arange(2)},
            "give both or none",
        ),
    ],
)
def test_wrong_npz(tmp_path: Path, contents: dict[str, np.ndarray], message: str) -> None:
    save_by_name(tmp_path / "x.npz", contents)
    with pytest.raises(PoiseError, match=message):
        load(tmp_path / "x.npz")


def test_not_numpy_at_all(tmp_path: Path) -> None:
    for i, data in enumerate((b"", b"hello", pickle.dumps([1, 2]), b"\x93NUMPY\x01\x00")):
        for suffix in (".npy", ".npz"):
            file = tmp_path / f"{i}{suffix}"
            file.write_bytes(data)
            with pytest.raises(PoiseError, match="it is damaged or not NumPy's"):
                load(file)


def test_truncated(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", noise(5, 28, 28))
    np.savez(tmp_path / "x.npz", noise(5, 28, 28))
    for file in (tmp_path / "x.npy", tmp_path / "x.npz"):
        file.write_bytes(file.read_bytes()[:-500])
        with pytest.raises(PoiseError, match="cannot read"):
            load(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 180), byte=st.integers(0, 255), suffix=st.sampled_from([".npy", ".npz"]))
@pytest.mark.filterwarnings("ignore")
def test_damage_is_an_error_or_images(tmp_path: Path, at: int, byte: int, suffix: str) -> None:
    file = tmp_path / f"x{suffix}"
    (np.save if suffix == ".npy" else np.savez)(file, np.zeros((3, 28, 28), np.uint8))
    data = bytearray(file.read_bytes())
    data[at] = byte
    file.write_bytes(data)
    with contextlib.suppress(PoiseError):
        assert load(file).train.dtype == np.uint8


def test_large_file_is_memory_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", noise(40, 30, 36, 3))
    small = load(tmp_path / "x.npy")
    monkeypatch.setattr(arrays, "IN_MEMORY", 1_000)
    told: list[tuple[int, int]] = []
    large = load(tmp_path / "x.npy", progress=lambda done, total: told.append((done, total)))
    assert isinstance(large.train, np.memmap)
    assert large.fingerprint == small.fingerprint
    assert told[-1] == (40, 40)
    assert load(tmp_path / "x.npy").fingerprint == small.fingerprint
    np.save(tmp_path / "x.npy", 255 - noise(40, 30, 36, 3))
    os.utime(tmp_path / "x.npy", ns=(1, 1))
    assert load(tmp_path / "x.npy").fingerprint != small.fingerprint


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 25), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
        elements=st.integers(0, 255),
    )
)
def test_any_images(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", images)
    data = load(tmp_path / "x.npy", size=28)
    assert len(data.train) + len(data.test) == len(images)
    assert len(data.test) == len(images) // 10
    assert data.train.shape[1:] == (28, 28, images.shape[3])
