"""Encoders and decoders of variational autoencoders: from data to a few numbers, and back."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from .mlp import mlp
from .sizes import channels_by_level, stages

WIDEST = 256  # channels are doubled with each halving of the image, up to this many


class FlatEncoder(nn.Module):
    """Any data as one long vector through fully connected layers.

    Args:
        shape: of one sample.
        width: units of the hidden layer.
        outputs: dimensions of the result [n, outputs].

    Example:
        >>> FlatEncoder((1, 8, 8), width=16, outputs=4)(torch.zeros(3, 1, 8, 8)).shape
        torch.Size([3, 4])
    """

    def __init__(self, shape: Sequence[int], width: int, outputs: int) -> None:
        super().__init__()
        self.layers = mlp(prod(shape), width, outputs, layers=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape [n, outputs]."""
        out: Tensor = self.layers(x.flatten(1))
        return out


class FlatDecoder(nn.Module):
    """From codes to data of any shape through fully connected layers.

    Args:
        latent: dimensions of a code.
        width: units of the hidden layer.
        shape: of one result; [channels, ...].

    Example:
        >>> FlatDecoder(4, width=16, shape=(2, 8, 8))(torch.zeros(3, 4)).shape
        torch.Size([3, 2, 8, 8])
    """

    def __init__(self, latent: int, width: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.layers = mlp(latent, width, prod(shape), layers=1)

    def forward(self, z: Tensor) -> Tensor:
        """Return shape [n, *shape]."""
        out: Tensor = self.layers(z).unflatten(1, self.shape)
        return out


class ImageEncoder(nn.Module):
    """From images to numbers: fold 2×2 pixels into channels, halve with 4×4 convolutions, then one linear map.

    Args:
        channels: of the images [n, channels, size, size].
        size: height and width, base · 2ᵏ with a base from 4 to 7.
        width: channels at full resolution, if there were a convolution at it.
        outputs: dimensions of the result.

    Example:
        >>> ImageEncoder(1, 28, width=8, outputs=6)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 6])
    """

    def __init__(self, channels: int, size: int, width: int, outputs: int) -> None:
        super().__init__()
        base, doublings = stages(size)
        widths = channels_by_level(width, doublings, WIDEST)[1:]
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, widths[0], 3, padding=1), nn.SiLU()]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * base * base, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return shape [n, outputs]."""
        out: Tensor = self.body(x)
        return out


class ImageDecoder(nn.Module):
    """From codes to images: a linear map to the base grid, then convolve and double until the size is reached.

    Args:
        latent: dimensions of a code.
        channels: of the result.
        size: height and width, base · 2ᵏ with a base from 4 to 7.
        width: channels at full resolution.

    Example:
        >>> ImageDecoder(6, 2, 28, width=8)(torch.zeros(2, 6)).shape
        torch.Size([2, 2, 28, 28])
    """

    def __init__(self, latent: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        base, doublings = stages(size)
        widths = channels_by_level(width, doublings, WIDEST)[::-1]
        self.grid = (widths[0], base, base)
        self.stem = nn.Linear(latent, widths[0] * base * base)
        layers: list[nn.Module] = [nn.SiLU()]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.Upsample(scale_factor=2, mode="bilinear"), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        """Return shape [n, channels, size, size]."""
        grid = self.stem(z).unflatten(1, self.grid).contiguous(memory_format=torch.channels_last)
        out: Tensor = self.body(grid)
        return out
