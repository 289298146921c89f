"""Dropout whose randomness is told to it, so that a step can be computed again."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zeroes a share of the values in training and scales up the rest; x · mask/(1 − p), mask ~ Bernoulli(1 − p).

    torch's own draws from one generator for all of a process, which a run that goes on would find in another state.

    Args:
        rate: p, the share that is zeroed.

    Attributes:
        generator: draws the masks; whoever trains the network puts the step's one here before each pass.

    Source: Srivastava et al. 2014 (JMLR 15), section 4, scaled in training as usual.

    Example:
        >>> layer = Dropout(0.5)
        >>> layer.generator = torch.Generator().manual_seed(0)
        >>> sorted(set(layer(torch.ones(100)).tolist()))
        [0.0, 2.0]
        >>> layer.eval()(torch.ones(2))
        tensor([1., 1.])
    """

    generator: torch.Generator | None = None

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of x's shape."""
        if not self.training:
            return x
        mask = torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator)
        return x * mask / (1 - self.rate)
