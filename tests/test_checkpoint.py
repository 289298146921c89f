"""Checkpoints: whole or not at all, checked before use."""

import json
from pathlib import Path

import pytest
import torch

from poise import checkpoint
from poise.checkpoint import Checkpoint
from poise.errors import PoiseError


def some(value: float = 1.0) -> Checkpoint:
    buffer = torch.full((32,), value)
    views = {"a": buffer[:6].view(2, 3), "b": buffer[16:24]}  # views of one buffer, as a player's are
    kernel = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    return Checkpoint({"weights": {**views, "kernel": kernel}}, {"step": 5, "lr": 0.1 + 0.2})


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    saved = some()
    path = checkpoint.save(tmp_path, 5, saved)
    loaded = checkpoint.load(path)
    assert loaded.state == saved.state
    for name, tensor in saved.tensors["weights"].items():
        assert torch.equal(loaded.tensors["weights"][name], tensor)
    assert checkpoint.damage(path) is None


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 9_999_999, 10_000_000):
        checkpoint.save(tmp_path, step, some())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-10000000", "step-9999999"]
    assert checkpoint.latest(tmp_path)[0] == tmp_path / "step-10000000"


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path: Path, name: str, harm: str) -> None:
    checkpoint.save(tmp_path, 5, some(1.0))
    newest = checkpoint.save(tmp_path, 10, some(2.0))
    file = newest / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    path, warnings = checkpoint.latest(tmp_path)
    assert path == tmp_path / "step-0000005"
    assert len(warnings) == 1
    assert "step-0000010 is damaged" in warnings[0]


def test_nothing_is_left_of_a_checkpoint_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, 5, some())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(PoiseError, match="No space left on device"):
        checkpoint.save(tmp_path, 10, some())
    assert [path.name for path in tmp_path.iterdir()] == ["step-0000005"]


def test_state_is_plain_json(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, 5, some())
    assert json.loads((path / "state.json").read_text()) == {"step": 5, "lr": 0.30000000000000004}
