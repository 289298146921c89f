"""What the page of a run shows."""

import json
import shlex
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from ..config import differences, flat
from ..errors import PoiseError
from ..health import Finding
from ..judging import Judged, judged, opened
from ..progress import clock
from ..recipes import from_recipe
from ..run import Run
from ..words import ARROWS, shown
from .curves import charts
from .images import chosen, inlined

PICTURES = {  # what samples/ may hold beside step-*.png, in the order of the page
    "neighbors": (
        "Nearest training images",
        "Each row: a sample, and the training images nearest to it. Rows that hold the same picture twice are copies.",
    ),
    "reconstructed": ("Reconstructions", "Held-out images, and to the right of each what the model makes of it."),
    "interpolated": ("Interpolations", "The way from one code to another, row by row."),
    "traversed": ("Traversals", "One dimension of the code at a time, that which carries the most first."),
    "codes": ("Codes", "Where held-out data lie in the latent space, by class."),
    "forecast": (
        "Forecasts",
        "The second half of held-out series from their first: median and ranges beside what came.",
    ),
    "autocorrelation": ("Memory", "Autocorrelations of free samples beside those of data."),
    "kl": ("What latents carry", "Divergence by step and by dimension, nats."),
}


def view(folder: Path) -> dict[str, Any]:
    """Return what is known of a run, as plain values; what cannot be read is named in it.

    Raises:
        PoiseError: there is no run in that folder.
    """
    run, lines, missing = opened(folder)
    health = judged(folder, run, lines, missing)
    frames = _frames(folder)
    if not frames:
        missing.append("samples: there are no pictures")
    if not lines:
        missing.append("metrics.jsonl: there is no line that can be read")
    return {
        "name": folder.name or str(folder.resolve().name),
        "data": None if run is None else run.data["name"],
        "verdict": _verdict(health),
        "facts": _facts(run, lines),
        "frames": frames,
        "real": inlined(folder / "samples" / "real.png"),
        "pictures": _pictures(folder),
        "charts": charts(lines),
        "marks": [{"x": f.step, "label": f.code, "level": f.level} for f in (*health.standing, *health.earlier)],
        "findings": [_finding(f, f in health.earlier) for f in (*health.standing, *health.earlier)],
        "scores": _scores(run),
        "settings": [] if run is None else _settings(run),
        "versions": {} if run is None else run.versions,
        "command": None if run is None else _again(run.command),
        "missing": missing,
    }


def page(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the page of one run, or of several side by side."""
    steps = sorted({frame["step"] for run in runs for frame in run["frames"]})
    titles = {chart["title"]: chart for run in runs for chart in run["charts"]}
    together = []
    for title, first in titles.items():
        series = []
        for number, run in enumerate(runs):
            for chart in run["charts"]:
                if chart["title"] == title:
                    prefix = f"{run['name']} " if len(runs) > 1 else ""
                    series += [{**one, "name": prefix + one["name"], "run": number} for one in chart["series"]]
        together.append({**first, "series": series, "marks": runs[0]["marks"] if len(runs) == 1 else []})
    name = runs[0]["name"] if len(runs) == 1 else f"{len(runs)} runs"
    return {"kind": "run", "title": name, "runs": runs, "charts": together, "steps": steps, "xlabel": "step"}


def _frames(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in chosen(sorted((folder / "samples").glob("step-*.png"))):
        picture = inlined(path)
        if picture is not None:
            found.append({"step": int(path.stem.removeprefix("step-")), **picture._asdict()})
    return found


def _pictures(folder: Path) -> list[dict[str, Any]]:
    found = []
    for kind, (title, caption) in PICTURES.items():
        newest = sorted((folder / "samples").glob(f"{kind}-*.png"))[-1:]
        for path in newest:
            picture = inlined(path)
            if picture is not None:
                step = int(path.stem.rpartition("-")[2])
                found.append({"title": title, "caption": f"{caption} Step {step:,}.", **picture._asdict()})
    return found


def _finding(finding: Finding, over: bool) -> dict[str, Any]:
    evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
    return {**finding.to_json(), "evidence": evidence, "over": over}


def _verdict(health: Judged) -> dict[str, str]:
    """Say in words how the run is, why, and what was done about it."""
    done = "".join(
        f" Done: {cure['name']}, because of {cure['code']} at step {cure['found']:,}; on from step {cure['start']:,}."
        for cure in (() if health.run is None else health.run.cures)
    )
    if (worst := health.worst) is not None:
        title = f"{worst.code.replace('-', ' ').capitalize()} at step {worst.step:,}"
        return {"level": worst.level, "title": title, "text": f"{worst.sentence}.{done}"}
    if not health.watched:
        text = "Nobody has looked at this run's health; try poise diagnose."
        return {"level": "note", "title": "Not judged", "text": text}
    looks = [line["step"] for line in health.lines if "health.step" in line]
    text = f"Nothing is wrong by {len(looks)} looks at its health, the last at step {max(looks):,}.{done}"
    return {"level": "healthy", "title": "Healthy", "text": text}


def _facts(run: Run | None, lines: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    facts = []
    if run is not None:
        shape = " × ".join(map(str, run.data["shape"]))
        facts += [("recipe", run.config.recipe), ("data", f"{run.data['name']}, {run.data['train']:,} of {shape}")]
    if lines:
        last = max(lines, key=lambda line: line["step"])
        seconds = max(last["seconds"], 1e-9)
        facts += [("steps", f"{last['step']:,}"), ("examples", f"{last['examples']:,}")]
        facts += [("time", clock(seconds)), ("speed", f"{last['examples'] / seconds:,.0f} examples/s")]
    if run is not None:
        facts += [("rule", run.config.rule)]
        facts += [(name, f"{player.optimizer}, {player.lr:g}") for name, player in run.config.players.items()]
    return facts


def _again(command: Sequence[str]) -> str:
    """Return a command as one would type it: of the path of Poise itself, which differs by machine, only the name."""
    program = Path(command[0])
    first = ["python", "-m", "poise"] if program.name == "__main__.py" else [program.name]
    return shlex.join([*(first if program.name in ("poise", "__main__.py") else command[:1]), *command[1:]])


def _scores(run: Run | None) -> dict[str, Any] | None:
    """Return the newest evaluation."""
    found = [] if run is None else run.evaluations()
    if not found:
        return None
    newest = found[-1]
    rows = []
    for name, score in list(newest.get("scores", {}).items()):
        ends = [score.get(end) for end in ("low", "high")]
        interval = "" if None in ends else f"{shown(ends[0])} – {shown(ends[1])}"
        value, floor = (shown(nan if score[key] is None else score[key]) for key in ("value", "floor"))
        rows.append((name, ARROWS[score["better"]], value, interval, floor, score["about"]))
    what = f"{newest['samples']:,} samples of step {newest['step']:,}"
    about = f"{what} beside as many held-out ones, as {newest['judge']} sees them"
    return {"about": about, "rows": rows}


def _settings(run: Run) -> list[dict[str, Any]]:
    """Return all settings, and which of them are not the recipe's own."""
    config = run.config
    try:
        changed = set(differences(from_recipe(config.recipe, config.data), config))
    except PoiseError:  # a recipe of one's own
        changed = set()
    return [
        {"name": name, "value": json.dumps(value), "own": name in changed}
        for name, value in flat(config).items()
        if name not in ("recipe", "data")
    ]
