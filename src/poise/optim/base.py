"""What surrounds a step in every optimizer of Poise: half steps, averages, clipping, saving and copying."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from .average import Average
from .clip import Clip
from .flat import Vector

Params = Iterable[nn.Parameter] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
Move = tuple[dict[str, Any], Tensor, Tensor]  # a group, one of its parameters, and its gradient
HALF = {torch.bfloat16, torch.float16}

# torch wraps these so that its compiler passes over them, and the first call of any imports that compiler, which takes
# two seconds of a process; no compiler comes by here
_add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
_state_dict = unwrap(torch.optim.Optimizer.state_dict)
_load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)


class Base(torch.optim.Optimizer, ABC):
    """An ordinary `torch.optim.Optimizer` that takes a `Flat` too, and can take half steps, average and clip.

    A subclass says in `_move_all` how weights move; parameter groups, closures, schedulers, `state_dict`, deepcopy
    and `GradScaler` work.

    Args:
        params: parameters, groups of them, or a `Flat`.
        defaults: the groups' settings, `lr` among them.
        clip: limits the gradient before it is used; see `poise.optim.clip`.
    """

    _step_supports_amp_scaling = True  # torch.amp.GradScaler then leaves unscaling to the pass

    def __init__(self, params: Params, defaults: dict[str, Any], clip: Clip | None = None) -> None:
        if defaults["lr"] < 0:
            raise ValueError(f"lr is {defaults['lr']}; give a number of at least 0")
        super().__init__(params, defaults)
        self.clip = clip
        self._averages: dict[Tensor, Average] = {}
        self._spare: dict[Tensor, Tensor] = {}  # memory for half steps, kept between them

    @abstractmethod
    def _move_all(self, moves: Sequence[Move], scale: float, factor: Tensor | None, half: bool) -> None:
        """Move parameters; their gradients count times `scale` and, if there is one, times `factor`.

        Unless it is a half step, weights in state["saved"] are where to start from, and averages take in the new ones.
        """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move along the gradient; after `extrapolate`, start from where that started.

        Args:
            closure: recomputes the loss and its gradient; called first.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._pass(half=False)
        return loss

    @torch.no_grad()
    def extrapolate(self) -> None:
        """Take a half step, remembering the weights; the next `step` starts from those again (extragradient).

        The state moves in both, as in Gidel et al. 2019 (arXiv:1802.10551), algorithm 4.

        Raises:
            RuntimeError: the last half step has not been followed by a step.
        """
        if any("saved" in state for state in self.state.values()):
            raise RuntimeError("two half steps in a row; call step() after extrapolate()")
        self._pass(half=True)

    def keep_average(self, average: Average) -> None:
        """Let the step update an average of the weights in the same pass."""
        self._averages[average.flat.vector] = average

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients. A flat vector's are zeroed in place, since its parameters hold views of them."""
        for group in self.param_groups:
            for p in group["params"]:
                if isinstance(p, Vector):
                    p.forget()
                elif set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.detach_().zero_()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own, as `torch.optim.Optimizer` does."""
        _add_param_group(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        """Return the state, the groups' settings, and what the clip remembers."""
        return {**_state_dict(self), "clip": self.clip.state_dict() if self.clip is not None else {}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a `state_dict`; unlike torch's, it keeps the precision of the state and shares no memory."""
        _load_state_dict(self, state_dict)
        if self.clip is not None and state_dict.get("clip"):
            self.clip.load_state_dict(state_dict["clip"])
        saved = [i for group in state_dict["param_groups"] for i in group["params"]]
        own = [p for group in self.param_groups for p in group["params"]]
        for index, p in zip(saved, own, strict=True):
            for name, value in state_dict["state"].get(index, {}).items():
                if isinstance(value, Tensor):
                    self.state[p][name] = value.detach().clone().to(p.device)

    def __getstate__(self) -> dict[str, Any]:
        # torch's own leaves out everything but state and groups, and so a copy would lose the rest
        return {**super().__getstate__(), "clip": self.clip, "_averages": self._averages, "_spare": {}}

    def _pass(self, half: bool) -> None:
        moves: list[Move] = []
        if not self._found_infinite():
            moves = [
                (group, p, _gradient(p))
                for group in self.param_groups
                for p in group["params"]
                if p.grad is not None or isinstance(p, Vector)
            ]
        if half:
            for _, p, _ in moves:
                self._save(p)
        if moves:
            self._move_all(moves, *self._limit(moves), half)
            increment_version([p for _, p, _ in moves])
        if not half:
            self._forget_saved()

    def _save(self, p: Tensor) -> None:
        """Keep the weights of before a half step."""
        self.state[p]["saved"] = self._room(p).copy_(p)

    def _room(self, p: Tensor) -> Tensor:
        """Return memory for saved weights, the same each time."""
        if p not in self._spare:
            self._spare[p] = torch.empty_like(p)
        return self._spare[p]

    def _limit(self, moves: Sequence[Move]) -> tuple[float, Tensor | None]:
        """Return the numbers by which gradients must be multiplied: GradScaler's and the clip's."""
        scale = getattr(self, "grad_scale", None)  # set by GradScaler around the step
        number = 1.0 if scale is None else 1.0 / scale.item()
        if self.clip is None:
            return number, None
        if number != 1.0:
            torch._foreach_mul_([g for _, _, g in moves], number)
        return 1.0, self.clip([(p, g) for _, p, g in moves])

    def _forget_saved(self) -> None:
        """End the half step; what got no (finite) gradient for the full one goes back to where it started."""
        for p, state in self.state.items():
            if "saved" in state:
                p.copy_(state.pop("saved"))

    def _found_infinite(self) -> bool:
        found = getattr(self, "found_inf", None)  # set by GradScaler around the step
        return found is not None and bool(found.item())


def arithmetic(p: Tensor) -> torch.dtype:
    """Return the type in which weights are moved: float32 for half precision."""
    return torch.float32 if p.dtype in HALF else p.dtype


def _gradient(p: Tensor) -> Tensor:
    """Return the gradient in the memory order of the weights, which a pass over raw memory relies on."""
    if isinstance(p, Vector):
        return p.collect()
    g = p.grad
    assert g is not None
    if g.is_sparse:
        raise RuntimeError("gradients are sparse; use sparse=False in the embedding, or torch.optim.SparseAdam")
    return g if g.stride() == p.stride() else torch.empty_like(p).copy_(g)
