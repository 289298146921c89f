"""Steps with the singular values taken out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .adamw import AdamW
from .base import Base, Move, Params, arithmetic
from .clip import Clip
from .flat import Vector

WIDE = 2  # times as many columns as rows: from there on steps of the Gram matrix are less work than steps of all


class Muon(Base):
    """Muon (Jordan et al. 2024): momentum of matrices, orthogonalized: every direction moves alike.

        m ← μm + (1−μ)g;  W ← (1 − lr·λ)W − lr · 0.2 √max(rows, columns) · orthogonalized((1−μ)g + μm)

    for every weight of two or more dimensions, as a matrix of its first dimension by all others (a convolution's:
    [out, in·height·width]). All other weights, biases and gains, move by `AdamW` with lr · `vector_rate`. The factor
    gives steps the root mean square of Adam's, so that an lr chosen for Adam fits (Liu et al. 2025, arXiv:2502.16982,
    eq. 4). Where matrices are normalized again behind it, they bear a larger one, which biases and gains do not.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        momentum: μ.
        betas: Adam's β₁ and β₂, for weights of fewer than two dimensions.
        eps: Adam's ε.
        weight_decay: λ, decoupled; torch.optim.Muon's default is 0.1.
        clip: limits the gradient; see `poise.optim.clip`.
        vector_rate: learning rate of weights of fewer than two dimensions, in units of lr.

    Raises:
        ValueError: `vector_rate` is negative.

    Source: kellerjordan.github.io/posts/muon; the factor and the decay as in arXiv:2502.16982.

    Example:
        >>> w = torch.nn.Parameter(torch.zeros(2, 2))
        >>> w.grad = torch.tensor([[1.0, 0.0], [0.0, -100.0]])
        >>> _ = Muon([w], lr=1.0).step()
        >>> w.detach().sign()
        tensor([[-1.,  0.],
                [ 0.,  1.]])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: Clip | None = None,
        vector_rate: float = 1.0,
    ) -> None:
        if not vector_rate >= 0:
            raise ValueError(f"vector_rate is {vector_rate}; give a number of at least 0")
        settings = {"momentum": momentum, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **settings, "vector_rate": vector_rate}, clip)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("vector_rate", 1.0)  # saved before there was one

    def _move_all(self, moves: Sequence[Move], scale: float, factor: Tensor | None, half: bool) -> None:
        for group, p, g in moves:
            state = self._begin(p)
            if not half and "saved" in state:
                p.copy_(state.pop("saved"))
            self._move(group, p, g * (scale if factor is None else scale * factor))
            if not half and p in self._averages:
                self._averages[p].update()

    def _begin(self, p: Tensor) -> dict[str, Any]:
        """Make the state at the first step, and count; "square" holds what Adam moves, end to end."""
        state: dict[str, Any] = self.state[p]
        if "step" not in state:
            small = sum(w.numel() for w in _parts(p, p) if w.dim() < 2)
            state["mean"] = torch.zeros_like(p, dtype=arithmetic(p))
            state["square"] = torch.zeros(small, dtype=arithmetic(p), device=p.device)
        state["step"] = state.get("step", 0) + 1
        return state

    def _move(self, group: dict[str, Any], p: Tensor, gradient: Tensor) -> None:
        state, kind = self.state[p], arithmetic(p)
        vectors = {**group, "lr": group["lr"] * group["vector_rate"]}
        numbers = torch.tensor(AdamW.numbers(vectors, state["step"]), dtype=kind, device=p.device).unbind(0)
        done = 0
        for w, g, m in zip(_parts(p, p.detach()), _parts(p, gradient), _parts(p, state["mean"]), strict=True):
            if w.dim() < 2:
                v = state["square"][done : (done := done + w.numel())].view(w.shape)
                new, *moments = AdamW.move(w.to(kind), g.to(kind), (m, v), numbers)
                for old, value in zip((w, m, v), (new, *moments), strict=True):
                    old.copy_(value)
            else:
                _turn(group, w, g.to(kind), m)


def _parts(p: Tensor, whole: Tensor) -> list[Tensor]:
    """Return `whole`, which is like p, as one tensor for each parameter within p."""
    return p.views(whole) if isinstance(p, Vector) else [whole]


def _turn(group: dict[str, Any], w: Tensor, g: Tensor, m: Tensor) -> None:
    m.lerp_(g, 1 - group["momentum"])
    look_ahead = g.lerp(m, group["momentum"])
    matrix = look_ahead.reshape(len(w), -1)
    length = 0.2 * group["lr"] * max(matrix.shape) ** 0.5
    kept = 1 - group["lr"] * group["weight_decay"]
    w.copy_(kept * w.to(g.dtype) - length * orthogonalize(matrix).reshape(w.shape).to(g.dtype))


def orthogonalize(x: Tensor) -> Tensor:
    """Return about UVᵀ for a matrix x = USVᵀ: its singular values, unless tiny, come between 0.68 and 1.13.

    Five Newton-Schulz steps y ← Py, P = aI + bG + cG², from y = x/‖x‖ with G = yyᵀ, with coefficients that favor
    speed over precision. Every P is a polynomial of the first G, so for the wide matrices of convolutions the steps are
    G ← PGP, and y is read twice and not ten times: a third of the work. The precision is that of x: in bfloat16 G
    would lose small singular values, and a processor without it would take twenty times as long.

    Args:
        x: [rows, columns], float32 or float64.

    Source: kellerjordan.github.io/posts/muon.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = len(x) > x.shape[1]
    y = x.T if tall else x  # the smaller of xxᵀ and xᵀx is enough
    y = y / y.norm().clamp(min=1e-7)
    if y.shape[1] > WIDE * len(y):
        gram, product = y @ y.T, torch.eye(len(y), dtype=y.dtype, device=y.device)
        for _ in range(5):
            p = torch.addmm(gram, gram, gram, beta=b, alpha=c)
            p.diagonal().add_(a)
            product, gram = p @ product, p @ gram @ p
        y = product @ y
    else:
        for _ in range(5):
            gram = y @ y.T
            y = torch.addmm(y, torch.addmm(gram, gram, gram, beta=b, alpha=c), y, beta=a)
    return y.T if tall else y
