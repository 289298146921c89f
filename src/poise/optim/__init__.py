"""How a gradient becomes a move. Nothing here imports the rest of Poise."""

from collections.abc import Callable

import torch

from .adabelief import AdaBelief
from .adam import Adam
from .adamw import AdamW
from .adopt import ADOPT
from .amsgrad import AMSGrad
from .average import Average
from .base import Base
from .clip import Clip, ClipNorm, ClipPercentile, ClipUnits
from .convergence import Convergence
from .elementwise import Elementwise
from .flat import Flat, Vector, rehome
from .gradient_descent import GradientDescent
from .lion import Lion
from .muon import Muon
from .optimistic import OptimisticAdam, OptimisticSGD
from .radam import RAdam
from .rmsprop import RMSprop
from .schedule_free import ScheduleFree
from .sgd import SGD
from .textbook_adam import TextbookAdam
from .torch_own import TORCH

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "gradient-descent": GradientDescent,
    "sgd": SGD,
    "adam": Adam,
    "textbook-adam": TextbookAdam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "radam": RAdam,
    "rmsprop": RMSprop,
    "lion": Lion,
    "adabelief": AdaBelief,
    "adopt": ADOPT,
    "optimistic-sgd": OptimisticSGD,
    "optimistic-adam": OptimisticAdam,
    "schedule-free": ScheduleFree,
    "muon": Muon,
    **TORCH,
}

__all__ = [
    "ADOPT",
    "OPTIMIZERS",
    "SGD",
    "TORCH",
    "AMSGrad",
    "AdaBelief",
    "Adam",
    "AdamW",
    "Average",
    "Base",
    "Clip",
    "ClipNorm",
    "ClipPercentile",
    "ClipUnits",
    "Convergence",
    "Elementwise",
    "Flat",
    "GradientDescent",
    "Lion",
    "Muon",
    "OptimisticAdam",
    "OptimisticSGD",
    "RAdam",
    "RMSprop",
    "ScheduleFree",
    "TextbookAdam",
    "Vector",
    "rehome",
]
