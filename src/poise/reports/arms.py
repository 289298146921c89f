"""An arm of a study as a row of words, for the page and for the terminal."""

from collections.abc import Mapping
from typing import Any

HEAD = ("score", "95 %", "rank", "failed", "lr", "steps", "ms a step", "gradients a step", "MB")


def head(target: float | None) -> tuple[str, ...]:
    """Return what stands above the columns.

    Args:
        target: of the study, if there is one.
    """
    return HEAD if target is None else (*HEAD, f"spent to {target:g}")


def cells(arm: Mapping[str, Any], timed: bool) -> tuple[str, ...]:
    """Return an arm's columns.

    Args:
        arm: from results.json.
        timed: whether the study has a target.
    """
    score, ms = arm["score"], arm["seconds_per_step"]
    rates = " ".join(f"{rate:.2g}" for rate in sorted(set(arm["lr"].values()), reverse=True))
    row = (
        number(score["mean"]),
        "–" if score["low"] is None else f"{score['low']:.4g} … {score['high']:.4g}",
        number(arm["rank"], ".2f"),
        "–" if arm["failed"] is None else f"{arm['failed']:.0%}",
        (rates or "–") + (" (last tried)" if arm["at_edge"] else ""),
        f"{arm['steps']:,}",
        number(None if ms is None else 1000 * ms, ".1f"),
        number(arm["gradients_per_step"], ".3g"),
        number(arm["memory_mb"], ".0f"),
    )
    return (*row, _spent(arm["to_target"])) if timed else row


def number(value: float | None, form: str = ".4g") -> str:
    """Write a number, or that there is none."""
    return "–" if value is None else format(value, form)


def _spent(found: Mapping[str, Any] | None) -> str:
    """Say what was spent until the target was reached, and by which share of runs if not by all."""
    if found is None or found["mean"] is None:
        return "never"
    return f"{found['mean']:.4g}" + ("" if found["reached"] == 1 else f" ({found['reached']:.0%})")
