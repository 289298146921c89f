"""How a gradient becomes a move. Nothing here imports the rest of Poise."""

from collections.abc import Callable

import torch

from .adam import adam
from .average import Average
from .flat import Flat, rehome

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": adam}

__all__ = ["OPTIMIZERS", "Average", "Flat", "adam", "rehome"]
