"""Poise trains deep generative models on your own data, with optimizers that are right and fast."""

from typing import TYPE_CHECKING, Any

from .errors import PoiseError

if TYPE_CHECKING:
    from .api import train
    from .run import Run

__all__ = ["PoiseError", "Run", "train"]


def __getattr__(name: str) -> Any:
    # late: importing torch takes two seconds, which `poise --help` does not have
    if name == "train":
        from .api import train

        return train
    if name == "Run":
        from .run import Run

        return Run
    raise AttributeError(f"module 'poise' has no attribute {name!r}")
