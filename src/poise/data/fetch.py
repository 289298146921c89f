"""Download a built-in set that is only partly in the package."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import PoiseError
from ..files import whole_file
from .dataset import Progress

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 18
LIMIT = 100 << 20  # no file of these sets comes near it, unpacked or not


class File(NamedTuple):
    """One file to download: how many bytes it has, and the SHA-256 of what is inside the gzip."""

    size: int
    sha256: str


FILES = {
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": File(
            26_421_856, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte.gz": File(29_491, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        "t10k-images-idx3-ubyte.gz": File(
            4_422_079, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte.gz": File(5_125, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    }
}
URLS = {"fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"}


def default_folder(name: str) -> Path:
    """Return $XDG_DATA_HOME/poise/NAME or ~/.local/share/poise/NAME."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "poise" / name


def download_folder(name: str) -> Path:
    """Return where `fetch` puts a set: $POISE_DATA/NAME, or `default_folder` when that is not set."""
    chosen = os.environ.get("POISE_DATA")
    return Path(chosen) / name if chosen else default_folder(name)


def fetch(name: str, to: Path | None = None, url: str | None = None, progress: Progress | None = None) -> Path:
    """Download the files of a built-in set, each one checked against its SHA-256.

    Files that are there and right are not downloaded again. A file that fails leaves nothing behind.

    Args:
        name: "fashion-mnist".
        to: The folder for the files; None takes $POISE_DATA/NAME or ~/.local/share/poise/NAME, where
            `load` looks for them.
        url: The folder on a web server that holds them, if not the usual one.
        progress: Called with the number of bytes done and their total.

    Returns:
        The folder.

    Raises:
        PoiseError: No such set, no connection, another answer than the file, or no room for it.
    """
    if name not in FILES:
        raise PoiseError(f"{name} cannot be downloaded; sets that can: {', '.join(FILES)}")
    folder = to or download_folder(name)
    base = (url or URLS[name]).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise PoiseError(f"cannot download from {base}; the url must begin with http:// or https://")
    total, done = sum(file.size for file in FILES[name].values()), 0
    for file_name, file in FILES[name].items():
        if not _is_right(folder / file_name, file.sha256):
            for count in _download(f"{base}/{file_name}", folder / file_name, file.sha256):
                if progress:
                    progress(min(done + count, total), total)
        done += file.size
        if progress:
            progress(done, total)
    return folder


def _download(url: str, path: Path, sha256: str) -> Iterator[int]:
    """Download one file, yielding the number of bytes so far."""
    count = 0
    try:
        with whole_file(path) as file:
            for chunk in _chunks(url):
                file.write(chunk)
                count += len(chunk)
                yield count
            file.seek(0)
            if _sha256_inside(file) != sha256:
                raise PoiseError(f"{url} sent a damaged or different file; give another mirror as url")
    except OSError as error:
        raise PoiseError(f"cannot write {path}: {error.strerror}; give another folder") from error


def _chunks(url: str) -> Iterator[bytes]:
    """Yield the body of an answer; every way in which a network fails becomes one error."""
    import urllib.request
    from http.client import HTTPException
    from urllib.error import HTTPError

    count = 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
            length = reply.headers.get("Content-Length")
            while chunk := reply.read(CHUNK):
                count += len(chunk)
                if count > LIMIT:
                    raise PoiseError(f"{url} sends more than {LIMIT >> 20} MB; give another mirror as url")
                yield chunk
            if length is not None and count < int(length):
                raise PoiseError(f"{url} broke off after {count:,} of {length} bytes; try again")
    except PoiseError:
        raise
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a host name or a length that is none
        if isinstance(error, HTTPError):
            error.close()
        text = " ".join(str(error).split()) or type(error).__name__
        raise PoiseError(f"cannot download {url}: {text}; try later or give another mirror as url") from error


def _is_right(path: Path, sha256: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _sha256_inside(file) == sha256
    except OSError:
        return False


def _sha256_inside(file: IO[bytes]) -> str:
    """Return the SHA-256 of what a gzip file holds, "" if it is damaged or too large."""
    digest, count = hashlib.sha256(), 0
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as inside:
            while chunk := inside.read(CHUNK):
                digest.update(chunk)
                count += len(chunk)
                if count > LIMIT:
                    return ""
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()
