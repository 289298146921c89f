"""Features on disk: found again, told from others, renewed when damaged, bounded, done without."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from poise.data import cache_folder
from poise.features import Judge, cache, cached
from poise.features.judge import Progress, Samples


class Counting:
    """A judge's function that counts its calls."""

    calls = 0

    def __call__(self, samples: Samples, progress: Progress | None) -> Tensor:
        self.calls += 1
        return torch.from_numpy(samples.copy()).float() * 2


def counting(version: str = "1", name: str = "twice") -> tuple[Judge, Counting]:
    extract = Counting()
    return Judge(name, "points", "FD-twice", version, extract), extract


def entries() -> list[Path]:
    return sorted((cache_folder() / "features").iterdir())


POINTS = np.random.default_rng(0).normal(size=(50, 4))


def test_features_are_worked_out_once() -> None:
    judge, extract = counting()
    first, second = cached(judge, POINTS), cached(judge, POINTS.copy())
    assert extract.calls == 1
    assert torch.equal(first, second)
    assert torch.equal(first, judge.features(POINTS))


def test_whatever_features_depend_on_makes_another_entry() -> None:
    changed = POINTS.copy()
    changed[-1, -1] += 1e-9
    for samples in (POINTS, changed, POINTS.reshape(25, 8), POINTS.astype(np.float32), POINTS[::-1]):
        cached(counting()[0], samples)
    cached(counting("2")[0], POINTS)
    cached(counting(name="thrice")[0], POINTS)
    assert len(entries()) == 7


@pytest.mark.parametrize("place", [3, 40, -9])
def test_one_flipped_bit_is_seen(place: int) -> None:
    notes: list[str] = []
    judge, extract = counting()
    good = cached(judge, POINTS)
    (file,) = entries()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert torch.equal(cached(judge, POINTS, note=notes.append), good)
    assert extract.calls == 2
    assert torch.equal(cached(judge, POINTS, note=notes.append), good)
    assert extract.calls == 2
    (said,) = notes
    assert "are damaged: they are worked out again" in said
    assert "\n" not in said


@pytest.mark.parametrize("rest", [b"", b"half"])
def test_a_torn_entry_is_renewed(rest: bytes) -> None:
    judge, extract = counting()
    cached(judge, POINTS)
    entries()[0].write_bytes(rest)
    cached(judge, POINTS, note=lambda note: None)
    assert extract.calls == 2


def test_what_was_not_used_for_longest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, extract = counting()
    parts = [POINTS + i for i in range(4)]
    for age, part in enumerate(parts[:3]):
        before = set(entries()) if age else set()
        cached(judge, part)
        (new,) = set(entries()) - before
        os.utime(new, (1_000.0 + age, 1_000.0 + age))
    cached(judge, parts[0])  # used now
    monkeypatch.setattr(cache, "LIMIT", 3 * entries()[0].stat().st_size)
    cached(judge, parts[3])
    assert len(entries()) == 3
    calls = extract.calls
    for part in (parts[0], parts[2], parts[3]):
        cached(judge, part)
    assert extract.calls == calls
    cached(judge, parts[1])
    assert extract.calls == calls + 1


def test_without_a_folder_to_write_in_features_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "file"))
    judge, _ = counting()
    assert torch.equal(cached(judge, POINTS), judge.features(POINTS))


def test_nothing_is_left_of_a_write_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, _ = counting()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert torch.equal(cached(judge, POINTS), judge.features(POINTS))
    assert entries() == []
