"""Whether two sets of images can be compared."""

import torch
from torch import Tensor


def check_images(real: Tensor, fake: Tensor, least_side: int = 1) -> None:
    """Refuse images that are not uint8 [n, h, w, c] of one size and number of channels.

    Raises:
        ValueError: what is wrong, in one sentence.

    Example:
        >>> check_images(torch.zeros(2, 8, 8, 1, dtype=torch.uint8), torch.zeros(3, 8, 8, 3, dtype=torch.uint8))
        Traceback (most recent call last):
        ...
        ValueError: images must agree in size and channels, not [8, 8, 1] and [8, 8, 3]
    """
    for images in (real, fake):
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise ValueError(f"images must be uint8 [n, h, w, c], not {images.dtype} {list(images.shape)}")
        if not len(images):
            raise ValueError("a comparison needs at least one real and one generated image")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"images must agree in size and channels, not {list(real.shape[1:])} and {list(fake.shape[1:])}"
        )
    if min(real.shape[1:3]) < least_side:
        raise ValueError(f"images must be at least {least_side} pixels wide and high, not {list(real.shape[1:3])}")
