"""Shared by the tests and the examples in docstrings."""

from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctest_namespace: dict[str, object]) -> None:
    """Give every test its own caches and a folder `tmp` for the examples, and the same weights each time."""
    doctest_namespace["tmp"] = tmp_path
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("POISE_KERNELS", str(tmp_path / "kernels"))
    torch.manual_seed(0)
