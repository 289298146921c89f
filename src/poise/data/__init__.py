"""Images and points to train on: `load` finds them, `Dataset` holds them."""

from .cache import cache_folder
from .dataset import Dataset, Skipped
from .fetch import fetch
from .load import load

__all__ = ["Dataset", "Skipped", "cache_folder", "fetch", "load"]
