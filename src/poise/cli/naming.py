"""`poise list` and `poise data`: what there is by name."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..data.names import SETS
from ..errors import PoiseError, suggestion
from ..recipes import RECIPES
from .parsing import parse

T = TypeVar("T")


@dataclass(frozen=True)
class List:
    """Name what there is, one line each."""

    what: Annotated[Positional[str], arg(metavar="WHAT")]
    """recipes, rules, optimizers, studies, judges, metrics or data."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Fetch:
    """Download a built-in data set in full and check it against its checksums."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """Name of the set."""
    to: Path | None = None
    """Folder to keep it in (None: $POISE_DATA, or the user's data folder)."""
    url: str | None = None
    """Another place to download from."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def names(args: list[str]) -> int:
    """Print names and what they mean."""
    command = parse(List, "poise list", args)
    tables: dict[str, Callable[[], dict[str, str]]] = {
        "recipes": lambda: _first_lines(RECIPES),
        "rules": _rules,
        "optimizers": _optimizers,
        "studies": _studies,
        "judges": _judges,
        "metrics": _metrics,
        "data": lambda: {name: known.about for name, known in SETS.items()},
    }
    if command.what not in tables:
        raise PoiseError(f"nothing to list under {command.what!r}; {suggestion(command.what, tables)}")
    rows = tables[command.what]()
    if command.json:
        print(json.dumps(rows, indent=1))
    else:
        width = max(map(len, rows))
        print("\n".join(f"{name:<{width}}  {line}" for name, line in rows.items()))
    return 0


def data(args: list[str]) -> int:
    """Download a built-in set."""
    if args[:1] in ([], ["-h"], ["--help"]):
        print("usage: poise data fetch NAME [--to FOLDER] [--url URL]")
        return 0
    if args[0] != "fetch":
        raise PoiseError(f"no command 'data {args[0]}'; write: poise data fetch NAME")
    command = parse(Fetch, "poise data fetch", args[1:])

    from ..data import fetch
    from ..progress import counting

    print(fetch(command.name, to=command.to, url=command.url, progress=counting("downloading, bytes")))
    return 0


def _studies() -> dict[str, str]:
    from ..study import STUDIES

    return _first_lines(STUDIES)


def _rules() -> dict[str, str]:
    from ..rules import RULES

    return _first_lines(RULES)


def _optimizers() -> dict[str, str]:
    from ..optim import OPTIMIZERS

    return _first_lines(OPTIMIZERS)


def _judges() -> dict[str, str]:
    from ..features import FILES, JUDGES

    return _first_lines({**JUDGES, **{f"FILE{kind}": make for kind, make in FILES.items()}})


def _metrics() -> dict[str, str]:
    from ..scoring.table import METRICS

    rows = {}
    for metric in METRICS.values():
        for entry in metric.entries:
            name = entry.name.format(distance="FD", judge="")
            rows[f"{name} ({', '.join(metric.kinds)})"] = entry.about
    return rows


def _first_lines(table: Mapping[str, T]) -> dict[str, str]:
    return {name: (thing.__doc__ or "").strip().splitlines()[0] for name, thing in table.items()}
