"""InceptionV3 as the FID is defined with it, from weights in a local file."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from ..errors import PoiseError
from .blocks import colors, fold, in_blocks
from .judge import Judge, Progress, Samples

SIZE, BLOCK = 299, 4
LEFT_OUT = ("fc.weight", "fc.bias")  # the classifier after the features


def inception(path: Path, content: bytes, version: str) -> Judge:
    """InceptionV3 for the FID, 2,048 features; weights from your own file, names as pytorch-fid's (Mixed_5b...).

    Images are resized to 299 px by a filter that does not alias ("clean"), not by TensorFlow 1's bilinear one:
    compare such an FID with others that were resized so.

    Raises:
        PoiseError: the file holds other weights.
    """
    network = load_network(path, content)
    return Judge("inception", "images", "FID", f"1 {version}", partial(_features, network))


def load_network(path: Path, content: bytes) -> "InceptionV3":
    """Build the network from the bytes of a safetensors file, whose tensors must be the right ones."""
    try:
        tensors = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise PoiseError(
            f"{path} is damaged or no safetensors file ({str(error).splitlines()[0]}); copy it again"
        ) from error
    network = InceptionV3()
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items() if not name.endswith("tracked")}
    classifier = tensors.get("fc.weight")
    if "AuxLogits.fc.weight" in tensors or (classifier is not None and classifier.shape != (1008, 2048)):
        raise PoiseError(
            f"{path} holds InceptionV3 as trained for torchvision, not the weights that the FID is defined with; "
            "convert those of pytorch-fid (pt_inception-2015-12-05), with 1,008 classes"
        )
    found = {
        name: t for name, t in tensors.items() if name not in LEFT_OUT and not name.endswith("num_batches_tracked")
    }
    for name in (*wanted, *found):
        if name not in found or name not in wanted or found[name].shape != wanted[name]:
            has = f"has {name} {list(found[name].shape)}" if name in found else f"lacks {name}"
            wants = f"of shape {list(wanted[name])} is wanted" if name in wanted else "which InceptionV3 has not"
            raise PoiseError(
                f"{path} does not hold the FID's InceptionV3: it {has}, {wants}; give its weights, or .onnx"
            )
    network.load_state_dict(found, strict=False)
    network.eval()
    for part in network.modules():
        if isinstance(part, Convolution):
            fold(part, "conv", "bn")
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _features(network: nn.Module, images: Samples, progress: Progress | None) -> Tensor:
    def extract(some: Samples) -> Tensor:
        features: Tensor = network((colors(some, (SIZE, SIZE)) * 255 - 128) / 128)
        return features

    return in_blocks(images, BLOCK, extract, progress)


class Convolution(nn.Module):
    """Convolution, batch normalization, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int | tuple[int, int], **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps."""
        maps: Tensor = self.bn(self.conv(x))
        return maps.relu_()


class A(nn.Module):
    """Figure 5: a 5 × 5 kernel, two 3 × 3 kernels in a row, and a pool, side by side."""

    def __init__(self, channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(channels, 64, 1)
        self.branch5x5_1 = Convolution(channels, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_average(x))], 1)


class B(nn.Module):
    """Figure 10: from 35 to 17 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the size."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, max_pool2d(x, 3, 2)], 1)


class C(nn.Module):
    """Figure 6: 7 × 7 kernels as products of 1 × 7 and 7 × 1."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        wide: dict[str, Any] = {"kernel": (1, 7), "padding": (0, 3)}
        high: dict[str, Any] = {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Convolution(768, 192, 1)
        self.branch7x7_1 = Convolution(768, inner, 1)
        self.branch7x7_2 = Convolution(inner, inner, **wide)
        self.branch7x7_3 = Convolution(inner, 192, **high)
        self.branch7x7dbl_1 = Convolution(768, inner, 1)
        self.branch7x7dbl_2 = Convolution(inner, inner, **high)
        self.branch7x7dbl_3 = Convolution(inner, inner, **wide)
        self.branch7x7dbl_4 = Convolution(inner, inner, **high)
        self.branch7x7dbl_5 = Convolution(inner, 192, **wide)
        self.branch_pool = Convolution(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class D(nn.Module):
    """From 17 to 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(768, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(768, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the size."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, max_pool2d(x, 3, 2)], 1)


class E(nn.Module):
    """Figure 7: 1 × 3 and 3 × 1 kernels side by side; the FID's network pools the last block by maximum."""

    def __init__(self, channels: int, largest: bool) -> None:
        super().__init__()
        self._largest = largest
        self.branch1x1 = Convolution(channels, 320, 1)
        self.branch3x3_1 = Convolution(channels, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Convolution(channels, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Convolution(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = max_pool2d(x, 3, 1, 1) if self._largest else _average(x)
        sides = [self.branch3x3_2a(single), self.branch3x3_2b(single)]
        sides += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([self.branch1x1(x), *sides, self.branch_pool(pooled)], 1)


class InceptionV3(nn.Module):
    """From images [n, 3, 299, 299] in [−1, 1] to features [n, 2048].

    Source: Szegedy et al. 2015 (arXiv:1512.00567), table 1 and figures 5, 6, 7, 10; but averages leave out the
        padding, and the last pool is a maximum, as in the network of Heusel et al. 2017 (arXiv:1706.08500).
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = A(192, 32), A(256, 64), A(288, 64)
        self.Mixed_6a = B(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = C(128), C(160), C(160), C(192)
        self.Mixed_7a = D()
        self.Mixed_7b, self.Mixed_7c = E(1280, largest=False), E(2048, largest=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return features."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))


def _average(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)
