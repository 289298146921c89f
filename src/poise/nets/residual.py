"""Residual networks without normalization after R3GAN (Huang et al. 2024, arXiv:2501.05441).

Each block expands, mixes in groups and shrinks; the shrinking convolution starts at zero and the others are
damped, so that a fresh network is close to linear (fix-up initialization, Zhang et al. 2019) and needs no
normalization. The finest blocks work on 2×2 pixels folded into channels, which is what a CPU can afford.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from .deviation import MinibatchDeviation
from .sizes import channels_by_level, stages

WIDEST = 128  # channels are doubled with each halving of the image, up to this many
BLOCKS = 1  # at each resolution
EXPANSION = 2  # channels within a block, as a multiple of those outside
GROUP = 16  # channels in a group of the 3×3 convolution


class Block(nn.Module):
    """x + shrink(act(mix(act(expand(x)))))."""

    def __init__(self, width: int, damping: float) -> None:
        super().__init__()
        inner = width * EXPANSION
        self.expand = nn.Conv2d(width, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=max(1, inner // GROUP))
        self.shrink = nn.Conv2d(inner, width, 1, bias=False)
        for layer in (self.expand, self.mix):
            nn.init.kaiming_normal_(layer.weight, 0.2)
            with torch.no_grad():
                layer.weight.mul_(damping)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.shrink.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of x's shape [n, width, h, w]."""
        inner = leaky_relu(self.mix(leaky_relu(self.expand(x), 0.2)), 0.2)
        out: Tensor = x + self.shrink(inner)
        return out


class Generator(nn.Module):
    """From noise, or codes, to images: a linear map to the base grid, then blocks and bilinear doubling.

    Args:
        latent: dimensions of the noise [n, latent].
        size: height and width of the images, base · 2ᵏ with a base from 4 to 7.
        channels: of the images.
        width: channels at full resolution.

    Returns:
        (forward) images, about [−1, 1] once trained, shape [n, channels, size, size].
    """

    def __init__(self, latent: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        base, doublings = stages(size)
        widths = channels_by_level(width, doublings, WIDEST)[:0:-1]
        self.grid = (widths[0], base, base)
        self.stem = nn.Linear(latent, widths[0] * base * base, bias=False)
        nn.init.normal_(self.stem.weight, 0.0, latent**-0.5)
        layers: list[nn.Module] = []
        for level, wide in enumerate(widths):
            if level:
                layers += [_pointwise(widths[level - 1], wide), nn.Upsample(scale_factor=2, mode="bilinear")]
            layers += _blocks(wide, len(widths))
        self.body = nn.Sequential(*layers, _pointwise(widths[-1], 4 * channels), nn.PixelShuffle(2))

    def forward(self, z: Tensor) -> Tensor:
        """Return images, shape [n, channels, size, size]."""
        grid = self.stem(z).unflatten(1, self.grid).contiguous(memory_format=torch.channels_last)
        images: Tensor = self.body(grid)
        return images


class Discriminator(nn.Module):
    """From images to scores, the generator's mirror: blocks and bilinear halving, then one number.

    Args:
        size: height and width of the images, base · 2ᵏ with a base from 4 to 7.
        channels: 1 or 3.
        width: channels at full resolution.
        group: tell the last layer how much so many consecutive images differ; 0: nothing.

    Returns:
        (forward) scores, shape [n].
    """

    def __init__(self, size: int, channels: int, width: int, group: int = 0) -> None:
        super().__init__()
        body, wide, base = _halving(size, channels, width)
        if group:
            body, wide = [*body, MinibatchDeviation(group)], wide + 1
        self.body = nn.Sequential(*body)
        # a depthwise convolution as large as its input, written as the product it is: faster to differentiate twice
        self.summary = nn.Parameter(torch.randn(wide, base, base) / base)
        self.head = nn.Linear(wide, 1, bias=False)
        nn.init.normal_(self.head.weight, 0.0, wide**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (logits), shape [n]."""
        scores: Tensor = self.head((self.body(x) * self.summary).sum((2, 3)))
        return scores.squeeze(1)


class Encoder(nn.Module):
    """From images to numbers, the generator's mirror: blocks and bilinear halving, then one linear map.

    Args:
        size: height and width of the images, base · 2ᵏ with a base from 4 to 7.
        channels: of the images.
        width: channels at full resolution.
        outputs: dimensions of the result [n, outputs].
    """

    def __init__(self, size: int, channels: int, width: int, outputs: int) -> None:
        super().__init__()
        body, wide, base = _halving(size, channels, width)
        self.body = nn.Sequential(*body, nn.Flatten(), nn.Linear(wide * base * base, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return shape [n, outputs]."""
        out: Tensor = self.body(x)
        return out


def _halving(size: int, channels: int, width: int) -> tuple[list[nn.Module], int, int]:
    """Return layers from images to the base grid, and that grid's channels and size."""
    base, doublings = stages(size)
    widths = channels_by_level(width, doublings, WIDEST)[1:]
    layers: list[nn.Module] = [nn.PixelUnshuffle(2), _pointwise(4 * channels, widths[0])]
    for level, wide in enumerate(widths):
        if level:  # bilinear halving of even sides is the mean of 2×2 pixels
            layers += [nn.AvgPool2d(2), _pointwise(widths[level - 1], wide)]
        layers += _blocks(wide, len(widths))
    return layers, widths[-1], base


def _blocks(width: int, resolutions: int) -> list[nn.Module]:
    # fix-up: with L blocks of m = 3 layers, the m − 1 that do not start at zero are scaled by L^(−1/(2m−2))
    damping = (BLOCKS * resolutions) ** (-1 / 4)
    return [Block(width, damping) for _ in range(BLOCKS)]


def _pointwise(before: int, after: int) -> nn.Conv2d:
    """Make a 1×1 convolution that keeps the variance of what goes through it."""
    layer = nn.Conv2d(before, after, 1, bias=False)
    nn.init.normal_(layer.weight, 0.0, before**-0.5)
    return layer
