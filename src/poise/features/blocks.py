"""Samples through a network, some at a time."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .judge import Progress, Samples


@torch.no_grad()
def in_blocks(
    samples: Samples, block: int, extract: Callable[[Samples], Tensor], progress: Progress | None = None
) -> Tensor:
    """Return features of samples, worked out in blocks of one size.

    The last block is filled up with copies: matrix products of other sizes may round otherwise, and so the features
    of a sample would depend on how many others there are. A block should fit into the processor's cache.

    Args:
        samples: [n, ...], n ≥ 1.
        block: samples at once.
        extract: from samples [block, ...] to features [block, k].
        progress: told samples done and their number.

    Returns:
        Features, float32 [n, k].

    Example:
        >>> in_blocks(np.arange(5.0)[:, None], 2, torch.from_numpy).flatten()
        tensor([0., 1., 2., 3., 4.])
    """
    found = []
    for start in range(0, len(samples), block):
        some = samples[start : start + block]
        filled = np.concatenate([some, np.repeat(some[-1:], block - len(some), axis=0)])
        found.append(extract(filled)[: len(some)].float())
        if progress:
            progress(start + len(some), len(samples))
    return torch.cat(found)


def colors(images: Samples, size: tuple[int, int]) -> Tensor:
    """Return images as colors in [0, 1] at one size, resized by a bicubic filter that does not alias.

    The whole image is resized, without cropping, by Pillow, which widens the filter where it shrinks and rounds to
    whole numbers: aliased shrinking alone moves an FID by several.

    Args:
        images: uint8 [n, h, w, c], c 1 (taken as gray) or 3.
        size: height and width.

    Returns:
        float32 [n, 3, height, width], with channels last in memory.

    Source: Parmar et al. 2022 (arXiv:2104.11222), on what resizing does to scores.

    Example:
        >>> colors(np.full((1, 5, 7, 1), 255, np.uint8), (2, 2)).flatten().unique()
        tensor([1.])
    """
    rows = np.empty((len(images), *size, 3), np.uint8)
    for row, image in zip(rows, images, strict=True):
        if image.shape[:2] == size:
            row[:] = image
        else:
            picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
            resized = picture.resize((size[1], size[0]), Image.Resampling.BICUBIC)
            row[:] = np.asarray(resized).reshape(*size, -1)
    return torch.from_numpy(rows).permute(0, 3, 1, 2).float() / 255


def fold(module: nn.Module, convolution: str, norm: str) -> None:
    """Take a trained batch normalization into the convolution before it: one pass over memory less."""
    own, after = module.get_submodule(convolution), module.get_submodule(norm)
    assert isinstance(own, nn.Conv2d)
    assert isinstance(after, nn.BatchNorm2d)
    setattr(module, convolution, fuse_conv_bn_eval(own, after))
    setattr(module, norm, nn.Identity())
