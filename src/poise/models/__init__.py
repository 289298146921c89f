"""One game per file."""

from ..config import GanConfig, VaeConfig
from ..game import Game
from . import gan, vae


def build(config: GanConfig | VaeConfig, shape: tuple[int, ...], classes: int = 0) -> Game:
    """Make the game that a model's settings describe, for samples of this shape and of so many classes."""
    return gan.build(config, shape) if isinstance(config, GanConfig) else vae.build(config, shape, classes)


__all__ = ["build"]
