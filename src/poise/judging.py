"""A run's health from what its folder holds, whole or damaged; nothing is loaded or computed anew."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import PoiseError
from .health import Finding, History, findings
from .run import Run, lines_of
from .watch import verdict


class Judged(NamedTuple):
    """What is known of a run's health.

    Attributes:
        run: None if config.json cannot be used.
        lines: of metrics.jsonl, as far as they are whole.
        watched: whether there is anything to judge by.
        standing: the findings that hold at the end of what is known.
        earlier: those that were raised while the run was trained and hold no more.
        unread: what of the folder could not be used, and why.
    """

    run: Run | None
    lines: list[dict[str, Any]]
    watched: bool
    standing: tuple[Finding, ...]
    earlier: tuple[Finding, ...]
    unread: list[str]

    @property
    def verdict(self) -> str:
        """The code of the worst finding that holds, or "healthy"; "unknown" if there is nothing to judge by."""
        return verdict(list(self.standing)) if self.watched else "unknown"

    @property
    def worst(self) -> Finding | None:
        """The finding that the verdict names."""
        return next((finding for finding in self.standing if finding.code == self.verdict), None)


def opened(path: Path) -> tuple[Run | None, list[dict[str, Any]], list[str]]:
    """Return a run, the lines of its metrics, and what could not be used.

    Raises:
        PoiseError: there is no run in that folder.
    """
    if not any((path / name).exists() for name in ("config.json", "metrics.jsonl", "checkpoints")):
        raise PoiseError(f"no run in {path}; give the folder that `poise train` made")
    unread: list[str] = []
    try:
        run = Run(path)
    except PoiseError as error:
        run = None
        unread.append(str(error))
    return run, _read(path / "metrics.jsonl", unread), unread


def judged(
    path: Path, run: Run | None, lines: list[dict[str, Any]], unread: list[str], now: Sequence[Mapping[str, Any]] = ()
) -> Judged:
    """Judge a run by its lines, or by others.

    Args:
        path: its folder.
        run: from `opened`.
        lines: from `opened`.
        unread: from `opened`; what more cannot be used is added.
        now: signals to judge by in the place of those in the lines.
    """
    named = {} if run is None else {"recipe": run.config.recipe, "data": run.config.data}
    raised = _raised(path / "findings.jsonl", unread)
    history = History([*now] or lines, run=str(path), **named)
    standing = findings(history)
    held = {finding.code for finding in standing}
    ended = [finding for finding in raised if finding.code == "divergence" and not finding.evidence.get("finite", 1)]
    earlier = [finding for finding in raised if finding.code not in held and finding not in ended]
    standing = [finding for finding in ended if finding.code not in held] + standing
    return Judged(run, lines, bool(history.watched or ended), tuple(standing), tuple(earlier), unread)


def _read(path: Path, unread: list[str]) -> list[dict[str, Any]]:
    """Return the lines of a file that are whole, and note it if some are not."""
    if not path.exists():
        return []
    lines = [line for line in lines_of(path) if isinstance(line.get("step"), int)]
    cut = len(path.read_bytes().splitlines()) - len(lines)
    if cut:
        unread.append(f"{path.name}: {cut} damaged line{'s' if cut > 1 else ''} at its end")
    return lines


def _raised(path: Path, unread: list[str]) -> list[Finding]:
    found = []
    for line in _read(path, unread):
        try:
            found.append(Finding.from_json(line))
        except ValueError as error:
            unread.append(f"{path.name}: {error}")
    return found
