"""Hold out rows for testing, and for validation, when the source has no such part of its own."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
HELD_OUT = 2_000


def hold_out(n: int) -> tuple[Indices, Indices]:
    """Choose min(2000, n // 10) of n rows for testing, the same ones on every call.

    Returns:
        The training rows and the test rows, each in ascending order.

    Example:
        >>> train, test = hold_out(30)
        >>> len(train), len(test)
        (27, 3)
    """
    order, k = _shuffled(n)
    return np.sort(order[k:]), np.sort(order[:k])


def hold_out_two(n: int) -> tuple[Indices, Indices, Indices]:
    """Choose as many of n rows for validation as `hold_out` chooses for testing, besides those.

    Returns:
        The training, the validation and the test rows, each in ascending order.

    Example:
        >>> [len(part) for part in hold_out_two(30)]
        [24, 3, 3]
    """
    order, k = _shuffled(n)
    return np.sort(order[2 * k :]), np.sort(order[k : 2 * k]), np.sort(order[:k])


def _shuffled(n: int) -> tuple[Indices, int]:
    return np.random.default_rng(20_240_601).permutation(n), min(HELD_OUT, n // 10)
