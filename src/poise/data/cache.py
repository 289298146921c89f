"""Keep decoded images on disk, so that they are decoded once and read as a memory map."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from ..errors import PoiseError
from ..files import cache_folder, sweep, whole_file
from .dataset import Images

FORMAT = "2"  # change it when the same files would give other rows or notes
Shape = tuple[int, int, int, int]
Notes = dict[str, Any]


class Found(NamedTuple):
    """Images [n, h, w, c] and what is to be known about them."""

    rows: Images
    notes: Notes


def key_of(*parts: object) -> str:
    """Name a cache entry after all that its contents depend on.

    Example:
        >>> key_of("cats", 64) == key_of("cats", 64) != key_of("cats", 32)
        True
    """
    return hashlib.blake2b(repr((FORMAT, *parts)).encode(), digest_size=16).hexdigest()


def find(key: str) -> Found | None:
    """Return what is kept under a key; None when it is not there or is damaged."""
    file = cache_folder() / key
    try:
        rows = np.load(file.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        return Found(rows, json.loads(file.with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, EOFError):
        return None


def keep(key: str, shape: Shape, rows: Callable[[], Iterator[Images]], notes: Callable[[], Notes]) -> Found:
    """Write images to the cache one by one and return them as a memory map.

    When the cache folder cannot be written or the disk is full, they are kept in memory instead.

    Args:
        key: From `key_of`.
        shape: [n, h, w, c]; n is the most rows there may be.
        rows: Begins a pass over the images, each [h, w, c]; must not raise OSError.
        notes: What to remember beside the images, as JSON; asked after the last row.

    Raises:
        PoiseError: Neither the disk nor the memory has room, or `rows` raised it.
    """
    try:
        file = cache_folder() / key
        sweep(file.parent)
        with whole_file(file.with_suffix(".npy")) as out:
            _write(out, shape, rows())
        # The notes come last: an entry counts only when both files are there.
        with whole_file(file.with_suffix(".json")) as out:
            out.write(json.dumps(notes()).encode())
        if found := find(key):
            return found
    except OSError:
        pass
    return Found(_collect(shape, rows()), notes())


def _write(file: IO[bytes], shape: Shape, rows: Iterator[Images]) -> None:
    # Plain writes, not a map: a full disk is then an error and not a bus error.
    file.write(_header(shape, shape[0]))
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  (the count is used after the loop)
        file.write(row.tobytes())
    file.seek(0)
    file.write(_header(shape, count))


def _header(shape: Shape, count: int) -> bytes:
    """Return the head of an .npy file; NumPy pads it to one length whatever the count."""
    head = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape[1:])}
    np.lib.format.write_array_header_1_0(head, fields)
    return head.getvalue()


def _collect(shape: Shape, rows: Iterator[Images]) -> Images:
    try:
        images = np.empty(shape, np.uint8)
    except MemoryError as error:
        raise PoiseError(
            f"no memory for {np.prod(shape, dtype=np.int64) / 1e9:.1f} GB of images, and the cache folder "
            f"{cache_folder()} cannot hold them; set POISE_CACHE to a folder with room"
        ) from error
    count = 0
    for count, row in enumerate(rows, 1):
        images[count - 1] = row
    return images[:count]
