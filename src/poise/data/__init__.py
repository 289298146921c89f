"""Images, points, tables and series to train on: `load` finds them, `Dataset` holds them."""

from ..files import cache_folder
from .dataset import Dataset, Skipped
from .fetch import fetch
from .load import load
from .options import SeriesOptions
from .windows import Windows

__all__ = ["Dataset", "SeriesOptions", "Skipped", "Windows", "cache_folder", "fetch", "load"]
