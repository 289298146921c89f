"""List the images in a folder."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import PoiseError
from .decode import Open

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass(frozen=True)
class Item:
    """One image file that has not been opened yet.

    Args:
        path: Where it lies under the source, with forward slashes.
        stamp: Changes when the file does.
        open: Opens it for reading.
    """

    path: str
    stamp: str
    open: Open


def is_image_path(path: str) -> bool:
    """Say whether a path (with forward slashes) names an image and no part of it is hidden.

    Example:
        >>> is_image_path("cats/1.JPG"), is_image_path("cats/._1.jpg"), is_image_path("notes.txt")
        (True, False, False)
    """
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))
    return not hidden and path.lower().endswith(EXTENSIONS)


def list_folder(folder: Path) -> list[Item]:
    """List the image files under a folder and its subfolders, sorted by path.

    Hidden files and folders are passed over; links to files are followed, links to folders are not.

    Raises:
        PoiseError: A folder cannot be read.
    """
    items = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            file = Path(parent, name)
            path = file.relative_to(folder).as_posix()
            if is_image_path(path):
                # A name that is no Unicode could not be printed or saved.
                items.append(_item(path.encode(errors="replace").decode(), file))
    return sorted(items, key=lambda item: item.path)


def _item(path: str, file: Path) -> Item:
    try:
        status = file.stat()
        stamp = f"{status.st_size} {status.st_mtime_ns}"
    except OSError:  # a broken link; opening it will say so
        stamp = "missing"
    return Item(path, stamp, lambda: _open(file))


def _open(file: Path) -> IO[bytes]:
    # Opening a pipe would wait forever.
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError("not a regular file")
    return file.open("rb")


def _refuse(error: OSError) -> None:
    raise PoiseError(f"cannot read the folder {error.filename}: {error.strerror}; allow it or move it away")
