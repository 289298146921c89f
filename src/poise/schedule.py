"""Values that change in the course of training."""

import math


def anneal(start: float, end: float | None, progress: float) -> float:
    """Go from start to end along half a cosine: end + (start − end)(1 + cos πp)/2.

    Args:
        start: the value at progress 0.
        end: the value at progress 1; None for a constant.
        progress: p, from 0 to 1.

    Source: Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts.

    Example:
        >>> [round(anneal(1.0, 0.0, progress), 2) for progress in (0, 0.5, 1)]
        [1.0, 0.5, 0.0]
    """
    return start if end is None else end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
