"""Do generated images have the gray levels of real ones?"""

import torch
from torch import Tensor

from .check_images import check_images

LEVELS = 256


def gray_levels(real: Tensor, fake: Tensor, rows: int = 1024) -> dict[str, float]:
    """Compare how often each gray level comes, how bright images are and how strong their contrast is.

        Σ_v |F(v) − G(v)|,  F and G the shares of values ≤ v;   mean x̄;   mean of √(Σ (x − x̄)²/hwc) over images

    The first is the Wasserstein-1 distance of the values of all pixels and channels, the second that of their means,
    never more in size than the first. It sees images that are too dark, washed out or without pure black; of shapes and
    diversity it sees nothing.

    Args:
        real: uint8 [n, h, w, c], n ≥ 1.
        fake: uint8 [m, h, w, c], m ≥ 1.
        rows: how many images are counted at once; what bounds the memory.

    Returns:
        In gray levels of 255: "gray_wasserstein"; "brightness" and "contrast", those of generated images less those of
        real ones.

    Raises:
        ValueError: no images, images of other sizes or channels, or of other values than uint8.

    Source: Vallender 1974; the contrast: Peli 1990, root mean square.

    Example:
        >>> real = torch.tensor([0, 10], dtype=torch.uint8).view(1, 1, 2, 1)
        >>> gray_levels(real, real * 2)  # 5 brighter, and twice the contrast
        {'gray_wasserstein': 5.0, 'brightness': 5.0, 'contrast': 5.0}
    """
    check_images(real, fake)
    (f, bright, contrast), (g, fake_bright, fake_contrast) = (_statistics(images, rows) for images in (real, fake))
    distance = (f.cumsum(0) - g.cumsum(0)).abs().sum().item()
    return {"gray_wasserstein": distance, "brightness": fake_bright - bright, "contrast": fake_contrast - contrast}


def _statistics(images: Tensor, rows: int) -> tuple[Tensor, float, float]:
    """Return the share of each level [256], the mean level and the mean deviation within an image."""
    counts = torch.zeros(LEVELS, dtype=torch.int64, device=images.device)
    deviations = []
    for some in images.split(rows):
        counts += some.flatten().bincount(minlength=LEVELS)
        deviations.append(some.flatten(1).double().std(1, correction=0))
    shares = counts.double() / images.numel()
    mean = (shares * torch.arange(LEVELS, device=images.device)).sum().item()
    return shares, mean, torch.cat(deviations).mean().item()
