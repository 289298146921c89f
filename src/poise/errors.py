"""Errors that a person can cause, each one line that names the thing at fault and the remedy."""


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
