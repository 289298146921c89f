"""InceptionV3 as the FID is defined with it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d


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
