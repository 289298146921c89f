"""What a recurrent VAE must know of its data before it can be built."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """Of the training part of a set of series.

    Attributes:
        columns: names of the features.
        steps: of the longest piece.
        mean_steps: of the pieces in the mean.
        gaps: whether values are missing, so that networks are to be told which.
        classes: for each feature one more than its greatest value, where that is no more than 1,000 and values are
            whole numbers from 0 on; else 0.
        carried: samples in a batch where each batch goes on in the states in which the one before it ended; else 0.
    """

    columns: tuple[str, ...]
    steps: int
    mean_steps: float
    gaps: bool = False
    classes: tuple[int, ...] = ()
    carried: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Facts":
        """Undo `to_json`."""
        lists: dict[str, Any] = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **lists})
