"""The table of built-in sets and of image sizes; imports nothing heavy, so that the command line may."""

from typing import Literal, NamedTuple

Kind = Literal["images", "points"]


class BuiltIn(NamedTuple):
    """One built-in set: what it holds, and a line about it."""

    kind: Kind
    about: str


SETS: dict[str, BuiltIn] = {
    "fashion-mnist": BuiltIn("images", "garments in 10 classes, 28×28 gray; 12,000 ship inside Poise"),
    "grid": BuiltIn("points", "25 Gaussians on a 5×5 grid in the plane"),
    "ring": BuiltIn("points", "8 Gaussians on a circle in the plane"),
}

# The sides base·2ᵏ with base 4 to 7 that the networks can reach by doubling.
SIZES = (28, 32, 40, 48, 56, 64, 80, 96, 112, 128)


def kind_of(source: str) -> Kind:
    """Say what a source holds without opening it: only the toy sets hold points.

    Example:
        >>> kind_of("ring"), kind_of("photos/")
        ('points', 'images')
    """
    return SETS[source].kind if source in SETS else "images"
