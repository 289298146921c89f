"""Plain convolutional networks after DCGAN (Radford et al. 2016, arXiv:1511.06434), shaped for small machines.

Two changes make them several times faster on a CPU at the same quality: the generator convolves before it
grows (3×3 at the lower resolution, then bilinear) instead of transposed convolutions, and the discriminator
first folds 2×2 pixels into channels, so that no convolution runs at full resolution on one or three channels.

Deep ones put the work where images are small: a generator half as wide again at its base grid, and a discriminator
that begins half as wide, has 3×3 for 4×4 weights and ends on at most 4×4: better at less cost (docs/recipes.md).
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from .deviation import MinibatchDeviation
from .sizes import channels_by_level, stages

WIDEST = 256  # channels are doubled with each halving of the image, up to this many
SMALLEST = 4  # the grid on which a deep discriminator ends, or 3×3


class Generator(nn.Module):
    """From noise to images: a linear map to the base grid, then convolve and double until the size is reached.

    A part of the noise are maps, one before each normalization, that every channel adds as strongly as it learns to:
    texture then takes no room in the rest (after StyleGAN, Karras et al. 2019, arXiv:1812.04948, section 3.2).

    Args:
        latent: dimensions of the noise that the linear map takes.
        size: height and width of the images, base · 2ᵏ with a base from 4 to 7.
        channels: 1 (gray) or 3 (color).
        width: channels at full resolution; the last but one convolution leaves half as many.
        deep: half as many channels again at the base grid.

    Attributes:
        noise: dimensions of all noise, maps included.

    Returns:
        (forward) images in [−1, 1], shape [n, channels, size, size].
    """

    def __init__(self, latent: int, size: int, channels: int, width: int, deep: bool = False) -> None:
        super().__init__()
        base, doublings = stages(size)
        widths = channels_by_level(width, doublings, WIDEST)[::-1]
        if deep:
            widths[0] += widths[0] // 2
        self.grid = (widths[0], base, base)
        self.stem = nn.Linear(latent, widths[0] * base * base, bias=False)
        layers: list[nn.Module] = [Noisy(widths[0], base)]
        for level, (before, after) in enumerate(pairwise(widths), 1):
            grown = nn.Upsample(scale_factor=2, mode="bilinear")
            layers.append(nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False), grown))
            layers.append(Noisy(after, base * 2**level))
        layers += [nn.Conv2d(widths[-1], widths[-1] // 2, 3, padding=1, bias=False), Noisy(widths[-1] // 2, size)]
        self.layers = nn.ModuleList(layers)
        self.last = nn.Conv2d(widths[-1] // 2, channels, 3, padding=1)
        self.parts = [latent, *(layer.size**2 for layer in layers if isinstance(layer, Noisy))]
        self.noise = sum(self.parts)
        _start_small(self)

    def forward(self, z: Tensor) -> Tensor:
        """Return images, shape [n, channels, size, size], from noise [n, noise]."""
        first, *maps = z.split(self.parts, 1)
        x = self.stem(first).unflatten(1, self.grid).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            x = layer(x, maps.pop(0)) if isinstance(layer, Noisy) else layer(x)
        images: Tensor = torch.tanh(self.last(x))
        return images


class Noisy(nn.Module):
    """Add a map of noise to every channel, as strongly as the channel learns to; normalize and rectify."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.strength = nn.Parameter(torch.zeros(channels, 1, 1))
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return shape [n, channels, size, size], from x of that shape and noise [n, size²]."""
        noise = noise.to(x.dtype).unflatten(1, (1, self.size, self.size))
        return torch.relu_(self.norm(torch.addcmul(x, self.strength.to(x.dtype), noise)))


class Discriminator(nn.Module):
    """From images to scores: fold 2×2 pixels into channels, halve with convolutions, end in one logit.

    Args:
        size: height and width of the images, base · 2ᵏ with a base from 4 to 7.
        channels: 1 or 3.
        width: channels at full resolution, if there were a convolution at it.
        norm: "batch" normalizes all but the first layer; "none" and "spectral" (which `nets.spectral` adds)
            differ here in the starting weights.
        group: tell the last layer how much so many consecutive images differ; 0: nothing.
        deep: half as many channels at first, 3×3 weights, and one more halving where the base is more than 4.

    Returns:
        (forward) scores, shape [n].
    """

    def __init__(
        self,
        size: int,
        channels: int,
        width: int,
        norm: Literal["none", "batch", "spectral"] = "none",
        group: int = 0,
        deep: bool = False,
    ) -> None:
        super().__init__()
        base, doublings = stages(size)
        widths, kernel = channels_by_level(width, doublings, WIDEST)[1:], 4
        if deep:
            widths[0], kernel = widths[0] // 2, 3
            if base > SMALLEST:
                widths, base = [*widths, widths[-1]], (base + 1) // 2
        layers: list[nn.Module] = [
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * channels, widths[0], 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for before, after in pairwise(widths):
            layers.append(nn.Conv2d(before, after, kernel, stride=2, padding=1, bias=norm != "batch"))
            if norm == "batch":
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        if group:
            layers.append(MinibatchDeviation(group))
        last = nn.Linear((widths[-1] + bool(group)) * base * base, 1)
        self.body = nn.Sequential(*layers, nn.Flatten(), last)
        if norm == "batch":
            _start_small(self)
        elif norm == "none":
            _keep_variance(self)
        # spectral: the scale is divided out again; torch's small start lets Adam turn the weights faster

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (logits), shape [n]."""
        scores: Tensor = self.body(x)
        return scores.squeeze(1)


def _start_small(network: nn.Module) -> None:
    """Draw weights from N(0, .02²), as the DCGAN paper does where batch normalization sets the scale."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _keep_variance(network: nn.Module) -> None:
    """Draw weights so that leaky ReLU layers keep the variance of what passes (He et al. 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, 0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
