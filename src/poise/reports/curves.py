"""Curves of a run: which numbers are shown together, and how few points say the same."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

MOST = 300  # points of a curve: about as many as it has pixels on a phone


class Group(NamedTuple):
    """Numbers that are drawn together.

    Attributes:
        title: of the chart.
        caption: what to look for.
        names: in metrics.jsonl → in the legend; a name that ends in * stands for all that end so.
    """

    title: str
    caption: str
    names: Mapping[str, str]


GROUPS = (
    Group(
        "Losses",
        "What each player minimizes. Of a GAN they need not fall: look for a balance that lasts.",
        {"*.loss": ""},
    ),
    Group(
        "Diversity",
        "Overlap: the share of the data's regions that samples reach, as often as data do. Spread: how far samples lie "
        "apart, beside data. Both near 1 is good; a fall is mode collapse.",
        {"health.overlap": "overlap", "health.spread": "spread", "health.duplicates": "duplicates"},
    ),
    Group(
        "Discriminator",
        "How well real and generated samples are told apart: 1 always, ½ not at all. Held-out data far below training "
        "data is learning by heart.",
        {"health.separation": "training data", "health.separation_held_out": "held-out data"},
    ),
    Group(
        "Latent code",
        "What the code costs and carries, in nats. Near 0 it is ignored.",
        {"health.kl": "KL", "health.information": "information"},
    ),
    Group("Active dimensions", "Dimensions of the code that say something.", {"health.active": "active"}),
    Group(
        "Memory",
        "Difference of autocorrelations of free samples from data's, beside what chance and what no memory would make.",
        {"health.memory": "samples", "health.memory_floor": "by chance", "health.memory_data": "no memory"},
    ),
    Group("Bound on held-out data", "Of the averaged weights; higher is better.", {"valid.bound": "bound"}),
    Group("Likelihood of held-out data", "Nats, lower is better.", {"valid.nll": "NLL"}),
    Group(
        "Distance on held-out data",
        "Fréchet distance of samples by the quick judge; lower is better.",
        {"valid.frechet": "distance"},
    ),
    Group(
        "Quality and coverage",
        "Precision and density: do samples look real? Recall and coverage: is all of the data reached?",
        {
            "valid.precision": "precision",
            "valid.recall": "recall",
            "valid.coverage": "coverage",
            "valid.high_quality": "high quality",
        },
    ),
    Group(
        "Gradients",
        "Norms of the players' gradients. One that vanishes has nothing left to learn from.",
        {"health.*.gradient": ""},
    ),
)
LOGARITHMIC = {"Gradients", "Distance on held-out data"}


def charts(lines: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the charts of a run's metrics, those that have numbers."""
    known = {name for line in lines for name in line}
    found: list[dict[str, Any]] = []
    for group in GROUPS:
        series: list[dict[str, Any]] = [
            {"name": label or _short(name), **_line(lines, name)}
            for pattern, label in group.names.items()
            for name in _matching(pattern, known)
        ]
        series = [one for one in series if len(one["x"]) > 1]
        if series:
            log = group.title in LOGARITHMIC and all(y > 0 for one in series for y in one["y"])
            found.append({"title": group.title, "caption": group.caption, "log": log, "series": series})
    return found


def _matching(pattern: str, known: set[str]) -> list[str]:
    head, star, tail = pattern.partition("*")
    if not star:
        return [pattern] if pattern in known else []
    names = [name for name in known if name.startswith(head) and name.endswith(tail) and len(name) > len(head + tail)]
    return sorted(name for name in names if head or not name.startswith(("health.", "valid.")))


def _short(name: str) -> str:
    return name.removeprefix("health.").rpartition(".")[0]


def _line(lines: Sequence[Mapping[str, float]], name: str) -> dict[str, list[float]]:
    """Return means of as many pieces of the curve as are needed, and the range within each if it was thinned."""
    points = [(line["step"], line[name]) for line in lines if name in line and isfinite(line[name])]
    if not points:
        return {"x": [], "y": []}
    x, y = (np.array(side, float) for side in zip(*points, strict=True))
    if len(x) <= MOST:
        return {"x": x.tolist(), "y": _rounded(y)}
    pieces = list(zip(np.array_split(x, MOST), np.array_split(y, MOST), strict=True))
    ends = {"low": [b.min() for _, b in pieces], "high": [b.max() for _, b in pieces]}
    band = {side: _rounded(np.array(values)) for side, values in ends.items()}
    return {"x": [float(a[-1]) for a, _ in pieces], "y": _rounded(np.array([b.mean() for _, b in pieces])), **band}


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
