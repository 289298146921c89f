"""Curing a run: back to the last healthy checkpoint, one change, and on; what does not help is undone.

config.json remembers every attempt under "cures", beside the settings as they were asked for; the last one holds.
So a run that was killed at any instant goes on in the attempt that it was in. Every attempt begins from the same
checkpoint, that of checkpoints/healthy, or anew if there was none before the failure. One that gives the discriminator
another shape always begins anew, with both players: a trained generator would be led astray by a discriminator that
knows nothing.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import checkpoint
from .files import write_folder
from .health import Finding
from .health.cures import MOST, RESHAPING, Change, next_cure
from .run import Run

AS_ASKED = "as asked"  # the attempt that follows when nothing has helped
KEPT = 4  # checkpoints, so that one is from before the signals of a failure began


@dataclass(frozen=True)
class Attempt:
    """One attempt to mend a run.

    Attributes:
        name: of the cure.
        code: the failure that it is meant for.
        found: the step at which that was seen.
        start: the step that the attempt goes on from.
        change: of the settings.
    """

    name: str
    code: str
    found: int
    start: int
    change: Change

    def finding(self, number: int) -> Finding:
        """Return the note of it in findings.jsonl."""
        what = ", ".join(f"{name} {value}" for name, value in self.change.items()) or "settings as they were asked for"
        sentence = f"{self.code} at step {self.found:,}: back to step {self.start:,} with {what}"
        return Finding("cure", "note", self.start, self.start, sentence, {"attempt": number, "found": self.found})


def attempt(run: Run, finding: Finding) -> Attempt:
    """Write the next attempt against a curable failure into the run and return it.

    Nothing else of the run is changed here: `restore` does the rest, and would after a kill.
    """
    asked, before = run.asked, [Attempt(**entry) for entry in run.cures]
    code = before[0].code if before else finding.code
    if not before:
        _keep_healthy(run, finding.since)
    chosen = next_cure(code, asked, [entry.name for entry in before])
    name, change = chosen or (AS_ASKED, {})
    kept = None if RESHAPING & set(change) else checkpoint.latest(_healthy(run))[0]
    new = Attempt(name, finding.code, finding.step, 0 if kept is None else _step(kept), change)
    run.set_cures([*run.cures, asdict(new)])
    return new


def curable(run: Run, finding: Finding) -> bool:
    """Whether something is left to try against a finding."""
    if finding.level != "failure" or (run.cures and run.cures[-1]["name"] == AS_ASKED):
        return False
    return bool(run.cures) or next_cure(finding.code, run.asked, []) is not None


def newest(run: Run) -> tuple[Path | None, list[str]]:
    """Return the checkpoint that the last attempt goes on from, and warnings; those of other attempts are removed."""
    for path in (*run.checkpoints.glob("step-*"), *run.best.glob("step-*")):
        if checkpoint.damage(path) is None and _attempt_of(path) != len(run.cures):
            shutil.rmtree(path)
    found, warnings = checkpoint.latest(run.checkpoints)
    if found is None and run.cures and run.cures[-1]["start"]:
        found, more = checkpoint.latest(_healthy(run))
        warnings += more
    return found, warnings


def told(attempt: Attempt, number: int) -> str:
    """Return a line for a person to read."""
    return f"cure {min(number, MOST)} of at most {MOST}, {attempt.name}: {attempt.finding(number).sentence}"


def tell(run: Run) -> None:
    """Write a note of each attempt that has none yet into findings.jsonl."""
    noted = sum(finding.code == "cure" for finding in run.findings())
    for number, entry in enumerate(run.cures, 1):
        if number > noted:
            run.add_finding(Attempt(**entry).finding(number))


def _keep_healthy(run: Run, since: int) -> None:
    """Copy the newest checkpoint from before the signals of a failure, if there is one."""
    paths = sorted(run.checkpoints.glob("step-*"), key=_step)
    usable = [path for path in paths if _step(path) < since and checkpoint.damage(path) is None]
    if not usable:
        return
    path = usable[-1]
    _healthy(run).mkdir(exist_ok=True)

    def fill(folder: Path) -> None:
        shutil.copytree(path, folder, dirs_exist_ok=True)

    write_folder(_healthy(run) / path.name, fill)


def _healthy(run: Run) -> Path:
    return run.checkpoints / "healthy"


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def _attempt_of(path: Path) -> int:
    state: dict[str, Any] = json.loads((path / "state.json").read_text())
    return int(state.get("cures", 0))
