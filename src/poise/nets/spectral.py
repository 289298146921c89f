"""Spectral normalization: every layer at most 1-Lipschitz."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def normalize(network: nn.Module) -> None:
    """Divide each linear and convolution weight by an estimate of its largest singular value.

    One power iteration a forward pass keeps the estimate up to date.

    Args:
        network: changed in place.

    Source: Miyato et al. 2018 (arXiv:1802.05957), algorithm 1.

    Example:
        >>> import torch
        >>> layer = nn.Sequential(nn.Linear(20, 10, bias=False))
        >>> normalize(layer)
        >>> for _ in range(50):
        ...     _ = layer(torch.zeros(1, 20))
        >>> torch.linalg.matrix_norm(layer[0].weight, 2).round(decimals=3).item()
        1.0
    """
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            spectral_norm(layer)
