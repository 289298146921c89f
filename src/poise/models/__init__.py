"""One game per file."""

from ..config import GanConfig, VaeConfig
from ..game import Game
from . import gan, vae


def build(config: GanConfig | VaeConfig, shape: tuple[int, ...]) -> Game:
    """Make the game that a model's settings describe, for samples of this shape (without the batch)."""
    return gan.build(config, shape) if isinstance(config, GanConfig) else vae.build(config, shape)


__all__ = ["build"]
