"""What a study shows, in plain words."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from .design import Study

SURE = 0.05


def verdict(study: Study, results: Mapping[str, Any]) -> list[str]:
    """Return sentences, the answer first.

    Args:
        study: what was asked.
        results: what `summarize` has found, without the verdict.
    """
    if results["done"] < results["jobs"]:
        return [f"not over: {results['done']} of {results['jobs']} runs have ended"]
    several = len(results["sets"]) > 1
    said = []
    for found in results["sets"]:
        where = f"on {found['data']}: " if several else ""
        said += [where + sentence for sentence in _of_set(study, found)]
    return said + _over_sets(study, results["sets"]) if several else said


def _of_set(study: Study, found: Mapping[str, Any]) -> list[str]:
    ranked = [arm for arm in _by_score(study, found["arms"]) if isfinite(arm["score"]["mean"])]
    failed = [arm["name"] for arm in found["arms"] if not isfinite(arm["score"]["mean"])]
    lost = [f"{', '.join(failed)}: no run with a score"] if failed else []
    if not ranked:
        return ["no arm has a score, so there is nothing to compare", *lost]
    first, rest = ranked[0], ranked[1:]
    beaten = [arm["name"] for arm in rest if _p(found["tests"], first["name"], arm["name"]) < SURE]
    equal = [arm["name"] for arm in rest if arm["name"] not in beaten]
    mean = f"{study.score} {first['score']['mean']:.4g}"
    if not rest:
        said = [f"{first['name']} alone has scores: {mean}"]
    elif not beaten:
        said = [
            f"no difference shown: {first['name']} has the best mean ({mean}), but over {len(study.seeds)} seeds and "
            f"{len(found['tests'])} comparisons no arm differs from it beyond chance"
        ]
    else:
        said = [f"{first['name']} is best ({mean}): better than {_list(beaten)} beyond chance (p < .05 after Holm)"]
        if equal:
            said.append(f"no difference shown between {first['name']} and {_list(equal)}")
    for arm in found["arms"]:
        if arm["failed"] and arm["name"] not in failed:
            count, runs = round(arm["failed"] * len(arm["runs"])), len(arm["runs"])
            said.append(f"{arm['name']}: {count} of {runs} runs diverged, collapsed or have no score")
    edges = [arm["name"] for arm in found["arms"] if arm["at_edge"] and arm["name"] not in failed]
    if edges:
        said.append(f"the best learning rate of {_list(edges)} is the last that was tried; more --trials may do better")
    return said + lost


def _over_sets(study: Study, sets: Sequence[Mapping[str, Any]]) -> list[str]:
    ranks: dict[str, list[float]] = {arm["name"]: [] for arm in sets[0]["arms"]}
    for found in sets:
        for arm in found["arms"]:
            ranks[arm["name"]].append(arm["rank"])
    means = {name: sum(values) / len(values) for name, values in ranks.items()}
    first = min(means, key=lambda name: means[name])
    return [f"over all {len(sets)} data sets {first} has the best mean rank, {means[first]:.2f} of {len(means)}"]


def _by_score(study: Study, arms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(arms, key=lambda arm: arm["score"]["mean"] if study.lower else -arm["score"]["mean"])


def _p(tests: Sequence[Mapping[str, Any]], a: str, b: str) -> float:
    found = [test["p_holm"] for test in tests if {test["a"], test["b"]} == {a, b}]
    return found[0] if found and isfinite(found[0]) else 1.0


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
