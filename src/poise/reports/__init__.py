"""Run and study folders as one HTML file that needs nothing else: no server, no network, no installation."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import PoiseError
from ..files import write_file
from ..run import Run
from . import one_run, one_study
from .page import render

NAME = "report.html"


def report(
    paths: str | Path | Run | Sequence[str | Path | Run], *, out: str | Path | None = None, mixed: bool = False
) -> Path:
    """Write the report of a run, of several runs side by side, or of a study.

    Args:
        paths: a run folder, several, or the folder of a study. What of a run cannot be read is named in the page.
        out: the file; report.html in the run's or study's folder, or here for several runs, unless given.
        mixed: allow runs on different data sets side by side.

    Returns:
        The file.

    Raises:
        PoiseError: no run or study in a folder, runs of different data sets, or a file that cannot be written.

    Example:
        >>> import poise
        >>> run = poise.train("gan", "ring", steps=20, out=tmp / "reported", progress=False)
        >>> poise.report(run).name
        'report.html'
    """
    given = [paths] if isinstance(paths, str | Path | Run) else list(paths)
    folders = [path.path if isinstance(path, Run) else Path(path) for path in given]
    if not folders:
        raise PoiseError("no folder is given; name a run, several, or a study")
    target = Path(out) if out is not None else (folders[0] if len(folders) == 1 else Path()) / NAME
    write_file(target, html(folders, target, mixed).encode())
    return target


def html(folders: Sequence[Path], target: Path, mixed: bool = False) -> str:
    """Return the page.

    Args:
        folders: as of `report`.
        target: where it will be, from which it links to runs.
        mixed: as of `report`.
    """
    studies = [folder for folder in folders if (folder / "study.json").exists()]
    if studies and len(folders) > 1:
        raise PoiseError(f"{studies[0]} is a study; report one study at a time, or runs side by side")
    if studies:
        return render(one_study.page(studies[0], target))
    runs = [one_run.view(folder) for folder in folders]
    names = {run["data"] for run in runs if run["data"]}
    if len(names) > 1 and not mixed:
        raise PoiseError(
            f"these runs are on different data ({', '.join(sorted(names))}); give --mixed if that is meant"
        )
    return render(one_run.page(runs))
