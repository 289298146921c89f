"""How one player learns."""

from dataclasses import dataclass
from typing import Literal

Clipping = Literal["none", "norm", "unit", "percentile"]

# Optimizers whose betas mean the same: changing from one to another keeps a recipe's values. (Not AdaBelief: it
# measures how far gradients stray from their mean, and with beta1 = 0, which recipes may have, nothing strays.)
SAME_BETAS = {"adam", "textbook-adam", "adamw", "amsgrad", "radam", "adopt", "optimistic-adam", "muon"}
# What a recipe sets is meant for its own optimizer alone.
OWN = ("momentum", "vector_rate", "angle", "nesterov", "weight_decay", "eps")
# The learning rate an optimizer usually wants, where it is not Adam's 1e-3; a test holds it to its own default.
USUAL_LR = {
    "gradient-descent": 1e-2,
    "sgd": 1e-2,
    "optimistic-sgd": 1e-2,
    "lion": 1e-4,
    "schedule-free": 2.5e-3,
    "adagrad": 1e-2,
    "adadelta": 1.0,
    "adamax": 2e-3,
    "nadam": 2e-3,
    "asgd": 1e-2,
    "rprop": 1e-2,
}


@dataclass(frozen=True)
class PlayerConfig:
    """How one player learns. What is None is the optimizer's own default; what it has no use for is refused."""

    optimizer: str = "adam"
    """Turns a gradient into a move; see `poise list optimizers`."""
    lr: float = 2e-4
    """Learning rate at the start."""
    lr_end: float | None = None
    """Learning rate at the end, reached along half a cosine (None: constant)."""
    beta1: float | None = None
    """Decay of the gradient's running mean."""
    beta2: float | None = None
    """Decay of the squared gradient's running mean."""
    beta2_end: float | None = None
    """beta2 at the end, reached along half a cosine (None: constant)."""
    momentum: float | None = None
    """Share of the last move that is kept; may be negative."""
    vector_rate: float | None = None
    """Muon's learning rate for biases and gains, in units of lr."""
    angle: float | None = None
    """Angle of complex momentum, in radians."""
    nesterov: bool | None = None
    """Nesterov's momentum."""
    weight_decay: float | None = None
    """Pull of the weights towards zero."""
    eps: float | None = None
    """Added to the root of the squared gradient's mean."""
    clip: Clipping = "none"
    """Limit on the gradient: its norm, each unit's norm beside its weights, or a percentile of norms so far."""
    clip_limit: float | None = None
    """The norm, the share of the weights, or the percentile."""
