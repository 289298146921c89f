"""Scores of samples: one function per file, over features."""

from .authenticity import authenticity
from .birthday import birthday
from .copies import copies
from .ct_score import ct_score
from .frechet import Moments, distance, frechet, frechet_infinity, moments
from .gray import gray_levels
from .kid import kid, kid_of_all
from .modes import modes
from .ndb import ndb
from .neighbors import nearest, radii
from .prdc import prdc
from .spectrum import spectrum
from .stacked import stacked_modes
from .vendi import vendi, vendi_ratio

__all__ = [
    "Moments",
    "authenticity",
    "birthday",
    "copies",
    "ct_score",
    "distance",
    "frechet",
    "frechet_infinity",
    "gray_levels",
    "kid",
    "kid_of_all",
    "modes",
    "moments",
    "ndb",
    "nearest",
    "prdc",
    "radii",
    "spectrum",
    "stacked_modes",
    "vendi",
    "vendi_ratio",
]
