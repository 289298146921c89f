"""Runs one job, in whichever process."""

import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from ..api import Interrupted, deal, train_config
from ..build import build, resolve, whole_data
from ..claim import Busy
from ..config import Config
from ..data import Dataset
from ..errors import NonFinite, PoiseError
from ..files import write_json
from ..game import Whole
from ..health import History, findings
from ..loop import by_steps, fit
from ..rng import Rng
from ..run import Run
from ..validation import Validation
from .design import Study
from .folder import outcome_of, result_file
from .job import Job, Outcome, Status, configured

LEAST = 50  # steps between checkpoints
NEVER = 10**9  # steps


def prepare(threads: int) -> None:
    """Give this process its share of the processors; whether Ctrl-C ends it, the study decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)


def work(study: Study, job: Job, root: Path) -> Outcome | None:
    """Train and score one run, and write its outcome beside it; whatever goes wrong in it is its outcome.

    Returns:
        None if another machine, which shares the folder, is at it.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the run was saved, and will go on.
    """
    if (known := outcome_of(root, job)) is not None:  # another machine was quicker
        return known
    _forget_peak()
    (arm,) = [arm for arm in study.arms if arm.name == job.arm]
    path, outcome = root / "runs" / job.key, Outcome(job, "failed", path=f"runs/{job.key}")
    try:
        config, dataset = resolve(configured(study, arm, job))
        every = _every(study, config, dataset)
        config = replace(config, sample_every=4 * every, checkpoint_every=max(3 * every, LEAST))
        config = replace(config, evaluate_every=every if job.phase == "final" else NEVER)  # of tuning the end decides
        outcome = replace(outcome, lr={name: player.lr for name, player in config.players.items()})
        run = train_config(config, dataset, path, resume=False, overwrite=False, progress=False)
        outcome = _scored(study, outcome, run, dataset)
    except NonFinite as error:
        outcome = replace(_spent(study, outcome, Run(path)), status="diverged", error=str(error))
    except Interrupted:
        raise
    except Busy:
        return None
    except Exception as error:
        said = str(error) if isinstance(error, PoiseError) else f"{type(error).__name__}: {error}"
        outcome = replace(outcome, error=said.splitlines()[0] if said else type(error).__name__)
    outcome = replace(outcome, memory=_peak())
    write_json(result_file(root, job), outcome.to_json())
    return outcome


def _every(study: Study, config: Config, dataset: Dataset) -> int:
    """Return how many steps lie between scores, so that a curve has about as many points as it should."""
    amount, steps = study.budget.amount, float(config.steps)
    if study.budget.kind == "gradients":
        steps = amount / _cost(config, dataset)
    if study.budget.kind == "examples":
        steps = amount / (len(dataset.train) if whole_data(config) else config.batch)
    return max(1, round(steps / study.points))


def _cost(config: Config, dataset: Dataset) -> int:
    """Return the gradients that a step takes: found by two steps, of which the first may pay more."""
    batches, seen = deal(config, dataset), list[int]()
    if isinstance(batches, Whole):
        return len(config.players) * len(batches.sizes)
    with suppress(NonFinite):
        fit(build(config, dataset), batches, progress=by_steps(2), every=[lambda t, _: seen.append(t.gradients)])
    return seen[1] - seen[0] if len(seen) == 2 else len(config.players)


def _scored(study: Study, outcome: Outcome, run: Run, dataset: Dataset) -> Outcome:
    outcome = _spent(study, outcome, run)
    score = outcome.curve[-1] if outcome.curve else None
    if outcome.job.phase == "final":
        held_out = replace(dataset, valid=dataset.test, valid_labels=dataset.test_labels)
        with torch.no_grad():
            game = run.game(best=False)  # what the budget's end has left, not the best moment before
            score = Validation(run, held_out).scores(game, Rng(outcome.job.seed).at(0))[study.score]
    failures = [found for found in findings(History(run.metrics())) if found.level == "failure"]
    status: Status = "finished"
    if failures:
        status = "diverged" if failures[0].code == "divergence" else "collapsed"
    return replace(outcome, score=score, status=status, error="; ".join(found.sentence for found in failures))


def _spent(study: Study, outcome: Outcome, run: Run) -> Outcome:
    lines = run.metrics()
    if not lines:
        return outcome
    name, kind = f"valid.{study.score}", study.budget.kind
    points = [line for line in lines if name in line]
    spent = [line["seconds"] / 60 if kind == "minutes" else line[kind] for line in points]
    last = max(lines, key=lambda line: line["step"])
    gradients = max(int(line.get("gradients", 0)) for line in lines)
    return replace(
        outcome,
        spent=tuple(spent),
        curve=tuple(line[name] for line in points),
        steps=int(last["step"]),
        gradients=gradients,
        examples=int(last["examples"]),
        seconds=last["seconds"],
        pace=_pace(lines),
    )


def _pace(lines: Sequence[Mapping[str, float]]) -> float:
    """Return seconds a step: the median between lines, since scores and looks come after few of them.

    Example:
        >>> logged = {10: 1.0, 20: 2.0, 30: 7.5, 40: 8.5}  # a score after step 20
        >>> _pace([{"step": step, "seconds": seconds} for step, seconds in logged.items()])
        0.1
    """
    logged = sorted({line["step"]: line["seconds"] for line in lines}.items())
    paces = [(after - before) / (next_step - step) for (step, before), (next_step, after) in pairwise(logged)]
    return median(paces or [seconds / step for step, seconds in logged])


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak begins anew


def _peak() -> float | None:
    """Return the most memory that this process has held since `_forget_peak`, in megabytes."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{os.getpid()}/status").read_text())
    except OSError:
        return None
    return None if found is None else int(found[1]) / 1024
