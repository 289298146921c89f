"""The classifier of garments: what it learns, and how it is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poise import counting
from poise.counting import garment_counter
from poise.data import cache_folder, load
from poise.data.dataset import Dataset
from poise.data.fashion import IN_PACKAGE, _load
from poise.metrics import stacked_modes


@pytest.fixture(scope="module")
def few() -> Dataset:
    """4,000 garments to train on, 1,000 to test with."""
    data = _load("few", IN_PACKAGE, None, None)
    train, test = np.asarray(data.train)[:4_000], np.asarray(data.test)[:1_000]
    labels = np.asarray(data.train_labels)[:4_000], np.asarray(data.test_labels)[:1_000]
    return Dataset("few", "images", train, test, *labels, data.classes)


def files() -> list[Path]:
    return sorted(path for path in cache_folder().iterdir() if path.suffix in (".json", ".safetensors"))


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each classifier that was trained."""
    done: list[int] = []
    real = counting._train

    def telling(*args: object) -> torch.nn.Module:
        done.append(1)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(counting, "_train", telling)
    return done


def test_it_learns_and_counts(few: Dataset) -> None:
    told: list[tuple[int, int]] = []
    counter = garment_counter(few, lambda done, total: told.append((done, total)), steps=100)
    assert told == [(i, 100) for i in range(1, 101)]
    assert counter.accuracy > 0.7
    right = (counter(torch.tensor(few.test)[..., 0]).numpy() == few.test_labels).mean()
    assert counter.accuracy == pytest.approx(right, abs=1e-12)
    same = torch.from_numpy(few.test[:1].repeat(3, 3)).repeat(50, 1, 1, 1)
    assert stacked_modes(same, same, counter)["modes"] == 1


def test_it_is_trained_once(few: Dataset, trainings: list[int]) -> None:
    first, second = (garment_counter(few, steps=3) for _ in range(2))
    assert len(trainings) == 1
    assert second.accuracy == first.accuracy
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name])
    assert not second.network.training


def test_it_is_the_same_each_time_and_leaves_the_seed_alone(
    few: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    first = garment_counter(few, steps=3)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "another"))
    again = garment_counter(few, steps=3)
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])


@pytest.mark.parametrize("fault", ["bit", "cut", "gone", "notes", "no sum"])
def test_a_damaged_one_is_trained_anew(few: Dataset, trainings: list[int], fault: str) -> None:
    garment_counter(few, steps=2)
    notes, weights = files()
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    if fault == "bit":
        weights.write_bytes(content)
    elif fault == "cut":
        weights.write_bytes(content[:1_000])
    elif fault == "gone":
        weights.unlink()
    else:
        notes.write_text("{" if fault == "notes" else "{}")
    garment_counter(few, steps=2)
    assert len(trainings) == 2
    garment_counter(few, steps=2)
    assert len(trainings) == 2  # it was mended


def test_another_training_or_other_garments_are_another_entry(
    few: Dataset, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    garment_counter(few, steps=2)
    garment_counter(few, steps=3)
    garment_counter(replace(few, train=255 - np.asarray(few.train), fingerprint=""), steps=2)
    monkeypatch.setattr(counting, "VERSION", 0)
    garment_counter(few, steps=2)
    assert len(trainings) == 4
    assert len(files()) == 8


def test_without_a_cache_folder(few: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "file" / "sub"))
    assert garment_counter(few, steps=2).accuracy > 0


def test_other_sizes_are_refused(few: Dataset) -> None:
    with pytest.raises(ValueError, match=r"28×28 pixels, not \[32, 32\]"):
        garment_counter(few, steps=1)(torch.zeros(2, 32, 32, dtype=torch.uint8))


@pytest.mark.slow
def test_whole() -> None:
    """At least 90 % right of all garments (88 % when trained on the part), and the divergence of a perfect sampler."""
    garments, stacked = load("fashion-mnist"), load("stacked-fashion")
    counter = garment_counter(garments)
    assert counter.accuracy > (0.9 if len(garments.train) == 60_000 else 0.87)
    images = torch.tensor(stacked.train)
    found = stacked_modes(images[:26_000], images[26_000:52_000], counter)
    assert found["modes"] == found["modes_real"] == 1_000
    assert found["kl"] == pytest.approx(999 / 52_000, abs=0.005)
