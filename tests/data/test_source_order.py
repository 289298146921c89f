"""All rows of a data set come back in the order of their source."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise.data import load


def numbered(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.uint8).repeat(28 * 28).reshape(n, 28, 28)


def test_arrays_that_were_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", numbered(50))
    rows = load(tmp_path / "x.npy").in_source_order()
    assert rows[10:30][:, 0, 0, 0].tolist() == list(range(10, 30))
    assert (len(rows), rows.shape, rows.labels, rows.names) == (50, (50, 28, 28, 1), None, ())
    monkeypatch.setattr("poise.data.arrays.IN_MEMORY", 0)  # by way of the cache
    assert load(tmp_path / "x.npy").in_source_order()[0:50][:, 0, 0, 0].tolist() == list(range(50))


def test_arrays_with_a_test_part_of_their_own(tmp_path: Path) -> None:
    labels = np.arange(50) % 3
    arrays: dict[str, Any] = {"train": numbered(50)[:40], "test": numbered(50)[40:]}
    np.savez(tmp_path / "x.npz", **arrays, train_labels=labels[:40], test_labels=labels[40:])
    rows = load(tmp_path / "x.npz").in_source_order()
    assert rows[0:50][:, 0, 0, 0].tolist() == list(range(50))
    assert rows.labels is not None
    assert rows.labels.tolist() == labels.tolist()


def test_folders_name_their_files(photos: Path, draw: Any) -> None:
    from PIL import Image

    for i in range(30):
        (photos / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(numbered(30)[i]).save(photos / "ab"[i % 2] / f"{i:02}.png")
    for _ in range(2):  # decoded, then from the cache
        rows = load(photos).in_source_order()
        assert rows.names == tuple(sorted(rows.names))
        assert [int(Path(name).stem) for name in rows.names] == rows[0:30][:, 0, 0, 0].tolist()
        assert rows.labels is not None
        assert ["ab"[label] for label in rows.labels] == [Path(name).parent.name for name in rows.names]
