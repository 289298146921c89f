"""Image sizes and channel counts of networks that grow by doubling."""


def stages(size: int) -> tuple[int, int]:
    """Split a size into base · 2ᵏ with a base from 4 to 7: networks go from base × base up in k doublings.

    Returns:
        The base and k.

    Raises:
        ValueError: the size is no such product.

    Example:
        >>> stages(28), stages(64), stages(96)
        ((7, 2), (4, 4), (6, 4))
    """
    base, doublings = size, 0
    while base > 7 and base % 2 == 0:
        base, doublings = base // 2, doublings + 1
    if not 4 <= base <= 7 or doublings == 0:
        raise ValueError(f"an image size is 4, 5, 6 or 7 times a power of two, not {size}")
    return base, doublings


def channels_by_level(width: int, doublings: int, widest: int) -> list[int]:
    """Channels from full resolution down to the base: twice as many with each halving, up to `widest`.

    Example:
        >>> channels_by_level(32, doublings=4, widest=256)
        [32, 64, 128, 256, 256]
    """
    return [max(width, min(widest, width * 2**level)) for level in range(doublings + 1)]
