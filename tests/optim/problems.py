"""What the tests of optimizers share: every optimizer with fitting settings, and things to optimize."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from poise.optim import OPTIMIZERS, TORCH, Base, Flat

Make = Callable[..., Base]


@dataclass(frozen=True)
class Case:
    """An optimizer.

    Attributes:
        make: takes parameters and settings.
        lr: fits a curvature of about 1.
        steep: fits curvatures up to 1000.
    """

    make: Make
    lr: float = 0.05
    steep: float = 0.01


def own(name: str, **settings: Any) -> Make:
    """Return an optimizer of the table with some settings."""
    make: Any = OPTIMIZERS[name]
    return partial(make, **settings)


CASES = {name: Case(own(name)) for name in OPTIMIZERS if name not in TORCH} | {
    "gradient-descent": Case(own("gradient-descent"), 0.5, 1e-3),
    "sgd": Case(own("sgd"), 0.5, 1e-3),
    "sgd-momentum": Case(own("sgd", momentum=0.9), 0.1, 5e-4),
    "sgd-negative": Case(own("sgd", momentum=-0.3), 0.5, 1e-3),
    "sgd-nesterov": Case(own("sgd", momentum=0.9, nesterov=True), 0.1, 5e-4),
    "sgd-complex": Case(own("sgd", momentum=0.8, angle=0.3), 0.1, 5e-4),
    "optimistic-sgd": Case(own("optimistic-sgd"), 0.3, 5e-4),
    "lion": Case(own("lion"), 0.01, 0.005),
    "radam": Case(own("radam"), 0.05, 3e-3),  # its first five steps are plain momentum
    "rmsprop": Case(own("rmsprop"), 0.01, 0.003),
    "muon": Case(own("muon"), 0.02, 0.01),
}


class Shapes(nn.Module):
    """Weights of every kind of shape and order in memory, and losses that depend on all of them."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        numbers = torch.Generator().manual_seed(5)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=numbers, dtype=torch.float64).to(dtype)

        self.scalar = nn.Parameter(normal())
        self.vector = nn.Parameter(normal(37))
        self.matrix = nn.Parameter(normal(4, 7))
        self.kernel = nn.Parameter(normal(4, 3, 3, 3))
        self.channels_last = nn.Parameter(normal(4, 3, 3, 3).to(memory_format=torch.channels_last))
        self.transposed = nn.Parameter(normal(6, 5).T)

    def loss(self, step: int) -> Tensor:
        """Return a smooth function of all weights, another one each step."""
        numbers = torch.Generator().manual_seed(step)
        total = torch.zeros((), dtype=torch.float64, device=self.channels_last.device)
        for p in self.parameters():
            factor = torch.randn(p.shape, generator=numbers, dtype=torch.float64).to(p)
            total = total + (factor * p).sin().sum()
        return total

    def copies(self) -> list[Tensor]:
        """Return the weights as they are now."""
        return [p.detach().clone() for p in self.parameters()]


def descend(module: Shapes, optimizer: torch.optim.Optimizer, steps: Iterable[int], to_none: bool = True) -> None:
    """Take a step on each of these losses."""
    for step in steps:
        optimizer.zero_grad(set_to_none=to_none)
        module.loss(step).backward()
        optimizer.step()


def on(kind: str, module: nn.Module) -> Any:
    """Return what an optimizer takes: plain parameters, or a flat buffer."""
    return list(module.parameters()) if kind == "plain" else Flat(module)


def equal(one: Iterable[Tensor], other: Iterable[Tensor]) -> bool:
    """Whether all tensors are the same, bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
