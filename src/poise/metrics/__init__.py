"""Scores of samples: one function per file, over features."""

from .authenticity import authenticity
from .birthday import birthday
from .copies import copies
from .ct_score import ct_score
from .frechet import frechet
from .gray import gray_levels
from .modes import modes
from .ndb import ndb
from .spectrum import spectrum
from .stacked import stacked_modes

__all__ = [
    "authenticity",
    "birthday",
    "copies",
    "ct_score",
    "frechet",
    "gray_levels",
    "modes",
    "ndb",
    "spectrum",
    "stacked_modes",
]
