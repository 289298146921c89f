"""Writing files so that a crash leaves the old one or the new one, never half of either; where caches are."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import PoiseError

TEMPORARY = ".tmp"  # ends the name of whatever is not finished yet
DAY = 86_400.0  # seconds


def cache_folder() -> Path:
    """Return the folder of decoded images and features: $POISE_CACHE, $XDG_CACHE_HOME/poise or ~/.cache/poise.

    Everything in it can be deleted at any time.
    """
    if chosen := os.environ.get("POISE_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "poise"


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name when the block ends well.

    The contents are on the disk before the name is given. When the block raises, nothing is left.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes killed while writing left behind, a day ago or earlier."""
    for leftover in folder.glob(f"*{TEMPORARY}"):
        if time.time() - leftover.stat().st_mtime > DAY:
            leftover.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a write into one line that names the place and the remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise PoiseError(
            f"cannot write {path}: {reason}; make room or choose another place with --out "
            "(a run that has begun goes on from its last checkpoint)"
        ) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        PoiseError: the disk is full or read-only; `path` is as it was before.
    """
    with writing(path), whole_file(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    write_file(path, (json.dumps(value, indent=1) + "\n").encode())


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write files into a temporary folder, flush all of it to disk and rename it to `path`.

    Raises:
        PoiseError: the disk is full or read-only; nothing is left of the folder.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with writing(path):
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            fill(temporary)
            for file in temporary.iterdir():
                _flush(file)
            _flush(temporary)
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
            _flush(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle for a folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
