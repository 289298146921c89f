"""Which learning rates are tried, and which are kept."""

import zlib
from collections.abc import Mapping, Sequence
from itertools import product
from math import inf, log
from statistics import fmean

from ..errors import PoiseError
from .design import MOST_FACTOR, STEP, Arm, Study
from .job import Job, Outcome

TOGETHER = 2  # trials that a sampler proposes at once, however many workers there are: so a study can be repeated

Factors = tuple[float, ...]
Tried = Mapping[Factors, float]  # mean score, oriented so that less is better


def grid(study: Study, players: int) -> list[Factors]:
    """Return factors on the arm's own rates, √10 apart and around 1; for each player all combinations if asked.

    Example:
        >>> from .design import Budget
        >>> study = Study("s", ("ring",), (Arm("a", "gan"),), Budget("gradients", 1), "coverage", trials=3)
        >>> [round(factor, 3) for (factor,) in grid(study, 2)]
        [0.316, 1.0, 3.162]
    """
    line = [STEP ** (i - study.trials // 2) for i in range(study.trials)]
    return list(product(line, repeat=players if study.each_player else 1))


def proposals(study: Study, data: str, arm: Arm, players: int, tried: Tried) -> list[Factors]:
    """Return the factors to try next, given all that have been tried before; [] when that is enough."""
    count = study.trials ** (players if study.each_player else 1)
    if study.sampler == "grid" or study.trials == 1:
        return [factors for factors in grid(study, players) if factors not in tried]
    return _sampled(study, data, arm, players, tried, min(TOGETHER, count - len(tried)))


def runs(study: Study, data: str, arm: Arm, factors: Factors) -> list[Job]:
    """Return the tuning runs of a trial."""
    return [Job(data, arm.name, "tuning", factors, seed) for seed in study.tuning_seeds]


def oriented(study: Study, outcome: Outcome) -> float:
    """Return a score of which less is better; a run without one, or that failed in its health, is worst of all."""
    if outcome.score is None or outcome.status in ("diverged", "failed") or outcome.score != outcome.score:
        return inf
    return outcome.score if study.lower else -outcome.score


def together(study: Study, outcomes: Sequence[Outcome]) -> dict[Factors, float]:
    """Return the mean over seeds of each trial's scores, less being better."""
    by: dict[Factors, list[float]] = {}
    for outcome in outcomes:
        by.setdefault(outcome.job.factors, []).append(oriented(study, outcome))
    return {factors: fmean(values) for factors, values in by.items()}


def best(tried: Tried) -> Factors:
    """Return the factors of the best trial; of equal ones those that change the arm least."""
    return min(tried, key=lambda factors: (tried[factors], sum(abs(log(factor)) for factor in factors)))


def _sampled(study: Study, data: str, arm: Arm, players: int, tried: Tried, count: int) -> list[Factors]:
    """Let a tree-structured Parzen estimator propose, as a function of what was tried and nothing else."""
    if count < 1:
        return []
    try:
        import optuna
    except ImportError:
        raise PoiseError("--sampler tpe needs Optuna: pip install 'poise[optuna]', or use --sampler grid") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    names = [f"factor {i}" for i in range(players if study.each_player else 1)]
    ranges: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(1 / MOST_FACTOR, MOST_FACTOR, log=True) for name in names
    }
    seed = zlib.crc32(f"{study.name} {data} {arm.name} {len(tried)}".encode())
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=3, constant_liar=True)
    model = optuna.create_study(sampler=sampler)
    worst = max((value for value in tried.values() if value < inf), default=0.0)
    for factors, value in tried.items():
        params = dict(zip(names, factors, strict=True))
        known = value if value < inf else worst + abs(worst) + 1
        model.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, value=known))
    if not tried:
        model.enqueue_trial(dict.fromkeys(names, 1.0))  # the arm's own rates come first
    asked = [model.ask(ranges) for _ in range(count)]
    return [tuple(float(trial.params[name]) for name in names) for trial in asked]
