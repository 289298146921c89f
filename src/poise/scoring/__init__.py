"""Scores of samples: which there are, beside floors, with intervals."""

from .compare import LEAST, MOST_TRAINING, USUAL, Sets, chosen, compare, count
from .score import Score, table, to_json

__all__ = ["LEAST", "MOST_TRAINING", "USUAL", "Score", "Sets", "chosen", "compare", "count", "table", "to_json"]
