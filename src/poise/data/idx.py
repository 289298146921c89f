"""Read IDX, the format of MNIST: a magic number, the shape, then bytes; often inside gzip."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ..errors import PoiseError
from .dataset import Images

UNSIGNED_BYTES = 0x08
MOST_INFLATION = 1_100  # gzip cannot make a file more than about 1,030 times smaller


def read_idx(path: Path) -> Images:
    """Read an IDX file of unsigned bytes, plain or (when its name ends in .gz) inside gzip.

    Returns:
        An array of the shape that the file states.

    Raises:
        PoiseError: The file cannot be read, is not IDX, or is shorter or longer than it says.
    """
    try:
        with _open(path) as file:
            return _read(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise PoiseError(f"cannot read {path}: {error}; get the file again") from error


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _read(file: BinaryIO, path: Path) -> Images:
    zeros, kind, ndim = struct.unpack(">HBB", _exactly(file, 4, path))
    if zeros != 0 or not 1 <= ndim <= 4:
        raise PoiseError(f"{path} is not an IDX file; give one like train-images-idx3-ubyte.gz")
    if kind != UNSIGNED_BYTES:
        raise PoiseError(f"{path} holds IDX data of type 0x{kind:02x}; only unsigned bytes (0x08) are images")
    shape = struct.unpack(f">{ndim}I", _exactly(file, 4 * ndim, path))
    count = math.prod(shape)
    if count > path.stat().st_size * MOST_INFLATION:
        raise PoiseError(f"{path} is damaged: it claims the shape {shape}; get the file again")
    data = np.frombuffer(_exactly(file, count, path), np.uint8).reshape(shape)
    if file.read(1):
        raise PoiseError(f"{path} is damaged: more data than its shape {shape}; get the file again")
    return data


def _exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise PoiseError(f"{path} is truncated: {len(data):,} of {count:,} bytes; get the file again")
    return data
