"""`poise report`: a page to look at."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .parsing import parse


@dataclass(frozen=True)
class Report:
    """Make one offline HTML file of a run, of several side by side, or of a study."""

    folders: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN|STUDY")]
    """Folders that `poise train` or `poise compare` made."""
    out: Path | None = None
    """The file (None: report.html in the folder, or here for several)."""
    open: Annotated[bool, FlagCreatePairsOff] = False
    """Show it in the browser."""
    serve: Annotated[bool, FlagCreatePairsOff] = False
    """Show a live page at http://127.0.0.1, which follows a run while it is trained, until Ctrl-C."""
    port: int = 8642
    """Of the live page; 0: any that is free."""
    mixed: Annotated[bool, FlagCreatePairsOff] = False
    """Allow runs on different data sets side by side."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def report(args: list[str]) -> int:
    """Write a report, or serve it."""
    command = parse(Report, "poise report", args)
    if not command.folders:
        raise PoiseError("RUN is missing; name a run folder, several, or a study")
    if command.serve:
        return _serve(command)

    from ..reports import report

    path = report(command.folders, out=command.out, mixed=command.mixed)
    size = path.stat().st_size
    print(json.dumps({"report": str(path), "bytes": size}) if command.json else f"report: {path} ({size / 1e6:.1f} MB)")
    if command.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return 0


def _serve(command: Report) -> int:
    from ..reports.serve import server

    with server(command.folders, command.port, command.mixed) as served:
        address = f"http://127.0.0.1:{served.server_address[1]}/"
        print(f"live report: {address}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if command.open:
            import webbrowser

            webbrowser.open(address)
        try:
            served.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0
