"""Numbers as people read them."""

from math import isfinite, isnan

ARROWS = {"lower": "↓", "higher": "↑", "real": "≈"}  # the better direction of a score


def shown(value: float) -> str:
    """Write a number with three to four digits that matter.

    Example:
        >>> shown(1234.5), shown(12.34), shown(0.01234), shown(float("inf")), shown(-0.0)
        ('1,234', '12.3', '0.0123', '∞', '0')
    """
    if not isfinite(value):
        return "–" if isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if size >= 0.1 else f"{value:.3g}"
