"""From the outcomes of runs to what a study shows."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import inf, isfinite, nan
from statistics import fmean, median
from typing import Any

import numpy as np

from .design import Arm, Study
from .job import Outcome
from .statistics import bootstrap, holm, mean_ranks, paired, profile
from .tuning import best, oriented, together
from .verdict import verdict

TAUS = tuple(float(tau) for tau in np.geomspace(1, 10, 40))
GRID = 24  # points of a curve's common axis


def summarize(study: Study, outcomes: Sequence[Outcome], jobs: int) -> dict[str, Any]:
    """Return everything that results.json holds.

    Args:
        study: what was asked.
        outcomes: of the runs so far.
        jobs: how many runs there will be.
    """
    sets = [_of_set(study, data, [o for o in outcomes if o.job.data == data]) for data in study.data]
    found = {
        "name": study.name,
        "data": list(study.data),
        "score": {"name": study.score, "better": "lower" if study.lower else "higher", "target": study.target},
        "budget": {"kind": study.budget.kind, "amount": study.budget.amount},
        "done": len(outcomes),
        "jobs": jobs,
        "sets": sets,
        "profiles": _profiles(study, outcomes) if len(study.data) > 1 else [],
    }
    plain: dict[str, Any] = _plain({**found, "verdict": verdict(study, found)})
    return plain


def _of_set(study: Study, data: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    final = {arm.name: _seeded(study, arm, outcomes) for arm in study.arms}
    ranks = mean_ranks({name: [oriented(study, o) if o else inf for o in runs] for name, runs in final.items()})
    arms = [_of_arm(study, arm, outcomes, final[arm.name], ranks[arm.name]) for arm in study.arms]
    return {"data": data, "arms": arms, "tests": _tests(study, final)}


def _seeded(study: Study, arm: Arm, outcomes: Sequence[Outcome]) -> list[Outcome | None]:
    by = {o.job.seed: o for o in outcomes if o.job.phase == "final" and o.job.arm == arm.name}
    return [by.get(seed) for seed in study.seeds]


def _of_arm(
    study: Study, arm: Arm, outcomes: Sequence[Outcome], final: Sequence[Outcome | None], rank: float
) -> dict[str, Any]:
    runs = [run for run in final if run is not None]
    values = [usable(study, run) for run in final]
    known = [value for value in values if value is not None]
    mean, low, high = bootstrap(known) if known else (nan, nan, nan)
    tuned = [o for o in outcomes if o.job.phase == "tuning" and o.job.arm == arm.name]
    statuses = [run.status for run in runs]
    return {
        "name": arm.name,
        "settings": {"recipe": arm.recipe, **arm.changes},
        "runs": [run.path for run in runs],
        "statuses": statuses,
        "errors": sorted({run.error for run in runs if run.error}),
        "failed": fmean(failed(study, run) for run in runs) if runs else nan,
        "score": {"values": values, "mean": mean, "low": low, "high": high},
        "rank": rank,
        "lr": dict(runs[0].lr) if runs else {},
        "at_edge": _at_edge(study, tuned),
        "curve": _curve(study, runs),
        "to_target": _to_target(study, runs),
        "sensitivity": _sensitivity(study, tuned),
        "seconds_per_step": median(run.pace for run in runs if run.steps) if any(r.steps for r in runs) else nan,
        "gradients_per_step": runs[0].gradients / runs[0].steps if runs and runs[0].steps else nan,
        "memory_mb": max((run.memory for run in runs if run.memory is not None), default=nan),
        "steps": round(fmean(run.steps for run in runs)) if runs else 0,
    }


def usable(study: Study, run: Outcome | None) -> float | None:
    """Return a final run's score, if it has one that counts."""
    return None if run is None or not isfinite(oriented(study, run)) else run.score


def failed(study: Study, run: Outcome) -> bool:
    """Whether a final run diverged, collapsed, crashed or has no score that counts."""
    return run.status != "finished" or usable(study, run) is None


def _at_edge(study: Study, tuned: Sequence[Outcome]) -> bool:
    """Whether the best rates are the lowest or highest that were tried: then better ones may lie beyond."""
    tried = together(study, tuned)
    if len(tried) < 3 or study.each_player:
        return False
    first = sorted(factors[0] for factors in tried)
    return best(tried)[0] in (first[0], first[-1])


