"""Writing files so that a crash leaves the old one or the new one, never half of either."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import PoiseError

TEMPORARY = ".tmp"  # ends the name of whatever is not finished yet


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a write into one line that names the place and the remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise PoiseError(
            f"cannot write {path}: {reason}; make room or choose another folder with --out "
            "(a run that has begun goes on from its last checkpoint)"
        ) from error


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, flush it to disk and rename it to `path`.

    Raises:
        PoiseError: the disk is full or read-only; `path` is as it was before.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with writing(path):
        try:
            write(temporary)
            flush(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a temporary folder, flush all of it to disk and rename it to `path`.

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
                flush(file)
            flush(temporary)
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
            flush(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    write_file(path, lambda file: file.write_text(json.dumps(value, indent=1) + "\n"))


def flush(path: Path) -> None:
    """Have the operating system put a file, or a folder's list of names, on disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle for a folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
