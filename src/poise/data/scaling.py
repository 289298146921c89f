"""Numbers of several units brought to one scale, and back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """(x − center)/scale for each column.

    Args:
        center: subtracted, float64 [d].
        scale: divided by, float64 [d], above 0.

    Example:
        >>> scaling = Scaling.fit(np.array([[1.0, 1e9], [3.0, 1e9 + 4]]))
        >>> scaling.apply(np.array([[1.0, 1e9 + 4]]))
        array([[-1.,  1.]], dtype=float32)
        >>> scaling.undo(np.array([[-1.0, 1.0]]))
        array([[1.e+00, 1.e+09]])
    """

    center: Floats
    scale: Floats

    @classmethod
    def fit(cls, x: npt.NDArray[Any]) -> "Scaling":
        """Return what brings each column of x [..., d] to mean 0 and standard deviation 1; NaN are passed over."""
        rows = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
        return cls(np.nanmean(rows, axis=0), np.nanstd(rows, axis=0))

    @classmethod
    def fit_chunks(cls, chunks: Callable[[], Iterable[npt.NDArray[Any]]]) -> "Scaling":
        """Do as `fit`, for rows too many for memory; a column without deviation or observation keeps its unit.

        Args:
            chunks: begins a pass over the rows, some [m, d] at a time; two passes are made.

        Example:
            >>> Scaling.fit_chunks(lambda: [np.array([[1.0, 7.0]]), np.array([[np.nan, 7.0], [3.0, 7.0]])])
            Scaling(center=array([2., 7.]), scale=array([1., 1.]))
        """
        count: Any = 0
        total: Any = 0
        squares: Any = 0
        for rows in chunks():
            count, total = count + (~np.isnan(rows)).sum(axis=0), total + np.nansum(rows, axis=0, dtype=np.float64)
        center = np.where(count == 0, 0.0, total / np.maximum(count, 1))
        for rows in chunks():
            squares = squares + np.nansum((rows - center) ** 2, axis=0)
        deviation = np.sqrt(squares / np.maximum(count, 1))
        return cls(center, np.where(deviation == 0, 1.0, deviation))

    @classmethod
    def none(cls, dimensions: int) -> "Scaling":
        """Return the scaling that changes nothing."""
        return cls(np.zeros(dimensions), np.ones(dimensions))

    def apply(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return (x − center)/scale [..., d], computed in float64."""
        return ((np.asarray(x, np.float64) - self.center) / self.scale).astype(np.float32)

    def undo(self, x: npt.NDArray[Any]) -> Floats:
        """Return x · scale + center [..., d]."""
        return np.asarray(x, np.float64) * self.scale + self.center

    @property
    def log_volume(self) -> float:
        """Σ ln scale, nats: −ln p(x) in the data's own units is −ln p of the scaled x, plus this."""
        return float(np.log(self.scale).sum())

    def to_json(self) -> dict[str, list[float]]:
        """Return plain JSON values, from which `from_json` restores every bit."""
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Scaling":
        """Undo `to_json`."""
        return cls(np.array(values["center"]), np.array(values["scale"]))
