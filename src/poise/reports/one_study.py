"""What the page of a study shows."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import PoiseError

HEAD = ("score", "95 %", "rank", "failed", "lr", "steps", "ms a step", "gradients a step", "MB")


def page(folder: Path, target: Path) -> dict[str, Any]:
    """Return the page of a study.

    Args:
        folder: the study's.
        target: where the page will be, from which it links to the reports of runs.

    Raises:
        PoiseError: it has no results yet, or they cannot be read.
    """
    try:
        found = json.loads((folder / "results.json").read_text())
        asked = json.loads((folder / "study.json").read_text())
        sets = [_set(folder, target, one, found["score"]["target"]) for one in found["sets"]]
        charts = [chart for one in found["sets"] for chart in _charts(found, one, len(found["sets"]) > 1)]
        charts += _profiles(found)
        over = found["done"] >= found["jobs"]
        return {
            "kind": "study",
            "title": f"{found['name']} on {', '.join(found['data'])}",
            "verdict": [line[:1].upper() + line[1:] for line in found["verdict"]],
            "level": "answer" if over else "note",
            "facts": _facts(found, asked),
            "sets": sets,
            "charts": charts,
            "steps": [],
            "xlabel": found["budget"]["kind"],
            "command": shlex.join(asked.get("command", [])),
        }
    except OSError:
        raise PoiseError(f"no results in {folder} yet; run its `poise compare` command again") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PoiseError(
            f"{folder / 'results.json'} is damaged ({error}); run its `poise compare` command again"
        ) from None


def _facts(found: Mapping[str, Any], asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    study, score = asked["study"], found["score"]
    return [
        ("score", f"{score['name']}, {score['better']} is better"),
        ("budget of a run", f"{found['budget']['amount']:,g} {found['budget']['kind']}"),
        ("learning rates tried", f"{study['trials']} ({study['sampler']})"),
        ("seeds", ", ".join(map(str, study["seeds"]))),
        ("runs", f"{found['done']} of {found['jobs']}"),
        *asked.get("versions", {}).items(),
    ]


def _set(folder: Path, target: Path, found: Mapping[str, Any], target_score: float | None) -> dict[str, Any]:
    rows, timed = [], target_score is not None
    for arm in sorted(found["arms"], key=lambda arm: arm["rank"]):
        links = []
        for number, path in enumerate(arm["runs"]):
            page = folder / path / "report.html"
            href = os.path.relpath(page, target.parent).replace(os.sep, "/") if page.exists() else None
            links.append({"name": str(number), "href": href})
        cells = [*_cells(arm), *([_timed(arm["to_target"])] if timed else [])]
        rows.append({"name": arm["name"], "cells": cells, "links": links})
    tests = [
        {
            "a": test["a"],
            "b": test["b"],
            "difference": _number(test["difference"]),
            "interval": "–" if test["low"] is None else f"{test['low']:.3g} … {test['high']:.3g}",
            "p": _number(test["p_holm"], ".3f"),
        }
        for test in found["tests"]
    ]
    head = (*HEAD, f"spent to reach {target_score:g}") if timed else HEAD
    return {"data": found["data"], "head": head, "rows": rows, "tests": tests}


def _cells(arm: Mapping[str, Any]) -> list[str]:
    score, seconds = arm["score"], arm["seconds_per_step"]
    rates = sorted(set(arm.get("lr", {}).values()), reverse=True)
    return [
        _number(score["mean"]),
        "–" if score["low"] is None else f"{score['low']:.4g} … {score['high']:.4g}",
        _number(arm["rank"], ".2f"),
        "–" if arm["failed"] is None else f"{arm['failed']:.0%}",
        " ".join(f"{rate:.2g}" for rate in rates) + (" (last tried)" if arm.get("at_edge") else ""),
        f"{arm['steps']:,}",
        "–" if seconds is None else f"{1000 * seconds:.1f}",
        _number(arm.get("gradients_per_step"), ".3g"),
        _number(arm["memory_mb"], ".0f"),
    ]


def _charts(found: Mapping[str, Any], one: Mapping[str, Any], several: bool) -> list[dict[str, Any]]:
    name, where = found["score"]["name"], f" on {one['data']}" if several else ""
    curves = [
        {"name": arm["name"], **{"y" if key == "mean" else key: values for key, values in arm["curve"].items()}}
        for arm in one["arms"]
        if len(arm["curve"]["x"]) > 1
    ]
    points = []
    for arm in one["arms"]:
        known = [point for point in arm["sensitivity"] if point["score"] is not None and point["lr"]]
        if len(known) > 1:
            points.append(
                {"name": arm["name"], "x": [p["lr"] for p in known], "y": [p["score"] for p in known], "dots": True}
            )
    charts = []
    if curves:
        log = name in ("frechet", "kid", "nll") and all(
            y > 0 for one in curves for key in ("y", "low") for y in one[key]
        )
        caption = "On the validation part, mean over seeds and the range of them."
        charts.append({"title": f"{name} over the budget{where}", "caption": caption, "log": log, "series": curves})
    if points:
        log = name in ("frechet", "kid", "nll") and all(y > 0 for one in points for y in one["y"])
        caption = "What tuning saw. A flat curve is an optimizer that forgives a wrong learning rate."
        title = f"{name} by learning rate{where}"
        charts.append(
            {"title": title, "caption": caption, "log": log, "xlog": True, "xlabel": "learning rate", "series": points}
        )
    return charts


def _profiles(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not found["profiles"]:
        return []
    series = [{"name": one["arm"], "x": one["tau"], "y": one["share"]} for one in found["profiles"]]
    caption = "The share of problems on which an arm is within a factor of the best; higher is better."
    chart = {"title": "Performance profiles", "caption": caption, "log": False, "series": series}
    return [{**chart, "xlabel": "times the best score"}]


def _timed(found: Mapping[str, Any] | None) -> str:
    if found is None or found["mean"] is None:
        return "never"
    return f"{found['mean']:.4g}" + ("" if found["reached"] == 1 else f" ({found['reached']:.0%})")


def _number(value: float | None, form: str = ".4g") -> str:
    return "–" if value is None else format(value, form)