def _curve(study: Study, runs: Sequence[Outcome]) -> dict[str, list[float]]:
    """Return the score over the budget on an axis that all arms share, mean and range of the seeds."""
    drawn = [run for run in runs if run.curve]
    axis = np.linspace(0, study.budget.amount, GRID + 1)[1:]
    lines = [np.interp(axis, run.spent, run.curve, left=nan, right=nan) for run in drawn]
    if not lines:
        return {"x": [], "mean": [], "low": [], "high": []}
    table = np.stack(lines)
    kept = np.isfinite(table).all(0)
    table = table[:, kept]
    ends = {"mean": table.mean(0), "low": table.min(0), "high": table.max(0)}
    return {"x": axis[kept].tolist(), **{name: values.tolist() for name, values in ends.items()}}


def _to_target(study: Study, runs: Sequence[Outcome]) -> dict[str, Any] | None:
    """Return how much of the budget is spent until the target is first reached, and by which share of runs."""
    if study.target is None or not runs:
        return None
    times = [_crossing(run, study.target, study.lower) for run in runs]
    reached = [time for time in times if time is not None]
    return {"mean": fmean(reached) if reached else None, "reached": len(reached) / len(runs)}


def _crossing(run: Outcome, target: float, lower: bool) -> float | None:
    sign = 1 if lower else -1
    before = None
    for spent, score in zip(run.spent, run.curve, strict=True):
        gap = sign * (score - target)
        if gap <= 0:
            if before is None:
                return spent
            share = before[1] / (before[1] - gap)  # on the straight line between two points
            return float(before[0] + share * (spent - before[0]))
        before = (spent, gap)
    return None


def _sensitivity(study: Study, tuned: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the tuning's scores by learning rate (by that of the first player, if each has its own)."""
    by: dict[tuple[float, ...], list[Outcome]] = {}
    for outcome in tuned:
        by.setdefault(outcome.job.factors, []).append(outcome)
    rows = []
    for factors, group in sorted(by.items()):
        known = [o.score for o in group if isfinite(oriented(study, o)) and o.score is not None]
        mean, low, high = bootstrap(known) if known else (nan, nan, nan)
        lr = next(iter(group[0].lr.values()), nan)
        failed = 1 - len(known) / len(group)
        rows.append({"factors": list(factors), "lr": lr, "score": mean, "low": low, "high": high, "failed": failed})
    return rows


def _tests(study: Study, final: Mapping[str, Sequence[Outcome | None]]) -> list[dict[str, Any]]:
    """Compare every two arms on the seeds on which both have a score."""
    rows = []
    for a, b in combinations(final, 2):
        pairs = [(usable(study, x), usable(study, y)) for x, y in zip(final[a], final[b], strict=True)]
        both = [(x, y) for x, y in pairs if x is not None and y is not None]
        found = paired(*zip(*both, strict=True)) if both else None
        values = found._asdict() if found else dict.fromkeys(("difference", "low", "high", "p"), nan)
        rows.append({"a": a, "b": b, "seeds": len(both), **values})
    corrected = holm([row["p"] for row in rows])
    return [{**row, "p_holm": p} for row, p in zip(rows, corrected, strict=True)]


def _profiles(study: Study, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return on what share of problems (a data set with a seed) an arm is within a factor τ of the best.

    Only of scores that are costs: positive, and less is better.
    """
    by = {(o.job.data, o.job.arm, o.job.seed): o for o in outcomes if o.job.phase == "final"}
    problems = [(data, seed) for data in study.data for seed in study.seeds]
    costs = {}
    for arm in study.arms:
        runs = [by.get((data, arm.name, seed)) for data, seed in problems]
        costs[arm.name] = [oriented(study, run) if run else inf for run in runs]
    lowest = [min(column) for column in zip(*costs.values(), strict=True)]
    if not study.lower or min(lowest) <= 0 or not any(isfinite(x) for x in lowest):
        return []
    solved = [isfinite(x) for x in lowest]
    shown = {name: [c for c, kept in zip(values, solved, strict=True) if kept] for name, values in costs.items()}
    return [{"arm": n, "tau": list(TAUS), "share": s.tolist()} for n, s in profile(shown, TAUS).items()]


def _plain(value: Any) -> Any:
    """Return the same with None where a number is not finite, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
