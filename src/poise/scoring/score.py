"""A score of samples beside what real data score, and the table of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, isnan
from typing import Any, Literal

from ..words import ARROWS, shown

Better = Literal["lower", "higher", "real"]


@dataclass(frozen=True)
class Score:
    """One score of samples.

    Attributes:
        name: as `poise list metrics` has it, with the judge's name where a distance is called after it.
        value: of the model's samples.
        floor: of as many other real samples in their place: what a perfect model would score; NaN where real data have
            no such score.
        low: lower end of a 95 % interval of the value; NaN where there is none.
        high: upper end.
        better: the better direction; "real" where the floor itself is best.
        about: what it is, in a few words.
    """

    name: str
    value: float
    floor: float
    low: float
    high: float
    better: Better
    about: str

    def cells(self) -> tuple[str, ...]:
        """Return the score as words for a table's row."""
        interval = "" if isnan(self.low) else f"{shown(self.low)} – {shown(self.high)}"
        real = "" if isnan(self.floor) else shown(self.floor)
        return self.name, ARROWS[self.better], shown(self.value), interval, real, self.about


def table(scores: Sequence[Score]) -> list[str]:
    """Return scores as aligned lines for a person, under a heading."""
    rows = [("score", "", "model", "95 %", "real", ""), *(score.cells() for score in scores)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for name, arrow, value, interval, real, about in rows:
        numbers = f"{value:>{widths[2]}}  {interval:>{widths[3]}}  {real:>{widths[4]}}"
        lines.append(f"{name:<{widths[0]}} {arrow:<{widths[1]}}  {numbers}  {about}".rstrip())
    return lines


def to_json(scores: Iterable[Score]) -> dict[str, dict[str, Any]]:
    """Return scores as plain JSON values by name; what is not finite is None."""
    found = {score.name: asdict(score) for score in scores}
    for values in found.values():
        del values["name"]
        for key in ("value", "floor", "low", "high"):
            values[key] = values[key] if isfinite(values[key]) else None
    return found
