"""The cache: used again, renewed when files change, done without when it cannot be written."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise.data import cache, cache_folder, collect, decode, load
from poise.data.dataset import Images, Skipped
from poise.errors import PoiseError

Draw = Callable[..., Path]


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were decoded."""
    paths: list[str] = []
    real = decode.decode

    def counting(path: str, *args: Any) -> Images | Skipped:
        paths.append(path)
        return real(path, *args)

    monkeypatch.setattr(collect, "decode", counting)
    return paths


def test_second_load_decodes_nothing(photos: Path, draw: Draw, decodes: list[str]) -> None:
    for i in range(20):
        draw(f"{'ab'[i % 2]}/{i}.png")
    first = load(photos)
    assert len(decodes) == 20
    second = load(photos)
    assert len(decodes) == 20
    assert isinstance(second.train, np.memmap)
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(np.asarray(second.train_labels), np.asarray(first.train_labels))
    assert second.classes == first.classes
    load(photos, size=28)
    assert len(decodes) == 40


def test_change_is_noticed(photos: Path, draw: Draw, decodes: list[str]) -> None:
    file = draw("a.png")
    draw("b.png")
    before = load(photos)
    os.utime(file, ns=(1, 1))
    load(photos)
    assert len(decodes) == 4
    file.unlink()
    assert len(load(photos).train) == 1
    assert len(before.train) == 2


def test_damaged_entry_is_made_again(photos: Path, draw: Draw, decodes: list[str]) -> None:
    draw("a.png")
    whole = load(photos)
    for file in cache_folder().iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert load(photos).fingerprint == whole.fingerprint
    assert len(decodes) == 2


def test_no_temporary_files_stay(photos: Path, draw: Draw) -> None:
    draw("a.png")
    load(photos)
    assert sorted(file.suffix for file in cache_folder().iterdir()) == [".json", ".npy"]


def test_unwritable_cache_means_memory(
    photos: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(12):
        draw(f"{i}.png")
    kept = load(photos)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "file" / "cache"))
    data = load(photos)
    assert not isinstance(data.train, np.memmap)
    assert data.fingerprint == kept.fingerprint


def test_full_disk_means_memory(photos: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    draw("a.png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_write", full)
    assert len(load(photos).train) == 1
    assert list((tmp_path / "own-cache").iterdir()) == []


def test_no_room_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "file"))
    with pytest.raises(PoiseError, match="set POISE_CACHE to a folder with room"):
        cache.keep("k", (1 << 40, 128, 128, 3), lambda: iter(()), dict)


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("count", [3, 1_000])
def test_fewer_rows_than_announced(count: int, writable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    if not writable:
        monkeypatch.setenv("POISE_CACHE", str(tmp_path / "file"))
    row = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    found = cache.keep("k", (1_000, 2, 2, 3), lambda: iter([row] * count), dict)
    assert isinstance(found.rows, np.memmap) == writable
    assert found.rows.shape == (count, 2, 2, 3)
    assert (found.rows == row).all()


def test_folder_by_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "poise"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "poise"
