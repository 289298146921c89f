"""A study as tables: a row for each run in files, a row for each arm for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import whole_file, writing
from ..reports.arms import cells, head
from .design import Study
from .job import Outcome


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
    score, text = results["score"], list[str]()
    for found in results["sets"]:
        text += [f"{results['name']} on {found['data']}: {score['name']}, {score['better']} is better", ""]
        ranked = sorted(found["arms"], key=lambda arm: arm["rank"])
        timed = score["target"] is not None
        rows = [("arm", *head(score["target"])), *((arm["name"], *cells(arm, timed)) for arm in ranked)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            words = (
                f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}"
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            text.append("  ".join(words).rstrip())
        text.append("")
    return [*text, f"verdict: {results['verdict'][0]}", *(f"         {line}" for line in results["verdict"][1:])]
