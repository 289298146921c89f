"""What every metric asks of its features."""

from torch import Tensor


def check_features(features: Tensor, least: int, name: str = "features") -> None:
    """Refuse features that are no finite [n, d] with at least so many rows.

    Raises:
        ValueError: saying which of these fails.

    Example:
        >>> check_features(Tensor([[1.0, 2.0]]), 2, "real features")
        Traceback (most recent call last):
        ...
        ValueError: real features must be at least 2 samples, not 1; give more
    """
    if features.dim() != 2 or not features.shape[1]:
        raise ValueError(f"{name} must be a matrix [n, d] with d ≥ 1, not {list(features.shape)}")
    if len(features) < least:
        raise ValueError(f"{name} must be at least {least} samples, not {len(features)}; give more")
    if not features.is_floating_point():
        raise ValueError(f"{name} must be floating-point numbers, not {features.dtype}; convert them with .float()")
    low, high = features.aminmax()  # both are NaN if any is, and no mask of the size of the features is made
    if not (low.isfinite() and high.isfinite()):
        raise ValueError(f"{name} hold NaN or infinite values; look at what the judge made of its inputs")


def check_pair(real: Tensor, fake: Tensor, least: int) -> None:
    """Refuse two sets of features unless both pass `check_features` and have equal dimensions.

    Raises:
        ValueError: saying which of these fails.
    """
    if real.dim() == 2 and fake.dim() == 2 and real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"features must be [n, d] and [m, d] of one judge, not {list(real.shape)} and {list(fake.shape)}"
        )
    check_features(real, least, "real features")
    check_features(fake, least, "generated features")
