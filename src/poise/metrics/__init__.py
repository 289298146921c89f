"""Scores of samples: one function per file, over features."""

from .frechet import frechet

__all__ = ["frechet"]
