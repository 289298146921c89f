"""Augmentations of what a discriminator sees, that do not leak: a generator cannot learn to make them.

Each is drawn for each sample by itself and applied with probability p, so that the law of what is seen is

    (1 − p) · law + p · E_t[t law],   t a random transformation.

If two laws differ, so must what is seen of them, or the generator could stop at augmented data. That holds where this
linear map can be undone: where t is of a group (shifts around a circle, rotations of a plane, factors) and its law has
a characteristic function φ with 1 − p + pφ ≠ 0. Here φ ≥ 0: normal laws, and for whole pixels the difference of two
uniform numbers. So images are shifted around the border, and any p < 1 will do. Mirroring and turning, which letters
and faces do not bear, are left out. In making an image larger its border is lost: there the argument holds but nearly.

Source: Karras et al. 2020 (arXiv:2006.06676), section 2.2 and appendix B; Bora et al. 2018 (AmbientGAN).
"""

import torch
from torch import Tensor

SHIFT = 0.125  # images: the most that one is shifted, as a share of its size
SCALE = 0.2  # images: standard deviation of log₂ of the size
BRIGHTNESS, CONTRAST = 0.2, 0.5  # images: standard deviations of what is added, and of log₂ of the factor
STEP, ANGLE = 0.1, 0.2  # points, whose deviation is about 1: standard deviation of a shift, and of a rotation (radians)


def augment(x: Tensor, p: Tensor, generator: torch.Generator) -> Tensor:
    """Return samples, each transformed with probability p in each of several ways; differentiable as often as wanted.

    Images: shift by whole pixels around the border, size, contrast, brightness. Points: a rotation by a small angle
    in a plane of two random axes, a shift.

    Args:
        x: images [n, c, h, w] in [−1, 1], or points [n, d], float32.
        p: a scalar; at 0 x comes back unchanged.
        generator: on x's device.

    Returns:
        Shape of x.

    Example:
        >>> x = torch.randn(3, 2)
        >>> torch.equal(augment(x, torch.tensor(0.0), torch.Generator()), x)
        True
    """
    with torch.autocast(x.device.type, enabled=False):  # pixels, not features
        return _points(x, p, generator) if x.dim() == 2 else _images(x, p, generator)


def _images(x: Tensor, p: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    zoom = torch.exp2(SCALE * _normal(n, p, generator))
    sides = []
    for size in x.shape[2:]:
        most = int(SHIFT * size)
        first, second = torch.randint(most + 1, (2, n), generator=generator, device=x.device)
        sides.append(_resampling(size, (first - second) * _chosen(n, p, generator), zoom).to(x.dtype))
    rows, columns = sides
    x = torch.einsum("nij,ncjk,nlk->ncil", rows, x, columns)
    contrast = torch.exp2(CONTRAST * _normal(n, p, generator)).view(-1, 1, 1, 1)
    return x * contrast + BRIGHTNESS * _normal(n, p, generator).view(-1, 1, 1, 1)


def _resampling(size: int, shift: Tensor, zoom: Tensor) -> Tensor:
    """Return the matrices [n, size, size] of rows that are read between others, edges going on beyond the border."""
    place = torch.arange(size, device=shift.device)
    place = (place - shift.unsqueeze(1)) % size - (size - 1) / 2
    place = (place / zoom.unsqueeze(1) + (size - 1) / 2).clamp(0, size - 1)
    return (1 - (place.unsqueeze(2) - torch.arange(size, device=shift.device)).abs()).clamp(min=0)


def _points(x: Tensor, p: Tensor, generator: torch.Generator) -> Tensor:
    n, d = x.shape
    angle = ANGLE * _normal(n, p, generator).unsqueeze(1)
    if d > 1:
        first, second = torch.rand(n, d, generator=generator, device=x.device).argsort(1)[:, :2].split(1, 1)
        a, b = x.gather(1, first), x.gather(1, second)
        x = x.scatter(1, first, a * angle.cos() - b * angle.sin()).scatter(1, second, a * angle.sin() + b * angle.cos())
    moved = torch.randn(n, d, generator=generator, device=x.device) * _chosen(n, p, generator).unsqueeze(1)
    return x + STEP * moved


def _normal(n: int, p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers, each 0 instead with probability 1 − p."""
    return torch.randn(n, generator=generator, device=p.device) * _chosen(n, p, generator)


def _chosen(n: int, p: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator, device=p.device) < p
