"""Features of real data kept on disk, so that they are worked out once."""

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..files import cache_folder, sweep, whole_file
from .judge import Judge, Progress, Samples

LIMIT = 1_000_000_000  # bytes of features kept
BLOCK = 1 << 26  # bytes hashed at once: samples may be a memory map


def _say(note: str) -> None:
    print(note, file=sys.stderr, flush=True)


def cached(
    judge: Judge, samples: Samples, progress: Progress | None = None, note: Callable[[str], None] = _say
) -> Tensor:
    """Return a judge's features of samples, from disk where they are kept there; else work them out and keep them.

    An entry's name is the SHA-256 of all that features depend on: the samples, and the judge's name and version. For
    real data only: generated samples never come again. Up to 1 GB is kept, and what was not used for longest goes
    first. Where the folder (`poise.files.cache_folder`) cannot be written, nothing is kept.

    Args:
        judge: gives the features.
        samples: what it takes.
        progress: told samples done and their number while features are worked out.
        note: told in one line of an entry that is damaged, and is therefore worked out again.

    Returns:
        Features, float32 [n, k].

    Raises:
        PoiseError: as `Judge.features`.

    Example:
        >>> from poise.features import judge
        >>> real = np.zeros((3, 28, 28, 1), np.uint8)
        >>> bool((cached(judge("pixels"), real) == cached(judge("pixels"), real)).all())
        True
    """
    key = _digest(samples, f"{judge.name} {judge.version}")
    file = cache_folder() / "features" / f"{key}.safetensors"
    with suppress(OSError):
        if file.exists():
            if (found := _read(file)) is not None:
                os.utime(file)  # used now
                return found
            note(f"features of {judge.name} in {file} are damaged: they are worked out again")
    features = judge.features(samples, progress)
    with suppress(OSError):
        _keep(file, features)
    return features


def _read(file: Path) -> Tensor | None:
    """Return what is kept, or None where it does not match its checksum."""
    try:
        with safe_open(file, "pt") as entry:
            features: Tensor = entry.get_tensor("features")
            return features if entry.metadata()["sha256"] == _digest(features.numpy()) else None
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None


def _keep(file: Path, features: Tensor) -> None:
    content = save({"features": features.contiguous()}, {"sha256": _digest(features.numpy())})
    if len(content) > LIMIT:
        return
    with whole_file(file) as out:
        out.write(content)
    sweep(file.parent)
    sizes = {entry: entry.stat() for entry in file.parent.glob("*.safetensors")}
    total = sum(size.st_size for size in sizes.values())
    for entry in sorted(sizes, key=lambda entry: sizes[entry].st_mtime):
        if total > LIMIT:
            entry.unlink(missing_ok=True)
            total -= sizes[entry].st_size


def _digest(array: Samples, beside: str = "") -> str:
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} {beside};".encode())
    rows = max(1, BLOCK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        digest.update(np.ascontiguousarray(array[start : start + rows]).data)
    return digest.hexdigest()
