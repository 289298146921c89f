"""How far a score would move with other samples: the delete-a-block jackknife."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan, sqrt
from statistics import fmean

BLOCKS = 5
QUANTILE = 2.776  # Student's t of BLOCKS − 1 degrees of freedom, 97.5 %

Measured = Mapping[str, float]


def jackknife(value: Measured, without: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of scores from what they are with each of B blocks of samples left out.

        s² = (B − 1)/B Σ_b (v_b − v̄)²,   v ± t s

    Unlike the bootstrap it repeats no sample, which would look like a copy to scores of neighbors and of spread.

    Args:
        value: scores of all samples.
        without: the same without block b, for each of `BLOCKS`.

    Returns:
        Low and high by name; NaN where a score is not finite.

    Source: Shao & Wu 1989; Efron & Tibshirani 1993, chapter 11.

    Example:
        >>> jackknife({"mean": 2.0}, [{"mean": m} for m in (2.1, 1.9, 2.0, 2.0, 2.0)])["mean"][1] > 2.1
        True
    """
    found = {}
    for name, center in value.items():
        values = [scores[name] for scores in without]
        if not all(map(isfinite, (center, *values))):
            found[name] = (nan, nan)
            continue
        middle, blocks = fmean(values), len(values)
        reach = QUANTILE * sqrt((blocks - 1) / blocks * sum((v - middle) ** 2 for v in values))
        found[name] = (center - reach, center + reach)
    return found


def share(value: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of n samples.

    Source: Wilson 1927.

    Example:
        >>> [round(end, 3) for end in share(0.5, 100)]
        [0.404, 0.596]
    """
    z = 1.96
    middle, reach = value + z * z / (2 * n), z * sqrt(value * (1 - value) / n + (z / (2 * n)) ** 2)
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
