"""The signals of a run so far, as checks read them: plain numbers by step, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
MARK = "health.step"  # in every line of signals


@dataclass(frozen=True)
class History:
    """Lines of metrics.jsonl, and what a command that mends the run would have to name.

    Args:
        lines: in the order of steps; those that hold signals are what checks look at.
        recipe: of the run.
        data: its source.
        run: its folder.

    Example:
        >>> history = History([{"step": 100, "health.step": 1, "health.spread": 0.5}, {"step": 110, "loss": 1.0}])
        >>> history.steps, history.last("spread", 3)
        (array([100]), array([0.5]))
        >>> history.last("separation", 3)  # not measured
        array([], dtype=float64)
    """

    lines: Sequence[Mapping[str, float]]
    recipe: str = "RECIPE"
    data: str = "DATA"
    run: str = "RUN"

    @property
    def now(self) -> int:
        """The step of the newest signals."""
        return int(self.watched[-1]["step"])

    @property
    def players(self) -> list[str]:
        """Who plays, by the newest signals."""
        ending = ".weights"
        names = [name.removeprefix("health.") for name in self.watched[-1]] if self.watched else []
        return [name.removesuffix(ending) for name in names if name.endswith(ending)]

    def moves(self, count: int, name: str = "sketch") -> Values:
        """Return how far samples of fixed latents moved before each of the last looks, in deviations of the data.

        Of `score`, the discriminator's scores of fixed training samples, in their own units.
        """
        numbers = sum(key.startswith(f"health.{name}.") for key in self.watched[-1]) if self.watched else 0
        places = np.array([self.last(f"{name}.{i}", count + 1) for i in range(numbers)])
        return np.linalg.norm(np.diff(places), axis=0) / numbers**0.5 if numbers else np.array([])

    @cached_property
    def watched(self) -> list[Mapping[str, float]]:
        """The lines with signals."""
        return [line for line in self.lines if MARK in line]

    @property
    def steps(self) -> NDArray[np.int64]:
        """The steps at which signals were taken."""
        return np.array([line["step"] for line in self.watched], dtype=np.int64)

    def last(self, name: str, count: int) -> Values:
        """Return the last values of a signal, `count` at most, oldest first; none if it is not measured."""
        values = [line[f"health.{name}"] for line in self.watched[-count:] if f"health.{name}" in line]
        return np.array(values, dtype=np.float64)

    def values(self, name: str) -> Values:
        """Return all values of a signal, oldest first."""
        return self.last(name, len(self.lines))

    def since(self, count: int) -> int:
        """Return the step of the signals that lie `count` lines back, the newest being 1."""
        return int(self.watched[-count:][0]["step"])

    def command(self, options: str) -> str:
        """Return the command that trains the same with other options."""
        return f"poise train {self.recipe} {self.data} {options} --out NEW"
