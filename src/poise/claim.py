"""Whose folder is it? What must hold before a run may be written somewhere, and the lock while it is."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .config import FREE_TO_CHANGE, Config, differences
from .errors import PoiseError
from .files import writing
from .run import Run

LOCK = "lock"
RUN_FILES = (
    "config.json",
    "metrics.jsonl",
    "findings.jsonl",
    "evaluations.jsonl",
    "samples",
    "checkpoints",
    "skipped.txt",
    "report.html",
    "tensorboard",
)


class Busy(PoiseError):  # noqa: N818  (nothing is wrong with the folder)
    """Another process is writing there."""


def claim(path: Path, config: Config, fingerprint: str, *, resume: bool, overwrite: bool) -> bool:
    """Make sure that a run of this configuration may be written into a folder; change nothing.

    Args:
        path: the folder, which need not exist.
        config: the resolved configuration.
        fingerprint: that of the data.
        resume: insist that there is a run.
        overwrite: a run that is there may go.

    Returns:
        Whether the folder holds a run to go on with.

    Raises:
        PoiseError: the folder holds another run, or something that is no run; or there is none to resume.
    """
    if (path / "config.json").exists():
        if not overwrite:
            _same(Run(path), config, fingerprint)
        return not overwrite
    if resume:
        raise PoiseError(f"no run in {path} to go on with; leave --resume out to begin one")
    if path.exists() and not path.is_dir():
        raise PoiseError(f"{path} is a file; choose another folder with --out")
    for child in path.iterdir() if path.exists() else ():
        if child.name not in (*RUN_FILES, LOCK) or (child.is_dir() and any(child.iterdir())):
            raise PoiseError(f"{path} is no run but holds files ({child.name}); choose another folder with --out")
    return False


def clear(path: Path) -> None:
    """Remove a run's own files from a folder, and nothing else."""
    for name in RUN_FILES:
        target = path / name
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Make the folder and, within the context, keep every other process from training into it.

    The system frees the lock when the process ends, however it ends.

    Raises:
        Busy: another process is training there.
        PoiseError: the folder cannot be made.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (path / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(f"another process is training in {path}; choose another folder with --out") from None
        yield


def _same(run: Run, config: Config, fingerprint: str) -> None:
    found = differences(run.asked, config)
    changed = {name: values for name, values in found.items() if name not in FREE_TO_CHANGE | {"data"}}
    if run.data["fingerprint"] != fingerprint:
        changed["data"] = (f"{run.config.data} as it was", config.data)
    if run.data["kind"] != "series" and None in found.get("evaluate_every", ()):
        changed["evaluate_every"] = found["evaluate_every"]  # whether rows are set aside, and so what is trained on
    if changed:
        fields = ", ".join(f"{name} {was} → {now}" for name, (was, now) in changed.items())
        raise PoiseError(
            f"{run.path} holds another configuration ({fields}); choose another --out, or --overwrite to begin anew"
        )
