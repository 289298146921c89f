"""Steps with the singular values taken out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .adamw import AdamW
from .base import Base, Move, Params, arithmetic
from .clip import Clip
from .flat import Vector

Part = tuple[Tensor, Tensor, Tensor]  # one parameter, its gradient, and its mean


class Muon(Base):
    """Muon (Jordan et al. 2024): momentum of matrices, orthogonalized: every direction moves alike.

        m ← μm + (1−μ)g;  W ← (1 − lr·λ)W − lr · 0.2 √max(rows, columns) · orthogonalized((1−μ)g + μm)

    for every weight that its first dimension by all others makes a matrix of more than one column (a convolution's:
    [out, in·height·width]). All other weights, biases and gains, move by `AdamW` with lr · `vector_rate`. The factor
    gives steps the root mean square of Adam's, so that an lr chosen for Adam fits (Liu et al. 2025, arXiv:2502.16982,
    eq. 4). Where matrices are normalized again behind it, they bear a larger one, which biases and gains do not.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        momentum: μ.
        betas: Adam's β₁ and β₂, for weights that are no matrices.
        eps: Adam's ε.
        weight_decay: λ, decoupled; torch.optim.Muon's default is 0.1.
        clip: limits the gradient; see `poise.optim.clip`.
        vector_rate: learning rate of weights that are no matrices, in units of lr.

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
            if scale != 1.0 or factor is not None:
                g = g * (scale if factor is None else scale * factor)
            self._move(group, p, g)
            if not half and p in self._averages:
                self._averages[p].update()

    def _begin(self, p: Tensor) -> dict[str, Any]:
        """Make the state at the first step, and count."""
        state: dict[str, Any] = self.state[p]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(p, dtype=arithmetic(p))
        state["step"] = state.get("step", 0) + 1
        return state

    def _move(self, group: dict[str, Any], p: Tensor, gradient: Tensor) -> None:
        state = self.state[p]
        parts = list(zip(_parts(p, p.detach()), _parts(p, gradient), _parts(p, state["mean"]), strict=True))
        if vectors := [part for part in parts if not _is_matrix(part[0])]:
            _move_vectors(group, state, vectors)
        for w, g, m in parts:
            if _is_matrix(w):
                _turn(group, _in_order(w), _in_order(g).to(m.dtype), _in_order(m))


def _parts(p: Tensor, whole: Tensor) -> list[Tensor]:
    """Return `whole`, which is like p, as one tensor for each parameter within p."""
    return p.views(whole) if isinstance(p, Vector) else [whole]


def _move_vectors(group: dict[str, Any], state: dict[str, Any], parts: Sequence[Part]) -> None:
    """Move all vectors by AdamW as if they were one, whose squared gradients are the state "square"."""
    wholes = [list(whole) for whole in zip(*parts, strict=True)]
    w, g, m = (torch.cat([part.reshape(-1).to(parts[0][2].dtype) for part in whole]) for whole in wholes)
    if "square" not in state or len(state["square"]) != len(w):  # saved when columns still were matrices
        m = torch.zeros_like(m)
        state["square"], state["step"] = torch.zeros_like(m), 1
    settings = {**group, "lr": group["lr"] * group["vector_rate"]}
    numbers = torch.tensor(AdamW.numbers(settings, state["step"]), dtype=m.dtype, device=m.device).unbind(0)
    w, m, v = AdamW.move(w, g, (m, state["square"]), numbers)
    state["square"].copy_(v)
    sizes = [part.numel() for part in wholes[0]]
    for whole, moved in ((wholes[0], w), (wholes[2], m)):
        values = [value.view_as(part) for value, part in zip(moved.split(sizes), whole, strict=True)]
        torch._foreach_copy_(whole, values)


def _is_matrix(w: Tensor) -> bool:
    return w.dim() > 1 and w.numel() > len(w)


def _in_order(w: Tensor) -> Tensor:
    """Return w with all dimensions but the first in their order in memory.

    As a matrix it has then its columns in another order, which an orthogonalized one keeps, and need not be copied.
    """
    return w.permute(0, *sorted(range(1, w.dim()), key=lambda i: w.stride()[i], reverse=True))


def _turn(group: dict[str, Any], w: Tensor, g: Tensor, m: Tensor) -> None:
    """Move w, [rows, ...], and its momentum m."""
    if momentum := group["momentum"]:
        m.lerp_(g, 1 - momentum)
        g = g.lerp(m, momentum)
    x = g.reshape(len(g), -1)
    matrix = w.reshape(x.shape).to(x.dtype)
    length, kept = 0.2 * group["lr"] * max(x.shape) ** 0.5, 1 - group["lr"] * group["weight_decay"]
    # one pass over the weights: the step is never written out
    first, second = _factors(x)
    matrix.addmm_(first, second, beta=kept, alpha=-length)
    if matrix.data_ptr() != w.data_ptr():
        w.copy_(matrix.view(w.shape))


def orthogonalize(x: Tensor) -> Tensor:
    """Return about UVᵀ for a matrix x = USVᵀ: its singular values, unless tiny, come between 0.68 and 1.13.

    Five Newton-Schulz steps y ← Py, P = aI + bG + cG², from y = x/‖x‖ with G = yyᵀ, with coefficients that favor
    speed over precision. Every P is a polynomial of the first G, so the steps are G ← PGP, and x is read twice and not
    ten times: for the wide matrices of convolutions a third of the work. The precision is that of x: in bfloat16 G
    would lose small singular values, and a processor without it would take twenty times as long.

    Args:
        x: [rows, columns], float32 or float64.

    Source: kellerjordan.github.io/posts/muon.
    """
    first, second = _factors(x)
    return first @ second


def _factors(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return two matrices whose product is x orthogonalized; the larger of them is x itself."""
    tall = len(x) > x.shape[1]
    gram = x.T @ x if tall else x @ x.T  # the smaller one is enough
    norm = gram.trace().sqrt().clamp(min=1e-7)
    gram = gram / norm.square()
    product = p = _polynomial(gram)
    for _ in range(4):
        gram = p @ gram @ p
        p = _polynomial(gram)
        product = p @ product
    product = product / norm
    return (x, product) if tall else (product, x)


def _polynomial(gram: Tensor) -> Tensor:
    a, b, c = 3.4445, -4.7750, 2.0315
    p = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    p.diagonal().add_(a)
    return p
