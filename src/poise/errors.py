"""Errors that a person can cause, each one line that names the thing at fault and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches


class PoiseError(ValueError):
    """A mistake that the person at the keyboard can mend; the message is one line.

    Example:
        >>> raise PoiseError("no such folder: cats; give the path of a folder with images")
        Traceback (most recent call last):
        ...
        poise.errors.PoiseError: no such folder: cats; give the path of a folder with images
    """


class NonFinite(PoiseError):  # noqa: N818  (a state of the run, not of the program)
    """A loss or weight has become infinite or not a number; the message names the player."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return what a person may have meant by a word, or all that there is.

    Example:
        >>> suggestion("alternate", ["simultaneous", "alternating"])
        'did you mean alternating?'
        >>> suggestion("newton", ["simultaneous", "alternating"])
        'choose one of simultaneous, alternating'
    """
    names = list(known)
    near = get_close_matches(word, names, n=1)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}"
