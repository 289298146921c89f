"""IDX files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from poise.data import load
from poise.errors import PoiseError


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(256, size=(20, 28, 28), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 3


@pytest.mark.parametrize("packed", [True, False])
def test_images_and_labels_beside(tmp_path: Path, packed: bool) -> None:
    ending, pack = (".gz", gzip.compress) if packed else ("", bytes)
    (tmp_path / f"my-images-idx3-ubyte{ending}").write_bytes(pack(idx(IMAGES)))
    (tmp_path / f"my-labels-idx1-ubyte{ending}").write_bytes(pack(idx(LABELS)))
    data = load(tmp_path / f"my-images-idx3-ubyte{ending}")
    assert data.train.shape == (18, 28, 28, 1)
    assert data.test.shape == (2, 28, 28, 1)
    assert data.classes == ("0", "1", "2")
    for rows, labels in ((data.train, data.train_labels), (data.test, data.test_labels)):
        for row, label in zip(rows[..., 0], np.asarray(labels), strict=True):
            assert LABELS[(row == IMAGES).all(axis=(1, 2)).argmax()] == label


def test_without_labels_and_with_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:3]))
    data = load(tmp_path / "train-images-idx3-ubyte", size=32)
    assert (data.train.shape, data.test.shape) == ((20, 32, 32, 1), (3, 32, 32, 1))
    assert data.train_labels is None


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "truncated: 0 of 4 bytes"),
        (b"\x89PNG....", "is not an IDX file"),
        (idx(IMAGES, kind=0x0D), "type 0x0d; only unsigned bytes"),
        (idx(IMAGES)[:-1], "truncated: 15,679 of 15,680 bytes"),
        (idx(IMAGES) + b"x", "more data than its shape"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "damaged: it claims the shape"),
        (idx(IMAGES)[:6], "truncated"),
        (idx(IMAGES[:0]), "is empty"),
        (idx(LABELS), r"has the shape \[20\]"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_wrong_files(tmp_path: Path, contents: bytes, message: str, packed: bool) -> None:
    file = tmp_path / ("x-idx3-ubyte" + (".gz" if packed else ""))
    file.write_bytes(gzip.compress(contents) if packed else contents)
    with pytest.raises(PoiseError, match=message):
        load(file)


def test_damaged_gzip(tmp_path: Path) -> None:
    file = tmp_path / "x-images-idx3-ubyte.gz"
    whole = gzip.compress(idx(IMAGES))
    for data in (b"not gzip", whole[:-9], whole[:50] + b"\xff" * 50 + whole[100:], whole[:-6] + b"\0" * 6):
        file.write_bytes(data)
        with pytest.raises(PoiseError, match="x-images-idx3-ubyte"):
            load(file)


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "x-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(idx(LABELS[:-1]))
    with pytest.raises(PoiseError, match="give one label per sample"):
        load(tmp_path / "x-images-idx3-ubyte")
