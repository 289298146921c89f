"""How strongly real and generated samples are augmented: so much that the discriminator does not overfit."""

from typing import Any

import torch
from torch import Tensor, nn

SLOWEST = 500_000  # samples in which the probability can rise from 0 to 1, as published
PASSES = 100  # the same for a small set: so many passes over it
HEARD = 256  # samples that the sign of the scores is averaged over
MOST = 0.8  # as published; at 1 nothing would be seen as it is, and augmentations would leak (`nets.augment`)


class Ada(nn.Module):
    """The probability p of augmentations, which follows the signs of the discriminator's scores of real samples.

        r_t = E sign D(x),   p ← p + sign(r_t − target) · n/N,   within [0, .8]

    n is the batch. N is 500,000 as published, but a hundred passes over a set of fewer than 5,000 samples, of which a
    discriminator is sure far sooner. p and the running r_t are buffers, and so in checkpoints. p moves once a step, in
    training only: `poise.statistics` lets the first pass of a step count alone.

    Args:
        target: r_t at which p stays.

    Source: Karras et al. 2020 (arXiv:2006.06676), section 3.

    Example:
        >>> ada = Ada(target=0.6)
        >>> for _ in range(10):
        ...     ada(torch.ones(1_000), seen=1_000, known=60_000)  # surer than wanted: 10,000 of 500,000 samples
        >>> round(ada.p.item(), 3)
        0.02
    """

    p: Tensor
    heard: Tensor

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("heard", torch.full((), target))
        self.register_load_state_dict_pre_hook(_begin_at_zero)  # type: ignore[no-untyped-call]

    def forward(self, scores: Tensor, seen: int, known: int) -> None:
        """Move p.

        Args:
            scores: of real samples, positive where they look real.
            seen: samples in the batch.
            known: samples in the data set; 0 if that is not known.
        """
        if not self.training:
            return
        self.heard.lerp_(scores.detach().sign().mean().to(self.heard), min(1.0, seen / HEARD))
        step = seen / (min(SLOWEST, PASSES * known) or SLOWEST)
        self.p.add_(step * (self.heard - self.target).sign()).clamp_(0, MOST)


def _begin_at_zero(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Let a run that was not augmented so far go on with augmentation, from p = 0."""
    for name, buffer in module.named_buffers():
        state.setdefault(prefix + name, buffer)
