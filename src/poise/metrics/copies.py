"""Which samples are copies of training data?"""

from torch import Tensor

from .check import check_features
from .neighbors import nearest

RATIO = 1 / 3


def copies(train: Tensor, held_out: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the share of samples that are three times nearer to a training sample than to any other.

        d₁(x)/d₂(x) < 1/3,   d₁ and d₂ the distances to the nearest and second nearest training sample

    Held-out data cannot be copies: their share is what the data's own structure makes, and only what generated samples
    have beyond it speaks of copying. Whether the nearest distance is small as such says nothing, because near the
    middle of the data all are.

    It sees copies up to a small change, of single training samples. It does not see those of a sample that the training
    set holds twice (unless they are exact), nor a generator that stays near training data without copying. Blur in
    pixels raises scores that look at the nearest distance alone; here both distances shrink, and of blurred held-out
    garments none counted as a copy.

    Args:
        train: features [n, d], n ≥ 2.
        held_out: features [l, d] of data of the same law that was not trained on, l ≥ 1.
        fake: features [m, d], m ≥ 1.

    Returns:
        "copied", the share of generated samples; "copied_held_out", that of held-out data beside it.

    Raises:
        ValueError: too few samples, other dimensions, NaN or infinite.

    Source: Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail to memorize"; used likewise by
        Gu et al. 2023 (arXiv:2310.02664).

    Example:
        >>> import torch
        >>> train = torch.tensor([[0.0], [4.0], [8.0]])
        >>> copies(train, held_out=torch.tensor([[2.0], [5.5]]), fake=torch.tensor([[0.1], [8.0], [6.0], [2.0]]))
        {'copied': 0.5, 'copied_held_out': 0.0}
    """
    check_features(train, 2, "training features")
    check_features(held_out, 1, "held-out features")
    check_features(fake, 1, "generated features")
    return {"copied": copied(nearest(fake, train, 2)[0]), "copied_held_out": copied(nearest(held_out, train, 2)[0])}


def copied(distances: Tensor) -> float:
    """Return the share of samples that are three times nearer to a training sample than to any other.

    Args:
        distances: to the nearest and second nearest training sample, [m, 2].

    Example:
        >>> import torch
        >>> copied(torch.tensor([[0.1, 4.0], [2.0, 3.0]]))
        0.5
    """
    first, second = distances.unbind(1)
    return ((first < RATIO * second) | (first == 0)).double().mean().item()
