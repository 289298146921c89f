"""From many image files to a data set: look at every header, decode, keep the result."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ..errors import PoiseError
from . import cache
from .dataset import Dataset, Images, Labels, Progress, Skipped
from .decode import Header, decode, read_header
from .folder import EXTENSIONS, Item
from .layout import read_layout
from .names import SIZES
from .split import hold_out

T = TypeVar("T")
DEFAULT_SIZE = 64
AT_ONCE = 512  # images in flight: enough to keep the threads busy, few enough for memory


def collect(name: str, place: str, items: list[Item], size: int | None, progress: Progress | None) -> Dataset:
    """Decode images to one size, or read them from the cache when nothing has changed.

    Args:
        name: What to call the set.
        place: Where the images lie, for messages and for the name in the cache.
        items: The image files, sorted.
        size: The side; None keeps the side that all images share if it is supported, else takes 64.
        progress: Called with the number of images done and their total.

    Raises:
        PoiseError: There are no images, or more than 1 in 100 (and more than one) cannot be used.
    """
    if not items:
        raise PoiseError(f"no images in {place}; it must hold files that end in {' '.join(EXTENSIONS)}")
    key = cache.key_of(place, [(item.path, item.stamp) for item in items], size)
    found = cache.find(key)
    if found is None:
        plan = _survey(place, items, size)
        found = cache.keep(key, plan.shape, lambda: plan.rows(progress), plan.notes)
    return _dataset(name, found)


@dataclass
class _Plan:
    """What to decode: the training images first, then the held-out ones, each with its label."""

    place: str
    items: list[Item]
    labels: list[int] | None
    classes: tuple[str, ...]
    n_train: int
    size: int
    gray: bool
    unreadable: list[Skipped]
    kept: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def shape(self) -> cache.Shape:
        return len(self.items), self.size, self.size, 1 if self.gray else 3

    def rows(self, progress: Progress | None) -> Iterator[Images]:
        """Decode in threads, in order; what fails at its pixels is skipped."""
        self.kept, self.skipped = [], [*self.unreadable]
        results = _in_threads(lambda item: decode(item.path, item.open, self.size, self.gray), self.items)
        for i, result in enumerate(results):
            if isinstance(result, Skipped):
                self.skipped.append(result)
            else:
                self.kept.append(i)
                yield result
            if progress:
                progress(i + 1, len(self.items))
        _check_skipped(self.place, self.skipped, len(self.items) + len(self.unreadable))

    def notes(self) -> cache.Notes:
        return {
            "train": sum(i < self.n_train for i in self.kept),
            "labels": None if self.labels is None else [self.labels[i] for i in self.kept],
            "classes": self.classes,
            "names": [self.items[i].path for i in self.kept],
            "skipped": sorted(self.skipped),
        }


def _survey(place: str, items: list[Item], size: int | None) -> _Plan:
    """Read every header to settle the size, the channels, the classes and the split."""
    readable, headers, skipped = [], [], []
    results = _in_threads(lambda item: read_header(item.path, item.open), items)
    for item, result in zip(items, results, strict=True):
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            readable.append(item)
            headers.append(result)
    _check_skipped(place, skipped, len(items))
    layout = read_layout([item.path for item in readable])
    train, test = _split(layout.held_out, len(readable))
    order = [*train, *test]
    return _Plan(
        place,
        [readable[i] for i in order],
        None if layout.labels is None else [layout.labels[i] for i in order],
        layout.classes,
        n_train=len(train),
        size=size or _common_size(headers),
        gray=all(header.gray for header in headers),
        unreadable=skipped,
    )


def _split(held_out: list[bool] | None, n: int) -> tuple[list[int], list[int]]:
    if held_out is None:
        train, test = hold_out(n)
        return train.tolist(), test.tolist()
    return [i for i in range(n) if not held_out[i]], [i for i in range(n) if held_out[i]]


def _common_size(headers: list[Header]) -> int:
    sides = {(header.width, header.height) for header in headers}
    width, height = sides.pop()
    return width if not sides and width == height and width in SIZES else DEFAULT_SIZE


def _check_skipped(place: str, skipped: list[Skipped], n: int) -> None:
    if len(skipped) == n or len(skipped) > max(1, n // 100):
        first = min(skipped)
        raise PoiseError(
            f"{len(skipped):,} of {n:,} images in {place} cannot be used, the first being "
            f"{first.path!r}: {first.reason}; mend or remove them"
        )


def _in_threads(work: Callable[[Item], T], items: Sequence[Item]) -> Iterator[T]:
    """Yield work(item) in order, computed in as many threads as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(items), AT_ONCE):
            yield from pool.map(work, items[start : start + AT_ONCE])


def _dataset(name: str, found: cache.Found) -> Dataset:
    rows, notes = found
    n = notes["train"]
    labels: Labels | None = None if notes["labels"] is None else np.array(notes["labels"], np.int64)
    return Dataset(
        name,
        "images",
        train=rows[:n],
        test=rows[n:],
        train_labels=None if labels is None else labels[:n],
        test_labels=None if labels is None else labels[n:],
        classes=tuple(notes["classes"]),
        skipped=tuple(Skipped(*pair) for pair in notes["skipped"]),
        names=tuple(notes["names"]),
        order=np.argsort(np.argsort(notes["names"])),
    )
