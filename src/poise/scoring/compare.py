"""Samples beside held-out data: every score that suits them, with floors and intervals."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.cache import key_of
from ..errors import PoiseError
from ..features import Judge, cached, judge
from ..files import cache_folder, write_json
from .metric import Metric
from .score import Score
from .table import METRICS
from .view import Side, View

Rows = NDArray[Any]
Progress = Callable[[str, int, int], None]  # told what is done, how much of it, and the total
FORMAT = 1  # change it when the same data would have other floors
LEAST = 10  # samples of each side, without which no score says anything
MOST_TRAINING = 60_000  # samples that copies are looked for among
USUAL = {"images": "efficientnet-lite0", "points": "points", "table": "points", "series": "random-convolution"}


@dataclass(frozen=True, eq=False)
class Sets:
    """Samples to be scored and the data they should resemble.

    Attributes:
        kind: of data.
        name: of the data set.
        real: held out; sliced as an array is, so `Windows` too.
        fake: to be scored.
        train: what the model was trained on; as many of them stand in for samples to find the floors, and copies are
            looked for among all.
    """

    kind: str
    name: str
    real: Any
    fake: Rows
    train: Any


def compare(
    sets: Sets,
    by: str | None = None,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> list[Score]:
    """Score samples beside held-out data.

    Every score is taken twice: of the samples, and of as many training samples in their place. Features of real data,
    and the floors, are kept on disk.

    Args:
        sets: the samples and the data.
        by: the judge; None for the usual one of the kind of data.
        seed: of all chance.
        progress: called while features are made and scores are taken.

    Returns:
        The scores, in the order of the table.

    Raises:
        PoiseError: fewer than ten samples, samples of another shape than the data, or an unsuitable judge.
    """
    if sets.real.shape[1:] != sets.fake.shape[1:]:
        shapes = [" × ".join(map(str, rows.shape[1:])) for rows in (sets.real, sets.fake)]
        raise PoiseError(f"the data are {shapes[0]}, and the samples {shapes[1]}; give samples of the same size")
    n = count(sets.real, sets.train, len(sets.fake))
    if n < LEAST:
        counts = f"{len(sets.real)} held-out, {len(sets.train)} training and {len(sets.fake)} generated samples"
        raise PoiseError(f"scores need at least {LEAST} samples of each kind, and there are {counts}; give more")
    main = judge(by or USUAL[sets.kind])
    views = {main: _view(sets, main, n, len(sets.train) if sets.kind != "images" else n, seed, progress)}
    near = judge("pixels") if sets.kind == "images" else main  # a copy is told by its pixels
    if near not in views and any(metric.copies for metric in METRICS.values()):
        views[near] = _view(sets, near, n, MOST_TRAINING, seed, progress)
    plan = [
        (name, metric, near if metric.copies else main)
        for name, metric in METRICS.items()
        if metric.suits(views[near if metric.copies else main], sets.kind)
    ]
    scores: list[Score] = []
    for done, (name, metric, by_judge) in enumerate(plan):
        progress("taking scores", done, len(plan))
        view, endings = views[by_judge], _endings(by_judge)
        try:
            scores += metric.scores(view, _floor(name, metric, view, by_judge), endings)
        except ValueError as error:  # such as samples that are all alike: no reason to be left without other scores
            scores += metric.untaken(str(error), endings)
    progress("taking scores", len(plan), len(plan))
    return scores


def count(real: Any, train: Any, samples: int) -> int:
    """Return how many samples can be scored: no more than there are held-out and training ones to put beside them."""
    return min(len(real), len(train), samples)


def chosen(rows: Any, n: int, seed: int) -> Rows:
    """Return n rows, or all if there are fewer, drawn without replacement, in their order."""
    if len(rows) <= n:
        return np.asarray(rows[np.arange(len(rows))])
    return np.asarray(rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:n])])


def _view(sets: Sets, by: Judge, n: int, training: int, seed: int, progress: Progress) -> View:
    def told(what: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(what, done, total)

    real, train = chosen(sets.real, n, seed), chosen(sets.train, training, seed)
    fake = np.array(sets.fake[:n])
    return View(
        Side(real, cached(by, real, told("looking at held-out data"))),
        Side(fake, by.features(fake, told("looking at samples"))),
        Side(train, cached(by, train, told("looking at training data"))),
        sets.name,
        seed,
    )


def _floor(name: str, metric: Metric, view: View, by: Judge) -> Mapping[str, float]:
    """Return what real samples score, from disk where it is known."""
    sides = (view.real, view.train)
    key = key_of("floor", FORMAT, name, by.name, by.version, view.seed, len(view.fake), *map(_digest, sides))
    file = cache_folder() / "floors" / f"{key}.json"
    try:
        found = json.loads(file.read_text())
        if all(isinstance(found[entry.key], float) for entry in metric.entries):
            return dict(found)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there yet, or damaged
    measured = {key: float(value) for key, value in metric.measure(view.floor(metric.copies)).items()}
    with suppress(PoiseError):  # a full disk costs time, no scores
        write_json(file, measured)
    return measured


def _digest(side: Side) -> str:
    return hashlib.blake2b(side.features.numpy().tobytes(), digest_size=16).hexdigest()


def _endings(by: Judge) -> dict[str, str]:
    """Return what stands for a judge in the names of scores: "FID", and so "KID", only of Inception."""
    return {"distance": by.distance, "judge": by.distance.removeprefix("FD") if by.distance != "FID" else ""}
