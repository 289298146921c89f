"""Images in a .zip."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poise.data import load
from poise.errors import PoiseError

Draw = Callable[..., Path]
Zipped = Callable[[dict[str, bytes]], Path]


def test_loads_with_classes(zipped: Zipped, png: bytes) -> None:
    names = [f"pets/{kind}/{i}.png" for kind in ("cats", "dogs") for i in range(3)]
    data = load(zipped(dict.fromkeys(names, png) | {"__MACOSX/pets/._1.png": b"x", "pets/readme.txt": b"x"}))
    assert data.train.shape == (6, 32, 32, 1)
    assert (data.train == 77).all()
    assert data.classes == ("cats", "dogs")
    assert np.asarray(data.train_labels).tolist() == [0, 0, 0, 1, 1, 1]


def test_dots_in_paths(zipped: Zipped, png: bytes) -> None:
    data = load(zipped({"./a/1.png": png, "./b//1.png": png, "./.c/1.png": png, "./folder.png/": b""}))
    assert data.classes == ("a", "b")
    assert len(data.train) == 2
    assert data.skipped == ()


def test_same_as_the_folder(photos: Path, draw: Draw, tmp_path: Path) -> None:
    for i in range(12):
        draw(f"{i}.png", size=(28, 28))
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in photos.iterdir():
            archive.write(file, file.name)
    assert load(photos).fingerprint == load(tmp_path / "p.zip").fingerprint


@pytest.mark.parametrize(
    "name", ["../a.png", "/etc/a.png", "x/../../a.png", "C:/a.png", "c:a.png", "x\\..\\a.png", "../a.txt"]
)
def test_climbing_member(zipped: Zipped, png: bytes, name: str) -> None:
    with pytest.raises(PoiseError, match="a path that leads outside it") as caught:
        load(zipped({"ok.png": png, name: png}))
    assert repr(name) in str(caught.value)


def test_encrypted(zipped: Zipped, png: bytes) -> None:
    file = zipped({"a.png": png})
    data = bytearray(file.read_bytes())
    data[6] |= 1  # the flag in the local header, and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(PoiseError, match="is encrypted; unpack it"):
        load(file)


def test_links_are_ignored(tmp_path: Path, png: bytes) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.png", png)
    data = load(tmp_path / "l.zip")
    assert len(data.train) == 1
    assert data.skipped == ()


def test_damaged(tmp_path: Path, zipped: Zipped, png: bytes) -> None:
    (tmp_path / "no.zip").write_bytes(b"not a zip")
    with pytest.raises(PoiseError, match=r"cannot read .*no\.zip"):
        load(tmp_path / "no.zip")
    whole = zipped({"a.png": png, "b.png": png})
    whole.write_bytes(whole.read_bytes()[:-30])
    with pytest.raises(PoiseError, match="cannot read"):
        load(whole)


def test_wrong_checksum_is_skipped(zipped: Zipped, png: bytes) -> None:
    file = zipped({"a.png": png, "b.png": png})
    data = bytearray(file.read_bytes())
    data[data.index(b"IEND") + 5] ^= 1  # Pillow does not look there, the archive's checksum does
    file.write_bytes(data)
    assert [skip.path for skip in load(file).skipped] == ["a.png"]


def test_empty(zipped: Zipped) -> None:
    with pytest.raises(PoiseError, match="no images in"):
        load(zipped({"readme.txt": b"x"}))


def test_lying_header_of_a_member(zipped: Zipped, png: bytes) -> None:
    file = zipped({"a.png": png, "b.png": png})
    data = bytearray(file.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = b"\xff\xff\xff\x7f" * 2  # both sizes: two gigabytes
    file.write_bytes(data)
    assert [skip.path for skip in load(file).skipped] == ["a.png"]
