"""Multilayer perceptrons, for points and tables."""

from itertools import pairwise

from torch import Tensor, nn

from .deviation import MinibatchDeviation


def mlp(inputs: int, hidden: int, outputs: int, layers: int = 3) -> nn.Sequential:
    """`layers` hidden layers of leaky ReLU units between inputs and outputs.

    Args:
        inputs: dimensions of the input [n, inputs].
        hidden: units of each hidden layer.
        outputs: dimensions of the output [n, outputs].
        layers: number of hidden layers.

    Example:
        >>> import torch
        >>> mlp(2, 16, 1)(torch.zeros(5, 2)).shape
        torch.Size([5, 1])
    """
    stack: list[nn.Module] = []
    for narrow, wide in pairwise([inputs, *[hidden] * layers]):
        stack += [nn.Linear(narrow, wide), nn.LeakyReLU(0.2)]
    return nn.Sequential(*stack, nn.Linear(hidden, outputs))


class Generator(nn.Module):
    """From noise [n, latent] to points [n, dimensions]."""

    def __init__(self, latent: int, dimensions: int, width: int) -> None:
        super().__init__()
        self.layers = mlp(latent, width, dimensions)

    def forward(self, z: Tensor) -> Tensor:
        """Return points, shape [n, dimensions]."""
        points: Tensor = self.layers(z)
        return points


class Discriminator(nn.Module):
    """From points [n, dimensions] to scores [n].

    Args:
        dimensions: of the points.
        width: units of each hidden layer.
        group: tell the last layer how much so many consecutive points differ; 0: nothing.
    """

    def __init__(self, dimensions: int, width: int, group: int = 0) -> None:
        super().__init__()
        self.layers = mlp(dimensions, width, 1)
        if group:
            self.layers = nn.Sequential(*list(self.layers)[:-1], MinibatchDeviation(group), nn.Linear(width + 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (logits), shape [n]."""
        scores: Tensor = self.layers(x)
        return scores.squeeze(1)
