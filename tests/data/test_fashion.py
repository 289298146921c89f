"""Fashion-MNIST: the part in the package, and the whole set where it is found."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from poise.data import fashion, load
from poise.data.fetch import FILES

FOUR = FILES["fashion-mnist"]
needs_debian = pytest.mark.skipif(not fashion.DEBIAN.exists(), reason="needs dataset-fashion-mnist")


@pytest.fixture
def no_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "none")


def write_set(folder: Path, n_train: int = 60_000, n_test: int = 10_000, value: int = 1) -> None:
    """Write four files of the right form with blank images."""
    folder.mkdir(parents=True)
    for part, n in (("train", n_train), ("t10k", n_test)):
        images = struct.pack(">4I", 0x803, n, 28, 28) + bytes([value]) * (n * 784)
        labels = struct.pack(">2I", 0x801, n) + bytes(i % 10 for i in range(n))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, 1))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, 1))


@pytest.mark.usefixtures("no_debian")
def test_the_part_in_the_package() -> None:
    data = load("fashion-mnist")
    assert data.name == "fashion-mnist (10,000 images in the package)"
    assert data.train.shape == (10_000, 28, 28, 1)
    assert data.test.shape == (2_000, 28, 28, 1)
    assert len(data.classes) == 10
    assert (np.abs(np.bincount(np.asarray(data.train_labels)) - 1_000) < 100).all()
    assert (np.abs(np.bincount(np.asarray(data.test_labels)) - 200) < 40).all()
    bags, trousers = (data.train[data.train_labels == data.classes.index(name)] for name in ("Bag", "Trouser"))
    assert bags.mean() > 1.3 * trousers.mean()  # a bag covers more of the picture


def test_license_is_beside_the_files() -> None:
    text = (fashion.IN_PACKAGE / "LICENSE").read_text()
    assert "Copyright © 2017 Zalando SE, https://tech.zalando.com" in text
    assert "Permission is hereby granted" in text


@needs_debian
def test_the_whole_set_of_debian_and_its_checksums() -> None:
    for name, file in FOUR.items():
        packed = (fashion.DEBIAN / name).read_bytes()
        assert len(packed) == file.size
        assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == file.sha256
    data = load("fashion-mnist")
    assert (data.name, len(data.train), len(data.test)) == ("fashion-mnist", 60_000, 10_000)
    part = fashion._load("part", fashion.IN_PACKAGE, None, None)
    assert np.array_equal(np.asarray(part.train), data.train[:10_000])
    assert np.array_equal(np.asarray(part.test), data.test[:2_000])
    assert np.array_equal(np.asarray(part.train_labels), np.asarray(data.train_labels)[:10_000])


def test_chosen_folder_comes_first(tmp_path: Path) -> None:
    write_set(tmp_path / "own-share" / "poise" / "fashion-mnist", value=1)
    assert np.asarray(load("fashion-mnist").train)[0, 0, 0, 0] == 1
    write_set(tmp_path / "own-data" / "fashion-mnist", value=2)
    data = load("fashion-mnist")
    assert (data.name, np.asarray(data.train)[0, 0, 0, 0]) == ("fashion-mnist", 2)


@pytest.mark.usefixtures("no_debian")
@pytest.mark.parametrize("fault", ["short", "missing", "damaged"])
def test_a_folder_that_is_not_whole_is_passed_over(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "own-data" / "fashion-mnist"
    write_set(folder, n_train=100 if fault == "short" else 60_000)
    if fault == "missing":
        (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    if fault == "damaged":
        (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"no")
    assert load("fashion-mnist").name == "fashion-mnist (10,000 images in the package)"
