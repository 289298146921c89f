"""A study as tables: a row for each run in files, a row for each arm for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import whole_file, writing
from .design import Study
from .job import Outcome

HEAD = ("arm", "score", "95 %", "rank", "failed", "lr", "steps", "ms a step", "gradients", "MB")


def save(study: Study, outcomes: Sequence[Outcome], root: Path) -> None:
    """Write results.csv and results.parquet: one row for each run.

    Raises:
        PoiseError: the disk is full or read-only.
    """
    import polars  # late: a tenth of a second

    players = sorted({name for outcome in outcomes for name in outcome.lr})
    rows = [
        {
            "study": study.name,
            "data": o.job.data,
            "arm": o.job.arm,
            "phase": o.job.phase,
            "seed": o.job.seed,
            **{f"lr_{name}": o.lr.get(name) for name in players},
            "score_name": study.score,
            "score": o.score,
            "status": o.status,
            "steps": o.steps,
            "gradients": o.gradients,
            "examples": o.examples,
            "seconds": o.seconds,
            "memory_mb": o.memory,
            "error": o.error,
            "path": o.path,
        }
        for o in outcomes
    ]
    frame = polars.DataFrame(rows, infer_schema_length=None)
    for path, write in ((root / "results.csv", frame.write_csv), (root / "results.parquet", frame.write_parquet)):
        with writing(path), whole_file(path) as file:
            write(file)


def lines(results: Mapping[str, Any]) -> list[str]:
    """Return what a study shows as aligned lines, best arm first, and the verdict."""
    better = "lower" if results["score"]["better"] == "lower" else "higher"
    text = []
    for found in results["sets"]:
        text += [f"{results['name']} on {found['data']}: {results['score']['name']}, {better} is better", ""]
        ranked = sorted(found["arms"], key=lambda arm: arm["rank"])
        timed = results["score"]["target"] is not None
        head = (*HEAD, f"to {results['score']['target']:g}") if timed else HEAD
        rows = [head, *(_row(arm) + ((_timed(arm["to_target"]),) if timed else ()) for arm in ranked)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        for row in rows:
            cells = (
                f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}"
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            text.append("  ".join(cells).rstrip())
        text.append("")
    return [*text, f"verdict: {results['verdict'][0]}", *(f"         {line}" for line in results["verdict"][1:])]


def _row(arm: Mapping[str, Any]) -> tuple[str, ...]:
    score = arm["score"]
    rates = sorted(set(arm["lr"].values()), reverse=True)
    ms = None if arm["seconds_per_step"] is None else 1000 * arm["seconds_per_step"]
    return (
        arm["name"],
        _number(score["mean"]),
        "–" if score["low"] is None else f"{score['low']:.4g} … {score['high']:.4g}",
        _number(arm["rank"], ".2f"),
        "–" if arm["failed"] is None else f"{arm['failed']:.0%}",
        " ".join(f"{rate:.2g}" for rate in rates) or "–",
        f"{arm['steps']:,}",
        _number(ms, ".1f"),
        _number(arm["gradients_per_step"], ".3g"),
        _number(arm["memory_mb"], ".0f"),
    )


def _timed(found: Mapping[str, Any] | None) -> str:
    """Say what was spent until the target was reached, and by which share of runs if not by all."""
    if found is None or found["mean"] is None:
        return "never"
    return f"{found['mean']:.4g}" + ("" if found["reached"] == 1 else f" ({found['reached']:.0%})")


def _number(value: float | None, form: str = ".4g") -> str:
    return "–" if value is None else format(value, form)
