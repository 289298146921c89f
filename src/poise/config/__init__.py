"""What a run is made of, as plain values: everything that config.json holds and the command line can set.

Nothing heavy is imported here, so that `poise --help` answers at once.
"""

from .check import check
from .gamma import first_gamma
from .models import GanConfig, Penalty, RvaeConfig, VaeConfig
from .player import USUAL_LR, Clipping, PlayerConfig
from .settings import FREE_TO_CHANGE, LOWER, Config, Precision, differences, flat, from_json, override, to_json

__all__ = [
    "FREE_TO_CHANGE",
    "LOWER",
    "USUAL_LR",
    "Clipping",
    "Config",
    "GanConfig",
    "Penalty",
    "PlayerConfig",
    "Precision",
    "RvaeConfig",
    "VaeConfig",
    "check",
    "differences",
    "first_gamma",
    "flat",
    "from_json",
    "override",
    "to_json",
]
