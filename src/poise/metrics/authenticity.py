"""Which generated samples are farther from training data than training data are from each other?"""

from torch import Tensor

from .check import check_features
from .neighbors import nearest


def authenticity(train: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the share of generated samples that are not nearer to a training sample than its nearest other one is.

        authentic ⇔ ‖f − t‖ > min_{s ≠ t} ‖t − s‖,   t the training sample nearest to f

    It sees samples that lie nearer to training data than those to each other. It does not tell copies from a generator
    that keeps to the middle of the data, and reads blur in pixels as copying, because blurred samples lie nearer to all
    of the data; give features of a network, and read it beside the share of held-out data in the place of `fake`:
    near ½, but not ½ in general.

    Args:
        train: features [n, d], n ≥ 2.
        fake: features [m, d], m ≥ 1.

    Returns:
        {"authenticity": share}; 0 of exact copies.

    Raises:
        ValueError: too few samples, other dimensions, NaN or infinite.

    Source: Alaa et al. 2022 (arXiv:2102.08921), section 4.2.

    Example:
        >>> import torch
        >>> train = torch.tensor([[0.0], [1.0], [5.0]])  # nearest others: 1, 1 and 4 away
        >>> authenticity(train, torch.tensor([[-0.5], [2.5], [5.0], [9.5]]))  # .5 < 1, 1.5 > 1, 0 < 4, 4.5 > 4
        {'authenticity': 0.5}
    """
    train, fake = check_features(train, fake, 2, 1)
    distance, which = nearest(fake, train)
    own, _ = nearest(train, train, itself=True)
    return {"authenticity": (distance > own[which.squeeze(1)]).double().mean().item()}
