"""Series in .npy and .npz files."""

from pathlib import Path

import numpy as np

from ..errors import PoiseError
from .arrays import IN_MEMORY, read_arrays
from .dataset import Rows
from .series import Series

SHAPES = "series are numbers [n, t, d], one series [t, d]"
PARTS = ("train", "valid", "test")


def read_series_arrays(path: Path) -> Series:
    """Read series [n, t, d], or one [t, d], of numbers or bits; NaN is a missing value.

    Keys in an .npz: `train`, `valid` (if any) and `test`, or one array of another name; beside each, if need be, its
    `lengths` [n], the steps before its padding, and `labels` [n], the class of each series: `train_lengths`,
    `train_labels` and so on, or `lengths` and `labels` (or `y`).
    An .npy above 1 GiB stays on disk, as a memory map.

    Raises:
        PoiseError: the file is damaged or holds something else.

    Example:
        >>> np.savez(tmp / "x.npz", x=np.zeros((2, 5, 1)), lengths=[5, 3])
        >>> series = read_series_arrays(tmp / "x.npz")
        >>> series.values.shape, series.starts, series.lengths
        ((10, 1), array([0, 5]), array([5, 3]))
    """
    arrays = read_arrays(path)
    if not isinstance(arrays, dict):
        return _one(arrays, None, None, str(path))
    if "train" not in arrays:
        lengths, labels = ("lengths", "y" if "y" in arrays else "labels")
        names = [name for name in arrays if name not in (lengths, labels)]
        if len(names) != 1:
            raise _keys(path, arrays)
        return _one(arrays[names[0]], arrays.get(lengths), arrays.get(labels), f"{names[0]} in {path}")
    names = [name for name in PARTS if name in arrays]
    if "valid" in names and "test" not in names:
        raise _keys(path, arrays)
    found = [
        _one(arrays[name], arrays.get(f"{name}_lengths"), arrays.get(f"{name}_labels"), f"{name} in {path}")
        for name in names
    ]
    return found[0] if len(found) == 1 else _together(found, str(path))


def _keys(path: Path, arrays: dict[str, Rows]) -> PoiseError:
    keys = ", ".join(arrays) or "no array"
    return PoiseError(f"{path} holds {keys}; name the arrays train, valid and test, or give one, with lengths or none")


def _one(array: Rows, lengths: Rows | None, labels: Rows | None, what: str) -> Series:
    single = array.ndim == 2
    if single:
        array = array[np.newaxis]
    if array.ndim != 3 or array.dtype.kind not in "fiub":
        raise PoiseError(f"{what} is {array.dtype} {list(array.shape)}; {SHAPES}")
    if 0 in array.shape:
        raise PoiseError(f"{what} is empty, its shape is {list(array.shape)}; {SHAPES}")
    if array.nbytes <= IN_MEMORY:
        array = np.array(array, order="C")  # off the disk, and in order
    elif not array.flags.c_contiguous:
        raise PoiseError(f"{what} is in Fortran's order, so its series are strewn; save numpy.ascontiguousarray of it")
    n, t, d = array.shape
    return Series(
        array.reshape(n * t, d),
        t * np.arange(n),
        np.full(n, t) if lengths is None else _lengths(lengths, n, t, what),
        tuple(map(str, range(d))),
        what,
        lambda row, column: f"{what}[{'' if single else f'{row // t}, '}{row % t}, {column}]",
        labels,
    )


def _lengths(lengths: Rows, n: int, t: int, what: str) -> Rows:
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise PoiseError(f"the lengths of {what} are {lengths.dtype} {list(lengths.shape)}; give integers [{n}]")
    for i in np.flatnonzero((lengths < 1) | (lengths > t)):
        raise PoiseError(f"the lengths of {what} hold {lengths[i]} for series {i}; they must be 1 to {t}")
    return lengths.astype(np.int64)


def _together(found: list[Series], path: str) -> Series:
    """Lay the parts of a set one after the other."""
    widths = [len(series.columns) for series in found]
    if len(set(widths)) > 1:
        raise PoiseError(f"the arrays of {path} have {widths} features; save all alike")
    labels = [series.labels for series in found if series.labels is not None]
    if labels and len(labels) < len(found):
        raise PoiseError(f"only some parts of {path} have labels; give all or none")
    for series in found:
        if series.labels is not None and series.labels.shape != (len(series.starts),):
            raise PoiseError(
                f"the labels of {series.what} have the shape {list(series.labels.shape)}; "
                f"give one label per series, [{len(series.starts)}]"
            )
    begins = np.cumsum([0, *(len(series.values) for series in found)])

    def place(row: int, column: int) -> str:
        part = int(np.searchsorted(begins, row, side="right")) - 1
        return found[part].place(row - int(begins[part]), column)

    return Series(
        np.concatenate([series.values for series in found]),
        np.concatenate([series.starts + begin for series, begin in zip(found, begins, strict=False)]),
        np.concatenate([series.lengths for series in found]),
        found[0].columns,
        path,
        place,
        np.concatenate(labels) if labels else None,
        parts=tuple(len(series.starts) for series in found),
    )
