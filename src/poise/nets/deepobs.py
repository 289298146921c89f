"""The variational autoencoder of DeepOBS, a benchmark of optimizers, so that its figures can be set beside Poise's.

Source: Schneider et al. 2019 (arXiv:1903.05499), the test problems mnist_vae and fmnist_vae. Layers begin as
TensorFlow's do: Glorot's uniform weights, biases of zero; and where a kernel of four cannot sit evenly, it reaches one
pixel further to the right and below (transposed: to the left and above).
"""

import torch
from torch import Tensor, nn

from .dropout import Dropout

CHANNELS = 64
RATE = 0.2  # of the dropout
AFTER, BEFORE = (1, 2, 1, 2), (2, 1, 2, 1)  # zeros left, right, above, below


class DeepObsEncoder(nn.Module):
    """From gray images of 28 pixels to numbers: three convolutions of 64 with leaky ReLU and dropout, one linear map.

    Args:
        outputs: dimensions of the result; the second half is halved, as the benchmark does with its log deviations.

    Example:
        >>> DeepObsEncoder(16)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 16])
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, CHANNELS, 4, stride=2, padding=1), nn.LeakyReLU(0.3), Dropout(RATE)]
        layers += [nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1), nn.LeakyReLU(0.3), Dropout(RATE)]
        layers += [nn.ZeroPad2d(AFTER), nn.Conv2d(CHANNELS, CHANNELS, 4), nn.LeakyReLU(0.3), Dropout(RATE)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS * 7 * 7, outputs))
        begin_as_tensorflow(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape [n, outputs]."""
        mean, log_deviation = self.body((x + 1) / 2).chunk(2, dim=1)
        return torch.cat([mean, 0.5 * log_deviation], 1)


class DeepObsDecoder(nn.Module):
    """From codes to gray images of 28 pixels: 24, 49 = 7 × 7 units, three transposed convolutions of 64, 784 sigmoids.

    Args:
        latent: dimensions of a code.

    Example:
        >>> DeepObsDecoder(8)(torch.zeros(2, 8)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(latent, 24), nn.LeakyReLU(0.3), nn.Linear(24, 49), nn.LeakyReLU(0.3)]
        layers += [nn.Unflatten(1, (1, 7, 7)), nn.ConvTranspose2d(1, CHANNELS, 4, stride=2, padding=1)]
        # of stride one, a transposed convolution is a convolution with the kernel turned around
        layers += [nn.ReLU(), Dropout(RATE), nn.ZeroPad2d(BEFORE), nn.Conv2d(CHANNELS, CHANNELS, 4)]
        layers += [nn.ReLU(), Dropout(RATE), nn.ZeroPad2d(BEFORE), nn.Conv2d(CHANNELS, CHANNELS, 4), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS * 14 * 14, 28 * 28))
        begin_as_tensorflow(self)

    def forward(self, z: Tensor) -> Tensor:
        """Return images in [−1, 1], shape [n, 1, 28, 28]."""
        out: Tensor = self.body(z)
        return 2 * out.float().sigmoid().view(-1, 1, 28, 28) - 1


def begin_as_tensorflow(module: nn.Module) -> None:
    """Draw weights as Glorot & Bengio 2010 (uniform), and set biases to zero."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
