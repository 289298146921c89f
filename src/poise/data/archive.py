"""List the images in a .zip archive; nothing is ever unpacked to disk."""

import posixpath
import re
import stat
import zipfile
from pathlib import Path
from typing import IO

from ..errors import PoiseError
from .folder import Item, is_image_path


def list_zip(archive: Path) -> list[Item]:
    """List the image files in a .zip archive, sorted by path; links are passed over.

    The archive is opened here and stays open as long as the items live.

    Raises:
        PoiseError: It is damaged or encrypted, or a member's path leads outside the archive.
    """
    try:
        file = zipfile.ZipFile(archive)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise PoiseError(f"cannot read {archive}: {error}; make the .zip again") from error
    items = []
    for member in file.infolist():
        _check(archive, member)
        path = posixpath.normpath(member.filename)
        if is_image_path(path) and not member.is_dir() and not _is_link(member):
            items.append(_item(file, member, path))
    return sorted(items, key=lambda item: item.path)


def _item(file: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> Item:
    def open_member() -> IO[bytes]:
        return file.open(member)

    return Item(path, f"{member.CRC} {member.file_size}", open_member)


def _check(archive: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    outside = name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in name.split("/")
    if outside:
        raise PoiseError(f"{archive} holds {name!r}, a path that leads outside it; make the .zip again")
    if member.flag_bits & 0x1:
        raise PoiseError(f"{archive} is encrypted; unpack it and give the folder")


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)
