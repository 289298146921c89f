"""Poise trains deep generative models on your own data, with optimizers that are right and fast."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import PoiseError

if TYPE_CHECKING:
    from .api import train
    from .assess import evaluate, evaluate_sets
    from .diagnosis import diagnose
    from .reports import report
    from .run import Run
    from .sequence_use import forecast, impute
    from .study import Arm, Budget, Study, compare
    from .use import encode, held_out, reconstruct

__all__ = [
    "Arm",
    "Budget",
    "PoiseError",
    "Run",
    "Study",
    "compare",
    "diagnose",
    "encode",
    "evaluate",
    "evaluate_sets",
    "forecast",
    "held_out",
    "impute",
    "reconstruct",
    "report",
    "train",
]

HOMES = {"train": "api", "Run": "run", "encode": "use", "held_out": "use", "reconstruct": "use"}
HOMES |= {"evaluate": "assess", "evaluate_sets": "assess", "forecast": "sequence_use", "impute": "sequence_use"}
HOMES |= {
    "diagnose": "diagnosis",
    "Arm": "study",
    "Budget": "study",
    "Study": "study",
    "compare": "study",
    "report": "reports",
}


def __getattr__(name: str) -> Any:
    # late: importing torch takes two seconds, which `poise --help` does not have
    if name in HOMES:
        return getattr(import_module(f".{HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'poise' has no attribute {name!r}")
