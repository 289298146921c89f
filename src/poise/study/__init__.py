"""Studies: arms under an equal budget, tuned alike, compared on several seeds."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..build import build, resolve
from ..errors import PoiseError
from ..files import write_json
from . import engine, table
from .design import Arm, Budget, Study
from .engine import Stopped
from .folder import StudyFolder
from .job import Job, Outcome, configured
from .results import summarize
from .studies import STUDIES, own, ready
from .table import lines
from .tuning import best, proposals, runs, together

Told = Callable[[Outcome, int, int], None]  # an outcome, how many there are now, and how many there will be


def compare(
    study: str | Study,
    data: str | Sequence[str] = (),
    *,
    out: str | Path | None = None,
    workers: int = 1,
    share: bool = False,
    told: Told = lambda outcome, done, jobs: None,
    **changes: Any,
) -> StudyFolder:
    """Run a study, or go on with the one that `out` already holds.

    For each arm and data set, learning rates are tried under the study's budget and scored on a validation part; with
    the best of them final runs follow, with other seeds, that are scored on the test part.

    Args:
        study: a name of `poise list studies`, or a `Study`.
        data: one data set or several, for a study given by name.
        out: the study's folder; studies/NAME-DATA unless given.
        workers: runs side by side; processors are divided among them.
        share: let other machines, or processes, work on the same folder: whoever begins a run holds its lock.
        told: called with each run's outcome.
        changes: fields of `Study` to change, such as `seeds=(0, 1)`.

    Returns:
        The folder, with its results.

    Raises:
        PoiseError: a mistake in the study, the data or the folder; the message names the remedy.
        Stopped: Ctrl-C or SIGTERM came; the same call again goes on.

    Example:
        >>> import poise
        >>> arms = (poise.Arm("adam", "gan", {"optimizer": "adam"}), poise.Arm("sgd", "gan", {"optimizer": "sgd"}))
        >>> study = poise.Study("two", ("ring",), arms, poise.Budget("gradients", 40), "coverage", trials=1, seeds=(0,))
        >>> found = poise.compare(study, out=tmp / "two").results()
        >>> [arm["name"] for arm in found["sets"][0]["arms"]]
        ['adam', 'sgd']
    """
    if isinstance(study, str):
        study = ready(study, (data,) if isinstance(data, str) else tuple(data))
    study = replace(study, **changes)
    study.check()
    if workers < 1:
        raise PoiseError(f"--workers is {workers}; give at least 1")
    players = _checked(study)
    where = Path(out) if out is not None else default_folder(study)
    versions = {name: version(name) for name in ("poise", "torch", "numpy")}
    folder = StudyFolder.create(where, study, {"versions": versions, "command": sys.argv})
    with nullcontext() if share else folder.claimed():
        _run(folder, players, workers, told)
    return folder


def default_folder(study: Study) -> Path:
    """Return studies/NAME-DATA."""
    names = "-".join(Path(name).name.split(".")[0] for name in study.data)
    return Path("studies") / f"{study.name}-{names}"


def _checked(study: Study) -> dict[str, int]:
    """Resolve every arm on every data set before anything runs; return how many players each arm has.

    Raises:
        PoiseError: an arm that cannot be trained, or a score that it cannot have, with the arm's name.
    """
    kinds, players = {}, {}
    for data in study.data:
        for arm in study.arms:
            first = Job(data, arm.name, "final", (1.0,), study.seeds[0])
            try:
                config, dataset = resolve(configured(study, arm, first))
                build(config, dataset)  # whether the rule can play with these optimizers
            except PoiseError as error:
                raise PoiseError(f"arm {arm.name}: {error}") from None
            if not len(dataset.test):
                raise PoiseError(f"{data} has nothing held out to compare by; add data")
            kinds[data], players[arm.name] = dataset.kind, len(config.players)
    if len(set(kinds.values())) > 1:
        said = ", ".join(f"{data} holds {kind}" for data, kind in kinds.items())
        raise PoiseError(f"one study compares data of one kind, and {said}; make a study of each")
    if len(set(players.values())) > 1 and study.each_player:
        raise PoiseError("arms of different numbers of players would get different numbers of trials; tune one factor")
    return players


def _run(folder: StudyFolder, players: dict[str, int], workers: int, told: Told) -> None:
    study, root = folder.study, folder.path
    pairs = [(data, arm) for data in study.data for arm in study.arms]
    tuning_runs = sum(_trials(study, players[arm.name]) for _, arm in pairs) * len(study.tuning_seeds)
    jobs = tuning_runs * (study.trials > 1) + len(pairs) * len(study.seeds)
    saved = time.monotonic()

    def note(outcome: Outcome) -> None:
        nonlocal saved
        outcomes = folder.outcomes()
        told(outcome, len(outcomes), jobs)
        if time.monotonic() - saved > 1:  # short runs should not wait for tables
            _write(folder, outcomes, jobs)
            saved = time.monotonic()

    tuned: dict[tuple[str, str], list[Outcome]] = {(data, arm.name): [] for data, arm in pairs}
    while study.trials > 1:
        wanted: list[Job] = []
        for data, arm in pairs:
            tried = together(study, tuned[data, arm.name])
            for factors in proposals(study, data, arm, players[arm.name], tried):
                wanted += runs(study, data, arm, factors)
        if not wanted:
            break
        for outcome in engine.run(study, wanted, root, workers, note):
            tuned[outcome.job.data, outcome.job.arm].append(outcome)
    final = []
    for data, arm in pairs:
        tried = together(study, tuned[data, arm.name]) or {(1.0,): 0.0}
        final += [Job(data, arm.name, "final", best(tried), seed) for seed in study.seeds]
    engine.run(study, final, root, workers, note)
    _write(folder, folder.outcomes(), jobs)


def _trials(study: Study, players: int) -> int:
    return int(study.trials ** (players if study.each_player else 1))


def _write(folder: StudyFolder, outcomes: Sequence[Outcome], jobs: int) -> None:
    write_json(folder.path / "results.json", summarize(folder.study, outcomes, jobs))
    table.save(folder.study, outcomes, folder.path)


__all__ = ["STUDIES", "Arm", "Budget", "Stopped", "Study", "StudyFolder", "compare", "lines", "own", "ready"]
