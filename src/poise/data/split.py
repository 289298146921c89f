"""Hold out rows for testing when the source has no test part of its own."""

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
    order = np.random.default_rng(20_240_601).permutation(n)
    k = min(HELD_OUT, n // 10)
    return np.sort(order[k:]), np.sort(order[:k])
