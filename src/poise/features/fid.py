"""The judge of the FID: Inception with weights from a local file."""

from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from ..errors import PoiseError
from .blocks import colors, fold, in_blocks
from .inception import Convolution, InceptionV3
from .judge import Judge, Progress, Samples

SIZE, BLOCK = 299, 4
CLASSIFIER = ("fc.weight", "fc.bias")  # after the features
UNUSED = "num_batches_tracked"


def inception(path: Path, content: bytes, version: str) -> Judge:
    """InceptionV3 for the FID, 2,048 features; weights from your own file, names as pytorch-fid's (Mixed_5b...).

    Images are resized to 299 px by a filter that does not alias ("clean"), not by TensorFlow 1's bilinear one:
    compare such an FID with others that were resized so.

    Raises:
        PoiseError: the file holds other weights.
    """
    return Judge("inception", "images", "FID", f"1 {version}", partial(_features, load_network(path, content)))


def load_network(path: Path, content: bytes) -> InceptionV3:
    """Build the network from the bytes of a safetensors file, whose tensors must be the right ones."""
    try:
        tensors = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise PoiseError(f"{path} is damaged or no safetensors file ({reason}); copy it again") from error
    classifier = tensors.get("fc.weight")
    if "AuxLogits.fc.weight" in tensors or (classifier is not None and classifier.shape != (1008, 2048)):
        raise PoiseError(
            f"{path} holds InceptionV3 as trained for torchvision, not the weights that the FID is defined with; "
            "convert those of pytorch-fid (pt_inception-2015-12-05), with 1,008 classes"
        )
    network = InceptionV3()
    weights = {name: x for name, x in tensors.items() if name not in CLASSIFIER and not name.endswith(UNUSED)}
    if misfit := _misfit(weights, network):
        raise PoiseError(
            f"{path} does not hold the weights of the FID's InceptionV3: it {misfit}; give a file that does"
        )
    network.load_state_dict(weights, strict=False)
    network.eval()
    for part in network.modules():
        if isinstance(part, Convolution):
            fold(part, "conv", "bn")
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _misfit(weights: dict[str, Tensor], network: nn.Module) -> str | None:
    """Say what is the first thing wrong with weights, if anything is."""
    wanted = {name: list(x.shape) for name, x in network.state_dict().items() if not name.endswith(UNUSED)}
    found = {name: list(x.shape) for name, x in weights.items()}
    for name, shape in wanted.items():
        if name not in found:
            return f"lacks {name} {shape}"
        if found[name] != shape:
            return f"has {name} {found[name]}, not {shape}"
    return next((f"has {name}, which the network has not" for name in found if name not in wanted), None)


def _features(network: nn.Module, images: Samples, progress: Progress | None) -> Tensor:
    def extract(some: Samples) -> Tensor:
        features: Tensor = network((colors(some, (SIZE, SIZE)) * 255 - 128) / 128)
        return features

    return in_blocks(images, BLOCK, extract, progress)
