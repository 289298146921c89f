"""What the subfolders of a collection mean: classes, or a split into training and test images."""

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

HELD_OUT_NAMES = {"test", "val", "valid", "validation"}


class Layout(NamedTuple):
    """What the subfolders say about the images, in the order of the paths.

    `labels` is None without classes; `held_out` is None when the folders do not say what to test on.
    """

    classes: tuple[str, ...]
    labels: list[int] | None
    held_out: list[bool] | None


def read_layout(paths: Sequence[str]) -> Layout:
    """Read classes and split from the paths of images, with forward slashes.

    A folder that holds everything is passed over, as a .zip often has one. Folders `train` and `test`
    (or `val`, `valid`, `validation`) are the split. Where every image then lies in a subfolder and
    there are at least two of them, they are the classes.

    Example:
        >>> read_layout(["pets/cats/1.png", "pets/dogs/1.png"]).classes
        ('cats', 'dogs')
        >>> read_layout(["test/1.png", "train/1.png"]).held_out
        [True, False]
    """
    paths = _below_common(paths)
    tops = [_top(path) for path in paths]
    held_out = None
    if "train" in tops and {*tops} - {"train"} and {*tops} <= HELD_OUT_NAMES | {"train"}:
        held_out = [top != "train" for top in tops]
        tops = [_top(path.partition("/")[2]) for path in paths]
    classes = tuple(sorted(set(tops)))
    if "" in classes or len(classes) < 2:
        return Layout((), None, held_out)
    number = {name: i for i, name in enumerate(classes)}
    return Layout(classes, [number[top] for top in tops], held_out)


def _below_common(paths: Sequence[str]) -> list[str]:
    common = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    return [path[len(common) + 1 :] if common else path for path in paths]


def _top(path: str) -> str:
    """Return the first folder of a path, "" when there is none."""
    return path.partition("/")[0] if "/" in path else ""
