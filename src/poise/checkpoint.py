"""Checkpoints: folders of plain tensors and numbers, with a checksum for every file.

checkpoints/step-00000500/
    weights.safetensors     the game's state_dict: loads into plain torch modules
    average.safetensors     the same names, averaged weights
    optimizer.safetensors   "player.0.exp_avg", ... over each player's flat vector
    state.json              step, examples, seconds, and the optimizers' numbers
    manifest.json           sha256 of each file
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .errors import PoiseError
from .files import write_folder

KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """What is saved: tensors by file and name, and plain numbers."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def save(folder: Path, step: int, checkpoint: Checkpoint, kept: int = KEPT) -> Path:
    """Write a checkpoint, whole or not at all, then remove all but the last.

    Args:
        folder: the run's folder of checkpoints.
        step: names the checkpoint.
        checkpoint: what to save.
        kept: how many of the last to keep.

    Returns:
        The folder written.

    Raises:
        PoiseError: the disk is full or read-only; the checkpoints before are untouched.
    """
    path = folder / f"step-{step:07d}"

    def fill(temporary: Path) -> None:
        for name, tensors in checkpoint.tensors.items():
            # clones: safetensors refuses views that share a buffer; and it takes contiguous tensors only
            plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
            try:
                save_file(plain, temporary / f"{name}.safetensors")
            except SafetensorError as error:  # its own kind, even for a full disk
                raise OSError(str(error)) from error
        (temporary / "state.json").write_text(json.dumps(checkpoint.state, indent=1))
        sums = {file.name: _sha256(file) for file in sorted(temporary.iterdir())}
        (temporary / "manifest.json").write_text(json.dumps(sums, indent=1))

    write_folder(path, fill)
    for old in _newest_first(folder)[kept:]:
        shutil.rmtree(old)
    return path


def damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint's files, or None when all checksums hold."""
    try:
        sums = json.loads((path / "manifest.json").read_text())
        if not isinstance(sums, dict) or "state.json" not in sums:
            return "manifest.json is damaged"
        for name, expected in sums.items():
            if _sha256(path / name) != expected:
                return f"{name} does not match its checksum"
    except (OSError, ValueError) as error:
        return f"a file is missing or unreadable ({error})"
    return None


def load(path: Path) -> Checkpoint:
    """Read a checkpoint whose checksums hold."""
    tensors = {file.stem: load_file(file) for file in sorted(path.glob("*.safetensors"))}
    return Checkpoint(tensors, json.loads((path / "state.json").read_text()))


def fit_into(game: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a game, or one player of it, saved weights.

    Raises:
        PoiseError: they are those of other networks, as when another version of Poise saved them.
    """
    try:
        game.load_state_dict(dict(weights))
    except RuntimeError:
        raise PoiseError(
            "the saved weights are of other networks than this version of Poise makes from the run's settings; use the "
            "version that `versions` in config.json names, or train again with --overwrite"
        ) from None


def latest(folder: Path) -> tuple[Path | None, list[str]]:
    """Find the newest undamaged checkpoint.

    Returns:
        Its folder, or None; and one warning for each damaged checkpoint passed over.
    """
    warnings: list[str] = []
    for path in _newest_first(folder):
        problem = damage(path)
        if problem is None:
            return path, warnings
        warnings.append(f"checkpoint {path.name} is damaged ({problem}): using the one before it")
    return None, warnings


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step-*") if path.name.removeprefix("step-").isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
