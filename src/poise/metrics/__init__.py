"""Scores of samples: one function per file, over features."""

from .frechet import Moments, distance, frechet, frechet_infinity, moments
from .kid import kid, kid_of_all
from .neighbors import nearest, radii
from .prdc import prdc
from .vendi import vendi, vendi_ratio

__all__ = [
    "Moments",
    "distance",
    "frechet",
    "frechet_infinity",
    "kid",
    "kid_of_all",
    "moments",
    "nearest",
    "prdc",
    "radii",
    "vendi",
    "vendi_ratio",
]
