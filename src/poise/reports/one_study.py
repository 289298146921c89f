"""What the page of a study shows."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import PoiseError
from .arms import cells, head, number


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
        for place, path in enumerate(arm["runs"]):
            page = folder / path / "report.html"
            href = os.path.relpath(page, target.parent).replace(os.sep, "/") if page.exists() else None
            links.append({"name": str(place), "href": href})
        rows.append({"name": arm["name"], "cells": cells(arm, timed), "links": links})
    tests = [
        {
            "a": test["a"],
            "b": test["b"],
            "difference": number(test["difference"]),
            "interval": "–" if test["low"] is None else f"{test['low']:.3g} … {test['high']:.3g}",
            "p": number(test["p_holm"], ".3f"),
        }
        for test in found["tests"]
    ]
    return {"data": found["data"], "head": head(target_score), "rows": rows, "tests": tests}


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
