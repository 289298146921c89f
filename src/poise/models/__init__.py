"""One game per file."""

from ..config import GanConfig
from ..game import Game
from . import gan


def build(config: GanConfig, shape: tuple[int, ...]) -> Game:
    """Make the game that a model's settings describe, for samples of this shape (without the batch)."""
    return gan.build(config, shape)


__all__ = ["build"]
