"""What a judge is: a fixed function from samples to features, and all that a reader of its scores has to know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import PoiseError
from ..memory import keep_freed

Samples = NDArray[Any]
Kind = Literal["images", "series", "points"]
Progress = Callable[[int, int], None]  # told what is done and the total
Extract = Callable[[Samples, Progress | None], Tensor]

SHAPES = {
    "images": "uint8 [n, h, w, c] with 1 or 3 channels",
    "series": "floating-point [n, T, d]",
    "points": "floating-point [n, d]",
}


@dataclass(frozen=True)
class Judge:
    """A fixed function from samples to features.

    Args:
        name: by which it is chosen and printed.
        kind: what it takes: "images", uint8 [n, h, w, c]; "series", [n, T, d], NaN where a value is missing; "points",
            [n, d].
        distance: what a Fréchet distance between its features is called; only that of Inception's is an "FID".
        version: other features have another one; part of the names under which features are kept on disk.
        extract: from samples that were checked to features, float32 [n, k].

    Example:
        >>> points = Judge("points", "points", "FD-points", "1", lambda x, progress: torch.from_numpy(x).float())
        >>> points.features(np.ones((1, 2)))
        tensor([[1., 1.]])
    """

    name: str
    kind: Kind
    distance: str
    version: str
    extract: Extract

    def features(self, samples: Samples, progress: Progress | None = None) -> Tensor:
        """Return features, float32 [n, k]; those of a sample do not depend on the samples beside it.

        Args:
            samples: what `kind` says.
            progress: told samples done and their number, where there is much to do.

        Raises:
            PoiseError: samples of another kind, none at all, or features that are not finite.
        """
        self._check(samples)
        keep_freed()
        features = self.extract(samples, progress)
        wrong = torch.nonzero(~features.isfinite().all(1))
        if len(wrong):
            raise PoiseError(
                f"{self.name} gives features that are not finite for {len(wrong)} of {len(samples)} samples, first for "
                f"number {int(wrong[0])} (counted from 0); leave out samples whose values are infinite or too large"
            )
        return features

    def _check(self, samples: Samples) -> None:
        dims = {"images": 4, "series": 3, "points": 2}[self.kind]
        images = self.kind == "images"
        kind_of_number = samples.dtype == np.uint8 if images else samples.dtype.kind == "f"
        if samples.ndim != dims or not kind_of_number or (images and samples.shape[-1] not in (1, 3)):
            raise PoiseError(
                f"the judge {self.name} takes {self.kind}, {SHAPES[self.kind]}, not {samples.dtype} "
                f"{list(samples.shape)}; choose a judge of such samples (poise list judges)"
            )
        if 0 in samples.shape:
            raise PoiseError(f"the judge {self.name} got nothing to judge: samples {list(samples.shape)}; give it some")
