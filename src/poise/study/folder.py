"""The folder of a study: plain files that `poise compare` writes and everything else reads.

study.json        what was asked
outcomes/         one file for each run that has ended
results.json      what they show so far; results.csv and results.parquet hold a row for each run
runs/             ordinary run folders
report.html
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..claim import lock
from ..errors import PoiseError
from ..files import TEMPORARY, write_json
from .design import Study
from .job import Job, Outcome


class StudyFolder:
    """A study on disk.

    Args:
        path: its folder.

    Attributes:
        study: what was asked.

    Raises:
        PoiseError: there is no study in that folder, or its study.json is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.study = Study.from_json(json.loads((self.path / "study.json").read_text())["study"])
        except OSError:
            raise PoiseError(f"no study in {self.path}; give the folder that `poise compare` made") from None
        except (ValueError, KeyError, TypeError):
            raise PoiseError(f"{self.path / 'study.json'} is damaged; compare again in another folder") from None

    @classmethod
    def create(cls, path: Path, study: Study, facts: dict[str, Any]) -> "StudyFolder":
        """Make the folder, or take up the study that it holds.

        Args:
            path: the folder.
            study: what is asked.
            facts: what else to remember: versions, and the command.

        Raises:
            PoiseError: it holds another study, or something else; or it cannot be written.
        """
        if (path / "study.json").exists():
            found = cls(path)
            if changed := [name for name, value in study.to_json().items() if found.study.to_json()[name] != value]:
                what = ", ".join(changed)
                raise PoiseError(f"{path} holds another study (its {what} differ); choose another folder with --out")
            return found
        strange = path.is_dir() and [child for child in path.iterdir() if TEMPORARY not in child.name]
        if path.exists() and (not path.is_dir() or strange) and not (path / "study.json").exists():
            raise PoiseError(f"{path} is no study but holds files; choose another folder with --out")
        write_json(path / "study.json", {"study": study.to_json(), **facts})
        return cls(path)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Within the context, keep other processes from running the same study here.

        Raises:
            PoiseError: another one does.
        """
        with lock(self.path):
            yield

    def results(self) -> dict[str, Any]:
        """Return what the runs show so far.

        Raises:
            PoiseError: no run has ended yet, or the file is damaged.
        """
        try:
            found: dict[str, Any] = json.loads((self.path / "results.json").read_text())
            return found
        except (OSError, ValueError):
            raise PoiseError(f"no results in {self.path} yet; run its `poise compare` command again") from None

    def outcomes(self) -> list[Outcome]:
        """Return what came of all runs that have ended, in the order of their names."""
        found = [_read(file) for file in sorted((self.path / "outcomes").rglob("*.json"))]
        return [outcome for outcome in found if outcome is not None]


def result_file(root: Path, job: Job) -> Path:
    """Return where what came of a job is kept."""
    return root / "outcomes" / f"{job.key}.json"


def outcome_of(root: Path, job: Job) -> Outcome | None:
    """Return what came of a job; None if it has not ended, or its file is damaged, and it is to be run again."""
    return _read(result_file(root, job))


def _read(file: Path) -> Outcome | None:
    try:
        return Outcome.from_json(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None
