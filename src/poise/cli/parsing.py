"""From words on the command line to a command, and from what tyro says of a mistake to one line."""

import contextlib
import io
import os
from typing import TypeVar

import tyro

from ..errors import PoiseError

T = TypeVar("T")


def parse(kind: type[T], program: str, args: list[str], default: T | None = None) -> T:
    """Let tyro parse; of its framed explanation of a mistake, keep one line.

    Raises:
        PoiseError: an option or value that does not exist, or one that is missing.
    """
    said = io.StringIO()
    width = os.environ.get("COLUMNS")
    try:
        if not {"-h", "--help"} & set(args):
            os.environ["COLUMNS"] = "10000"  # or the line that is kept would be folded
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=program, args=args, default=tyro.MISSING_NONPROP if default is None else default)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise PoiseError(_one_line(said.getvalue(), program)) from None
    finally:
        if width is None:
            os.environ.pop("COLUMNS", None)
        else:
            os.environ["COLUMNS"] = width


def _one_line(explanation: str, program: str) -> str:
    lines = [line.strip("│|╭╮╰╯+ ") for line in explanation.splitlines()]
    lines = [line for line in lines if line.strip("─-")]
    message = lines[1] if len(lines) > 1 else "unusable options"
    if message.startswith("Missing from"):
        named = [line.split()[0] for line in lines[2:] if line.isupper() or line.startswith("--")]
        message = "missing " + ", ".join(named)
    if "Perhaps you meant:" in lines:
        meant = lines[lines.index("Perhaps you meant:") + 1].split()[0]
        return f"{message}; did you mean {meant}?"
    return f"{message.rstrip('.')}; see {program} --help"
