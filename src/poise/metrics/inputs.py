"""What scores of sequences can be given, and how features are brought to one scale."""

import torch
from torch import Tensor

ROUNDING = 1e-9  # of a mean: values that differ by less do not change


def check_series(real: Tensor, fake: Tensor, least: int) -> None:
    """Refuse all but two sets of `least` or more sequences, of the same features and with each of these observed.

    Raises:
        ValueError: they are not.

    Example:
        >>> check_series(torch.zeros(9, 24, 2), torch.zeros(9, 24, 3), least=4)
        Traceback (most recent call last):
        ValueError: real sequences have 2 features and generated ones 3; give both the same
    """
    if real.dim() != 3 or fake.dim() != 3:
        raise ValueError(f"sequences must be [n, T, d] and [m, T, d], not {list(real.shape)} and {list(fake.shape)}")
    if real.shape[2] != fake.shape[2]:
        message = f"real sequences have {real.shape[2]} features and generated ones {fake.shape[2]}"
        raise ValueError(f"{message}; give both the same")
    if min(len(real), len(fake)) < least:
        message = f"{len(real)} real and {len(fake)} generated sequences are too few"
        raise ValueError(f"{message}; give {least} or more of each")
    for name, x in (("real", real), ("generated", fake)):
        never = x.isnan().all(0).all(0)
        if never.any():
            feature = int(never.nonzero()[0])
            raise ValueError(f"feature {feature} of the {name} sequences was never observed; leave it out of both")


def location(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation of each column, float64 [d]; 1 for one that never changes.

    Args:
        x: shape [n, d]; NaN are passed over.

    Example:
        >>> location(torch.tensor([[1.0, 5.0], [3.0, torch.nan]]))
        (tensor([2., 5.], dtype=torch.float64), tensor([1., 1.], dtype=torch.float64))
    """
    mean = x.double().nanmean(0)
    spread = (x.double() - mean).square().nanmean(0).sqrt()
    return mean, torch.where(spread > ROUNDING * mean.abs(), spread, 1.0)


def standardized(x: Tensor, like: Tensor) -> Tensor:
    """Return features [n, d] less the mean and divided by the standard deviation of others, float64.

    Example:
        >>> standardized(torch.tensor([[1.0], [9.0]]), like=torch.tensor([[1.0], [3.0]])).flatten()
        tensor([-1.,  7.], dtype=torch.float64)
    """
    mean, spread = location(like)
    return (x.double() - mean) / spread
