"""Images that are arrays already: .npy, .npz and IDX files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import PoiseError
from . import cache
from .assemble import Part, assemble, nearest_side
from .check import check_images
from .dataset import Dataset, Images, Progress, Rows
from .idx import read_idx
from .resize import resized
from .split import hold_out
from .table import tabulate

IN_MEMORY = 1 << 30  # an .npy of more bytes goes through the cache folder, to be read as a memory map


def load_numpy(path: Path, size: int | None, progress: Progress | None = None) -> Dataset:
    """Load images uint8 [n, h, w] or [n, h, w, c], or a table [n, d], from what numpy.save or numpy.savez wrote.

    Keys in an .npz: `train` and `test` with `train_labels` and `test_labels`; or `images` (or `x`, or
    whatever the only array is called) with `labels` (or `y`).
    An .npy above 1 GiB is copied once, split and resized, to the cache folder and memory-mapped from there.

    Raises:
        PoiseError: The file is damaged or holds something else.
    """
    arrays = read_arrays(path)
    if isinstance(arrays, dict):
        parts = _npz_parts(arrays, path)
        return _table(path, parts) if parts[0].images.ndim == 2 else assemble(path.name, parts, size, progress)
    if arrays.ndim == 2:
        return _table(path, [Part(arrays, None, str(path))])
    if arrays.nbytes > IN_MEMORY:
        return _load_large(path, check_images(arrays, str(path)), size, progress)
    return assemble(path.name, [Part(arrays, None, str(path))], size, progress)


def _table(path: Path, parts: list[Part]) -> Dataset:
    for part in parts:
        if part.images.ndim != 2 or part.images.dtype.kind not in "fiub":
            raise PoiseError(f"{part.what} is {part.images.dtype} {list(part.images.shape)}; a table is numbers [n, d]")
    columns = tuple(map(str, range(parts[0].images.shape[1])))
    return tabulate(path.name, [part.images for part in parts], [part.labels for part in parts], columns, str(path))


def _load_large(path: Path, images: Images, size: int | None, progress: Progress | None) -> Dataset:
    side = size or nearest_side(images)
    train, test = hold_out(len(images))
    status = path.stat()
    key = cache.key_of(str(path.resolve()), status.st_size, status.st_mtime_ns, side)

    def rows() -> Iterator[Images]:
        for done, i in enumerate([*train, *test], 1):
            yield from resized(images[i : i + 1], side)
            if progress:
                progress(done, len(images))

    shape = (len(images), side, side, images.shape[3])
    found = cache.find(key) or cache.keep(key, shape, rows, dict)
    order = np.concatenate([train, test])
    return Dataset(path.name, "images", train=found.rows[: len(train)], test=found.rows[len(train) :], order=order)


def load_idx(path: Path, size: int | None, progress: Progress | None = None) -> Dataset:
    """Load images from an IDX file, plain or .gz.

    Labels are taken from the file whose name has labels-idx1 for images-idx3, where there is one.
    When the name begins with train-, the file with t10k- instead is the test part, where there is one.

    Raises:
        PoiseError: A file is damaged or holds something else.
    """
    parts = [_idx_part(path)]
    test = path.with_name(path.name.replace("train-", "t10k-", 1))
    if path.name.startswith("train-") and test.exists():
        parts.append(_idx_part(test))
    return assemble(path.name, parts, size, progress)


def _idx_part(path: Path) -> Part:
    labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    beside = labels != path and labels.exists()
    return Part(read_idx(path), read_idx(labels) if beside else None, str(path))


def _npz_parts(arrays: dict[str, Rows], path: Path) -> list[Part]:
    if "train" in arrays:
        names = [("train", "train_labels"), ("test", "test_labels")]
    else:
        labels = next((key for key in ("labels", "y") if key in arrays), "labels")
        others = [key for key in arrays if key != labels]
        images = next((key for key in ("images", "x") if key in arrays), others[0] if len(others) == 1 else "")
        names = [(images, labels)]
    parts = [
        Part(arrays[images], arrays.get(labels), f"{images} in {path}") for images, labels in names if images in arrays
    ]
    if not parts or ("test" in arrays and len(parts) == 1):
        keys = ", ".join(arrays) or "no array"
        raise PoiseError(f"{path} holds {keys}; name the arrays train and test, or images and labels")
    return parts


def read_arrays(path: Path) -> Rows | dict[str, Rows]:
    """Return an array that stays on disk (.npy), or several by name (.npz).

    Raises:
        PoiseError: the file is damaged, not NumPy's, or holds Python objects.
    """
    try:
        with open(path, "rb") as file:
            if file.read(2) != b"PK":
                return np.lib.format.open_memmap(path, mode="r")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # NumPy's parsers raise nearly anything on damaged data
        raise _unreadable(path, error) from error
    return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}


def _unreadable(path: Path, error: Exception) -> PoiseError:
    text = " ".join(str(error).split())
    if "Python objects" in text or "Object arrays" in text:
        return PoiseError(
            f"{path} holds Python objects, not numbers; save images as uint8 [n, h, w, c], series as floats [n, t, d]"
        )
    return PoiseError(f"cannot read {path} ({text}); it is damaged or not NumPy's, save it again")
