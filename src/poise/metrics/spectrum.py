"""How much of each spatial frequency do generated images hold beside real ones?"""

import math

import torch
from torch import Tensor

from .check_images import check_images

ROUNDING = 1 / 12  # variance that rounding to whole gray levels adds to a pixel, and power to each frequency


def spectrum(real: Tensor, fake: Tensor, rows: int = 256) -> dict[str, float]:
    """Return how much the power of generated images, averaged over angles, differs from that of real ones, in decibels.

        P(r) = mean over images, channels and frequencies k with |k| ≈ r of |F x(k)|²/hw
        D(r) = 10 log₁₀ (P_fake(r) + 1/12)/(P_real(r) + 1/12),   r = 1/s, 2/s, ... cycles a pixel, s the shorter side

    1/12 is the power of rounding to whole gray levels, which keeps flat images finite. The highest frequency is that
    of a checkerboard of single pixels, √½; the mean brightness, r = 0, is left out.

    It sees blur (high frequencies negative), noise and checkerboards (positive). It does not see where in the picture
    things are, nor diversity.

    Args:
        real: uint8 [n, h, w, c], n ≥ 1.
        fake: uint8 [m, h, w, c], m ≥ 1.
        rows: how many images are transformed at once; what bounds the memory.

    Returns:
        "spectrum", the root mean square of D over r; "spectrum_low" and "spectrum_high", its mean over r ≤ ¼ and r > ¼.

    Raises:
        ValueError: no images, sizes or channels that differ, other values than uint8, or less than 4 pixels wide.

    Source: Durall et al. 2020 (arXiv:2003.01826), section 3.1.

    Example:
        >>> real = torch.randint(256, (50, 8, 8, 1), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
        >>> blurred = (real.float() + real.float().roll(1, 2)).div(2).byte()
        >>> found = spectrum(real, blurred)
        >>> found["spectrum_high"] < found["spectrum_low"] < 0
        True
    """
    check_images(real, fake, least_side=4)
    height, width = real.shape[1:3]
    y, x = (torch.fft.fftfreq(size, dtype=torch.float64, device=real.device) for size in (height, width))
    radius = (y[:, None].square() + x.square()).sqrt()
    rings = (radius * min(height, width)).round().long().flatten()
    powers = (_power(images, rows).flatten() for images in (real, fake))
    of_real, of_fake = (power.new_zeros(rings.max() + 1).index_add_(0, rings, power) for power in powers)
    sizes = rings.bincount()
    difference = 10 * ((of_fake / sizes + ROUNDING) / (of_real / sizes + ROUNDING)).log10()[1:]
    low = torch.arange(1, len(sizes), device=real.device) <= min(height, width) / 4
    return {
        "spectrum": math.sqrt(difference.square().mean().item()),
        "spectrum_low": difference[low].mean().item(),
        "spectrum_high": difference[~low].mean().item(),
    }


def _power(images: Tensor, rows: int) -> Tensor:
    """Return the mean power of each frequency, float64 [h, w]."""
    total = torch.zeros(images.shape[1:3], dtype=torch.float64, device=images.device)
    for some in images.split(rows):
        total += torch.fft.fft2(some.double(), dim=(1, 2), norm="ortho").abs().square().sum((0, 3))
    return total / (len(images) * images.shape[3])
