"""Shared by tests."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from poise.gallery import Gallery
from poise.sequence_gallery import SequenceGallery

settings.register_profile("poise", deadline=None)  # no test asserts on wall-clock time
settings.load_profile("poise")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A file of sixty images of noise."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8))
    return path


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings draw no pictures, which take longer than their few steps: for tests of weights and numbers alone."""
    for gallery in (Gallery, SequenceGallery):
        monkeypatch.setattr(gallery, "data", lambda self: None)
        monkeypatch.setattr(gallery, "during", lambda self, training, losses=None: None)
        monkeypatch.setattr(gallery, "end", lambda self, training: None)
