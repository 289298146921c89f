"""Health: from the signals of a run to findings, and from findings to cures.

A check is a pure function of the history of signals, so it says the same while a run is trained and long after.
"""

from .finding import Finding, Level
from .history import History

__all__ = ["Finding", "History", "Level", "findings"]

def findings(history):
    return []
