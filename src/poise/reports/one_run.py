"""What the page of a run shows."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import to_json
from ..errors import PoiseError
from ..health import Finding, History, findings
from ..recipes import from_recipe
from ..run import Run, lines_of
from ..watch import verdict
from .curves import charts
from .images import chosen, inlined

SCORES = 40
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
HEALTHY = {"healthy": "Healthy", "unknown": "Not judged"}


def view(folder: Path) -> dict[str, Any]:
    """Return what is known of a run, as plain values; what cannot be read is named in it.

    Raises:
        PoiseError: there is no run in that folder.
    """
    if not any((folder / name).exists() for name in ("config.json", "metrics.jsonl", "checkpoints")):
        raise PoiseError(f"no run in {folder}; give the folder that `poise train` or `poise compare` made")
    missing: list[str] = []
    run = _opened(folder, missing)
    lines = [line for line in lines_of(folder / "metrics.jsonl") if isinstance(line.get("step"), int)]
    frames = _frames(folder)
    if not frames:
        missing.append("samples: there are no pictures")
    if not lines:
        missing.append("metrics.jsonl: there is no line that can be read")
    named = {} if run is None else {"recipe": run.config.recipe, "data": run.config.data}
    history = History(lines, run=str(folder), **named)
    standing = findings(history)
    known = verdict(standing) if history.watched else "unknown"
    raised = _raised(folder, missing)
    return {
        "name": folder.name or str(folder.resolve().name),
        "data": None if run is None else run.data["name"],
        "verdict": _verdict(known, standing, raised, lines, run),
        "facts": _facts(run, lines),
        "frames": frames,
        "real": inlined(folder / "samples" / "real.png"),
        "pictures": _pictures(folder),
        "charts": charts(lines),
        "marks": [{"x": f.step, "label": f.code, "level": f.level} for f in raised],
        "findings": [_finding(f) for f in _together(standing, raised)],
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


def _opened(folder: Path, missing: list[str]) -> Run | None:
    try:
        return Run(folder)
    except PoiseError as error:
        missing.append(str(error))
        return None


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


def _raised(folder: Path, missing: list[str]) -> list[Finding]:
    found = []
    for line in lines_of(folder / "findings.jsonl"):
        try:
            found.append(Finding.from_json(line))
        except ValueError as error:
            missing.append(f"findings.jsonl: {error}")
    return found


def _together(standing: Sequence[Finding], raised: Sequence[Finding]) -> list[Finding]:
    held = {finding.code for finding in standing}
    return [*standing, *(finding for finding in raised if finding.code not in held)]


def _finding(finding: Finding) -> dict[str, Any]:
    evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
    return {**finding.to_json(), "evidence": evidence}


def _verdict(
    known: str,
    standing: Sequence[Finding],
    raised: Sequence[Finding],
    lines: Sequence[Mapping[str, float]],
    run: Run | None,
) -> dict[str, str]:
    """Say in words how the run is, why, and what was done about it."""
    last = max((int(line["step"]) for line in lines), default=0)
    broken = [f for f in raised if f.code == "divergence" and not f.evidence.get("finite", 1)]
    worst = next((f for f in [*broken, *standing] if f.code == (broken[0].code if broken else known)), None)
    cures = [] if run is None else run.cures
    done = "".join(
        f" Done: {cure['name']}, because of {cure['code']} at step {cure['found']:,}; on from step {cure['start']:,}."
        for cure in cures
    )
    if worst is not None:
        level = worst.level
        title = worst.code.replace("-", " ").capitalize()
        return {"level": level, "title": f"{title} at step {worst.step:,}", "text": f"{worst.sentence}.{done}"}
    looks = sum("health.step" in line for line in lines)
    if known == "unknown":
        return {
            "level": "note",
            "title": "Not judged",
            "text": "Nobody has looked at this run's health; try poise diagnose.",
        }
    text = f"Nothing is wrong by {looks} looks at its health, the last at step {last:,}.{done}"
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
        facts += [("time", _clock(seconds)), ("speed", f"{last['examples'] / seconds:,.0f} examples/s")]
    if run is not None:
        facts += [("rule", run.config.rule)]
        facts += [(name, f"{player.optimizer}, {player.lr:g}") for name, player in run.config.players.items()]
    return facts


def _again(command: Sequence[str]) -> str:
    """Return a command as one would type it: of the path of Poise itself, which differs by machine, only the name."""
    program = Path(command[0])
    first = ["python", "-m", "poise"] if program.name == "__main__.py" else [program.name]
    return shlex.join([*(first if program.name in ("poise", "__main__.py") else command[:1]), *command[1:]])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _scores(run: Run | None) -> dict[str, Any] | None:
    """Return the newest evaluation."""
    found = [] if run is None else run.evaluations()
    if not found:
        return None
    newest = found[-1]
    rows = []
    for name, score in list(newest.get("scores", {}).items())[:SCORES]:
        ends = [score.get(end) for end in ("low", "high")]
        interval = "" if None in ends else f"{_shown(ends[0])} – {_shown(ends[1])}"
        arrow = {"lower": "↓", "higher": "↑"}.get(score["better"], "≈")
        rows.append((name, arrow, _shown(score["value"]), interval, _shown(score["floor"]), score["about"]))
    what = f"{newest['samples']:,} samples of step {newest['step']:,}"
    about = f"{what} beside as many held-out ones, as {newest['judge']} sees them"
    return {"about": about, "rows": rows}


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def _settings(run: Run) -> list[dict[str, Any]]:
    """Return all settings, and which of them are not the recipe's own."""
    asked = _flat(to_json(run.config))
    try:
        usual = _flat(to_json(from_recipe(run.config.recipe, run.config.data)))
    except PoiseError:  # a recipe of one's own
        usual = {}
    hidden = ("recipe", "data")
    return [
        {"name": name, "value": json.dumps(value), "own": usual.get(name) != value}
        for name, value in asked.items()
        if name not in hidden
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, "" if name == "model" else f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found
