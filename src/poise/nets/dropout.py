"""Dropout whose randomness is told to it, so that a step can be computed again."""

import torch
from torch import Tensor, nn

LEVELS = 2**16  # a share is kept to a 65,536th: random numbers are most of what dropout costs


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
        return x * _mask(x, self.rate, self.generator)


def _mask(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Return 0 or 1/(1 − p), in x's shape, type and order in memory: another order would make every product slow."""
    kept = round((1 - rate) * LEVELS)
    words = torch.empty(x.numel() // 4 + 1, dtype=torch.int64, device=x.device)
    words.random_(-(2**63), None, generator=generator)  # all 64 bits: the draws of four values
    mask = (words.view(torch.int16)[: x.numel()] < kept - LEVELS // 2).to(x.dtype).mul_(LEVELS / kept)
    return mask.as_strided(x.shape, torch.empty_like(x).stride())
