"""Adam that averages its weights instead of lowering its learning rate."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from .base import Move, Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class ScheduleFree(Elementwise):
    """Schedule-free AdamW (Defazio et al. 2024): gradients taken between iterate and running average.

        y = (1−β₁)z + β₁x;  v ← β₂v + (1−β₂)g(y)²;  d = g(y)/(√v̂ + ε) + λy;
        z ← z − γd;  x ← (1−c)x + cz;  γ = lr · min(1, t/warmup),  c = γₜ² / Σₛγₛ².

    While training the weights are y. `eval` puts x in their place, which is what to test, sample from and keep; `train`
    puts y back. x and y are never kept together: y moves by c(z−y) − (1−β₁(1−c))γd. No learning rate schedule is
    needed; c is that of a constant lr, whatever the scheduler does.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size after the warmup; larger than Adam's.
        betas: β₁ > 0, how close to x gradients are taken, and β₂, decay of the second moment.
        eps: ε, outside the root.
        weight_decay: λ, decoupled, at y.
        warmup_steps: steps over which the step size rises from 0.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:2405.15682, algorithm 1, as in the authors' package `schedulefree`: c takes no account of v̂'s
    correction.

    Example:
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = ScheduleFree([w], lr=1.0)
        >>> for _ in range(2):
        ...     w.grad = torch.tensor([3.0])
        ...     _ = optimizer.step()
        >>> optimizer.eval()
        >>> w.detach()  # the mean of z, which was −1 and −2
        tensor([-1.5000])
    """

    states = ("square", "z")

    def __init__(
        self,
        params: Params,
        lr: float = 2.5e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        clip: Clip | None = None,
    ) -> None:
        if not 0 < betas[0] < 1:
            raise ValueError(f"beta1 is {betas[0]}; give a number between 0 and 1, to find x from y")
        settings = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "warmup_steps": warmup_steps}
        super().__init__(params, {"lr": lr, **settings, "training": True}, clip)

    def train(self) -> None:
        """Put y in place, at which gradients are taken."""
        self._change(training=True)

    def eval(self) -> None:
        """Put x in place, the averaged weights."""
        self._change(training=False)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return whether this is the first step (1 or 0), c, γ, (1−β₁(1−c))γ, β₂, 1−β₂, 1/√(1−β₂ᵗ), ε and λ."""
        b1, b2 = group["betas"]
        share = newest_share(t, group["warmup_steps"])
        lr = group["lr"] * min(1.0, t / max(1, group["warmup_steps"]))
        lengths = lr, lr * (1 - b1 * (1 - share))
        return float(t == 1), share, *lengths, b2, 1 - b2, 1 / sqrt(1 - b2**t), group["eps"], group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula; w is y."""
        v, z = state
        first, share, lr, pull, b2, new2, correction, eps, decay = numbers
        z = torch.where(first > 0, w, z)
        v = b2 * v + new2 * (g * g)
        d = g / (root(v) * correction + eps) + decay * w
        return w + share * (z - w) - pull * d, v, z - lr * d

    def _move_all(self, moves: Sequence[Move], scale: float, factor: Tensor | None, half: bool) -> None:
        if not all(group["training"] for group, _, _ in moves):
            raise RuntimeError("the weights are the averaged ones; call train() before the next step")
        super()._move_all(moves, scale, factor, half)

    @torch.no_grad()
    def _change(self, training: bool) -> None:
        for group in self.param_groups:
            if group["training"] == training:
                continue
            group["training"], b1 = training, group["betas"][0]
            for p in group["params"]:
                if "z" in (state := self.state.get(p, {})):
                    z = state["z"]
                    p.copy_(p.to(z.dtype).lerp(z, 1 - b1 if training else 1 - 1 / b1))


def newest_share(t: int, warmup: int) -> float:
    """Return c, the share of step t's iterate in the average: its weight among the weights min(1, s/warmup)².

    Example:
        >>> newest_share(4, warmup=0), newest_share(3, warmup=2)  # 1 of 4; 1 of ¼ + 1 + 1
        (0.25, 0.4444444444444444)
    """
    if t <= warmup:
        return 6 * t / ((t + 1) * (2 * t + 1))
    during = (warmup + 1) * (2 * warmup + 1) / (6 * warmup) if warmup else 0.0
    return 1 / (during + t - warmup)
