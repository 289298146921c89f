"""How good samples are: every score beside what real data score."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import scoring
from .data import load
from .data.options import SeriesOptions
from .errors import PoiseError
from .evaluation import Evaluation
from .models.rvae import Rvae
from .models.vae import Vae
from .run import Run
from .scoring import Score, Sets
from .sequence_evaluation import SequenceEvaluation
from .use import data_of, held_out

Progress = Callable[[str, int, int], None]
USUAL = {"images": 5_000, "points": 10_000, "table": 5_000, "series": 2_000}  # samples


def silent(what: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Assessment:
    """How good a model's samples are, and of a VAE what held-out data say of it.

    Attributes:
        samples: how many were scored, beside as many held-out and training samples.
        judge: what looked at them.
        scores: in the order of `poise list metrics`.
        held_out: likelihoods, of models that have them.
    """

    samples: int
    judge: str
    scores: tuple[Score, ...]
    held_out: Evaluation | SequenceEvaluation | None = None

    def __getitem__(self, name: str) -> float:
        """Return a score's value by its name, as in the table."""
        for score in self.scores:
            if score.name == name:
                return score.value
        raise KeyError(name)

    def lines(self) -> list[str]:
        """Return everything as aligned lines for a person."""
        if not self.scores and self.held_out is not None:
            few = f"no scores of samples: {self.samples} held-out ones are too few, {scoring.LEAST} or more are needed"
            return [*self.held_out.lines(), "", few]
        head = f"{self.samples:,} samples beside {self.samples:,} held-out ones, as {self.judge} sees them"
        legend = "real: what as many training samples score.  ↓ lower is better, ↑ higher, ≈ as near to real as can be"
        likelihoods = [] if self.held_out is None else [*self.held_out.lines(), ""]
        return [*likelihoods, head, *scoring.table(self.scores), legend]

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        found = {"samples": self.samples, "judge": self.judge, "scores": scoring.to_json(self.scores)}
        return found if self.held_out is None else {**found, "held_out": self.held_out.to_json()}


def evaluate(
    run: Run,
    data: str | Path | None = None,
    *,
    judge: str | None = None,
    samples: int | None = None,
    draws: int = 100,
    limit: int | None = 1_000,
    averaged: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Assessment:
    """Score a run's samples beside held-out data, and of a VAE also its likelihood; remember it in the run.

    Args:
        run: any.
        data: what `load` takes, of which the test part is used; None for the data of the run.
        judge: whose features distances are between: a name of `poise list judges`, or a network in a file.
        samples: how many to draw; None for 5,000 images, 10,000 points or 2,000 series. No more than there are
            held-out ones are scored.
        draws: codes, or particles, that likelihoods are estimated with; see `held_out`.
        limit: of the number of held-out samples for likelihoods.
        averaged: use the moving average of the weights rather than those of the last step.
        seed: of the samples and of all chance in scores.
        progress: called with what is being done, how much of it is done, and the total.

    Raises:
        PoiseError: data that do not fit the run, too few of them, or an unknown judge.

    Example:
        >>> import poise
        >>> run = poise.train("gan", "ring", steps=20, out=tmp / "ring", progress=False)
        >>> found = poise.evaluate(run, samples=200)
        >>> found.samples, found["recall"] <= 1
        (200, True)
    """
    dataset, game = data_of(run, data), run.game(averaged)
    likelihoods = None
    if isinstance(game, Vae | Rvae):
        likelihoods = held_out(run, data, draws, limit, averaged, _only("scoring held-out data", progress))
    n = scoring.count(dataset.test, dataset.train, samples or USUAL[dataset.kind])
    if likelihoods is not None and n < scoring.LEAST:
        return Assessment(n, judge or scoring.USUAL[dataset.kind], (), likelihoods)
    real = scoring.chosen(dataset.test, n, seed)
    steps = real.shape[1] if dataset.kind == "series" else None
    fake = run.as_game(run.sample(max(n, 1), seed, averaged, _only("drawing samples", progress), length=steps))
    if steps is not None:
        fake = np.where(np.isnan(real), np.nan, fake)  # as long as real ones, and with the same gaps
    found = _assess(Sets(dataset.kind, dataset.name, real, fake, dataset.train), judge, seed, progress, likelihoods)
    run.remember(
        {"step": run.step(averaged), "averaged": averaged, "seed": seed, "data": dataset.name, **found.to_json()}
    )
    return found


def evaluate_sets(
    real: str | Path,
    fake: str | Path,
    *,
    series: bool = False,
    judge: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Assessment:
    """Score one set of samples beside another, without a run.

    Half of the real samples stand for what a model was trained on, and the other half for held-out data; of series, the
    parts that training would take.

    Args:
        real: what `load` takes.
        fake: likewise; images must have the size of the real ones.
        series: both are series.
        judge: see `evaluate`.
        samples: of each kind at most; None for the usual number of their kind.
        seed: of the choice of samples and of all chance in scores.
        progress: see `evaluate`.

    Raises:
        PoiseError: unusable data, or two kinds of data.
    """
    options = SeriesOptions() if series else None
    source, other = load(real, series=options), load(fake, series=options)
    if (source.kind == "images") != (other.kind == "images"):
        raise PoiseError(f"{real} holds {source.kind} and {fake} holds {other.kind}; give both of one kind")
    if source.kind in ("table", "series"):
        source = source.standardized()
        other = other.standardized(source.scaling)
    made = other.in_source_order()
    n = samples or USUAL[source.kind]
    fakes = scoring.chosen(made, n, seed)
    if source.kind == "series":  # whose parts are apart in time, which halves drawn at random would not be
        return _assess(Sets("series", source.name, source.test, fakes, source.train), judge, seed, progress)
    rows = source.in_source_order()
    order = np.random.default_rng(seed).permutation(len(rows))
    half = len(rows) // 2
    held, train = (rows[np.sort(part)] for part in (order[:half][:n], order[half:][: scoring.MOST_TRAINING]))
    return _assess(Sets(source.kind, source.name, held, fakes, train), judge, seed, progress)


def _assess(
    sets: Sets,
    judge: str | None,
    seed: int,
    progress: Progress,
    likelihoods: Evaluation | SequenceEvaluation | None = None,
) -> Assessment:
    by = judge or scoring.USUAL[sets.kind]
    scores = scoring.compare(sets, by, seed, progress)
    n = scoring.count(sets.real, sets.train, len(sets.fake))
    return Assessment(n, by, tuple(scores), likelihoods)


def _only(what: str, progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)
