"""Which image sizes Poise trains on, and what it does about the others."""

from ..errors import PoiseError
from .names import SIZES


def check_size(size: int) -> int:
    """Return `size` if it is supported.

    Raises:
        PoiseError: It is not; the message names the nearest sizes that are.

    Example:
        >>> check_size(64)
        64
        >>> check_size(100)
        Traceback (most recent call last):
        ...
        poise.errors.PoiseError: size 100 is not supported; take 96 or 112
    """
    if size in SIZES:
        return size
    below = [s for s in SIZES if s < size][-1:]
    above = [s for s in SIZES if s > size][:1]
    raise PoiseError(f"size {size} is not supported; take {' or '.join(map(str, below + above))}")


def nearest_size(side: int) -> int:
    """Return the supported size nearest to `side`, the smaller one of two equally near.

    Example:
        >>> nearest_size(30), nearest_size(31), nearest_size(1000)
        (28, 32, 128)
    """
    return min(SIZES, key=lambda size: (abs(size - side), size))
