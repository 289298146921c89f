"""Memory that the process keeps instead of returning it to the system again and again."""

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
KEPT = 1 << 30  # bytes that stay at the end of the heap
LARGE = 1 << 25  # bytes from which on a block still goes back at once; older C libraries take no more


@cache
def keep_freed() -> bool:
    """Have the C library keep freed memory for the next tensor; return whether it can be told to.

    Every step of a training frees its activations and asks for as much again. By default glibc returns blocks of
    megabytes to the system at once, and each page of 4 KiB that it gets back is a fault and has to be zeroed:
    thousands a step, a tenth of the time and more (docs/speed.md). What is kept is about what was in use at once.
    Blocks of 32 MiB and more still go back, so that matrices of a metric do not lie between what others leave. Other
    C libraries have no such switch and are left as they are.

    Example:
        >>> keep_freed() == keep_freed()
        True

    Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGE) and mallopt(M_TRIM_THRESHOLD, KEPT))
