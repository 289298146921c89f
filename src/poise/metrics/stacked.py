"""How many of a thousand modes do stacked images show?"""

from collections.abc import Callable

from torch import Tensor

from .check_images import check_images
from .modes import kl_from_equal

CLASSES = 10  # of each channel


def stacked_modes(real: Tensor, fake: Tensor, classify: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Count the modes of images whose three color channels each show one of ten classes, and how unequal they are.

        mode = 100 a + 10 b + c;   KL = Σ_k s_k ln(1000 s_k), s_k the share of images in mode k

    a, b and c are the classes that a classifier sees in the channels. A perfect sampler has a KL of about 999/2n, which
    is .0192 at the published n = 26,000, and finds all modes there. A classifier's mistakes are modes that no image
    shows, so that the count is an upper bound: 300 modes were counted as 521 by one that was 91 % right. Compare by
    the divergence, and with that of real images beside it, which the same classifier has seen.

    It does not see whether images look right: noise is put into some class as well.

    Args:
        real: uint8 [m, h, w, 3], m ≥ n, in random order; the first n are taken.
        fake: uint8 [n, h, w, 3].
        classify: from uint8 [k, h, w] to classes 0 to 9, int64 [k].

    Returns:
        "modes" and "kl" in nats, and of as many real images "modes_real" and "kl_real".

    Raises:
        ValueError: no images, fewer real ones than generated, or of another form.

    Source: Metz et al. 2017 (arXiv:1611.02163), section 3.3.1; Lin et al. 2018 (arXiv:1712.04086), section 4.2.

    Example:
        >>> import torch
        >>> brightness = lambda images: images[:, 0, 0].long() // 26
        >>> real = torch.arange(0, 240, 4, dtype=torch.uint8).view(20, 1, 1, 3)
        >>> found = stacked_modes(real, torch.zeros(20, 1, 1, 3, dtype=torch.uint8), brightness)
        >>> found["modes"], round(found["kl"], 3)  # one of a thousand: ln 1000
        (1.0, 6.908)
    """
    check_images(real, fake)
    if fake.shape[3] != 3:
        raise ValueError(f"stacked images have three channels, not {fake.shape[3]}")
    if len(fake) > len(real):
        raise ValueError(f"{len(fake)} generated images need as many real ones beside them, not {len(real)}")
    (modes, kl), (modes_real, kl_real) = (_shares(images, classify) for images in (fake, real[: len(fake)]))
    return {"modes": modes, "kl": kl, "modes_real": modes_real, "kl_real": kl_real}


def _shares(images: Tensor, classify: Callable[[Tensor], Tensor]) -> tuple[float, float]:
    a, b, c = (classify(images[..., channel]) for channel in range(3))
    counts = (CLASSES**2 * a + CLASSES * b + c).bincount(minlength=CLASSES**3)
    return float((counts > 0).sum()), kl_from_equal(counts)
