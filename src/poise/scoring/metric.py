"""What a metric is to the table of scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Literal

from . import interval
from .score import Better, Score
from .view import View

Numbers = Mapping[str, float]
LeftOut = tuple[Numbers, Sequence[Numbers]]  # of all samples, and without each block of them
Measure = Callable[[View], Numbers]
Spread = Literal["jackknife", "share", "own", "none"]


@dataclass(frozen=True)
class Entry:
    """One number that a metric returns.

    Attributes:
        key: in what the metric returns.
        name: of the score; {judge} stands for the judge's ending, {distance} for what its Fréchet distance is called.
        better: the better direction.
        about: what it is, in a few words.
        share: whether it lies between 0 and 1, so that its interval must not reach beyond.
    """

    key: str
    name: str
    better: Better
    about: str
    share: bool = False

    def score(self, value: float, floor: float, ends: tuple[float, float], endings: Mapping[str, str]) -> Score:
        """Return the score under its name."""
        low, high = (min(max(end, 0.0), 1.0) for end in ends) if self.share and not isnan(ends[0]) else ends
        return Score(self.name.format(**endings), value, floor, low, high, self.better, self.about)


@dataclass(frozen=True)
class Metric:
    """A function of samples, and how its numbers are shown.

    Attributes:
        measure: the function.
        entries: its numbers.
        kinds: of data it is for.
        least: samples that it needs of each side.
        spread: where the interval comes from: leaving blocks of samples out, a share of the generated samples, or the
            metric itself, which returns key_low and key_high.
        copies: whether it compares samples with training data.
        only: names of the data sets that it belongs to; () for all.
        without: for the jackknife, a quicker way to measure all samples, and those without each of so many blocks.
    """

    measure: Measure
    entries: tuple[Entry, ...]
    kinds: tuple[str, ...] = ("images", "points", "table")
    least: int = 2
    spread: Spread = "jackknife"
    copies: bool = False
    only: tuple[str, ...] = ()
    without: Callable[[View, int], LeftOut] | None = None

    def suits(self, view: View, kind: str) -> bool:
        """Whether samples can be given these scores."""
        enough = min(len(view.real), len(view.fake)) >= self.least
        return kind in self.kinds and enough and (not self.only or view.data in self.only)

    def scores(self, view: View, floor: Numbers, endings: Mapping[str, str]) -> list[Score]:
        """Measure, with intervals.

        Args:
            view: the samples.
            floor: what real ones score, by key.
            endings: what stands for {judge} and {distance} in names.
        """
        found, ends = self._intervals(view)
        return [
            entry.score(found[entry.key], floor.get(entry.key, nan), ends.get(entry.key, (nan, nan)), endings)
            for entry in self.entries
        ]

    def untaken(self, reason: str, endings: Mapping[str, str]) -> list[Score]:
        """Return scores without values that say why there are none."""
        about = f"not taken: {reason}"
        return [Score(e.name.format(**endings), nan, nan, nan, nan, e.better, about) for e in self.entries]

    def _intervals(self, view: View) -> tuple[Numbers, dict[str, tuple[float, float]]]:
        """Return the numbers, and their intervals."""
        if self.spread == "jackknife":
            found, without = self.without(view, interval.BLOCKS) if self.without else self._leaving_out(view)
            return found, interval.jackknife({e.key: found[e.key] for e in self.entries}, without)
        found = self.measure(view)
        if self.spread == "own":
            return found, {e.key: (found[f"{e.key}_low"], found[f"{e.key}_high"]) for e in self.entries}
        if self.spread == "share":
            return found, {e.key: interval.share(found[e.key], len(view.fake)) for e in self.entries}
        return found, {}

    def _leaving_out(self, view: View) -> LeftOut:
        blocks = range(interval.BLOCKS)
        return self.measure(view), [self.measure(view.without(block, interval.BLOCKS)) for block in blocks]
