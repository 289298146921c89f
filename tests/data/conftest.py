"""Every test here has cache and data folders of its own, and may draw small images."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SaveImages = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "own-cache"))
    monkeypatch.setenv("POISE_DATA", str(tmp_path / "own-data"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own-share"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder for images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def draw(photos: Path) -> SaveImages:
    """Save an image of random pixels of the given mode and size under a relative path."""

    def save(path: str, mode: str = "RGB", size: tuple[int, int] = (32, 32), **options: Any) -> Path:
        file = photos / path
        file.parent.mkdir(parents=True, exist_ok=True)
        channels = len(Image.new(mode, (1, 1)).getbands())
        seed = sum(path.encode())
        pixels = np.random.default_rng(seed).integers(256, size=(size[1], size[0], channels), dtype=np.uint8)
        Image.frombytes(mode, size, pixels.tobytes()).save(file, **options)
        return file

    return save


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Write a .zip of the given members."""

    def write(members: dict[str, bytes]) -> Path:
        file = tmp_path / "photos.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return file

    return write


@pytest.fixture
def png() -> bytes:
    """The bytes of a 32×32 gray PNG."""
    out = io.BytesIO()
    Image.new("L", (32, 32), 77).save(out, "PNG")
    return out.getvalue()
