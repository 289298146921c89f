"""What a trained run makes of data: codes and anomaly scores, reconstructions, held-out scores."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import coding, evaluation, sequence_evaluation
from .build import read, sample_shape
from .coding import Codes
from .data import Dataset
from .data.dataset import InSourceOrder, Labels
from .data.names import header_of, kind_of
from .data.windows import Windows
from .errors import PoiseError, suggestion
from .evaluation import Evaluation
from .models.rvae import Rvae
from .models.vae import Vae
from .run import Run
from .sequence_evaluation import SequenceEvaluation

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Show no progress."""


def encode(
    run: Run, data: str | Path | None = None, draws: int = 16, averaged: bool = True, progress: Progress = silent
) -> tuple[Codes, InSourceOrder]:
    """Encode data and score how unusual each sample is, in the order of the source.

    Args:
        run: of a VAE.
        data: what `load` takes; None for the data of the run.
        draws: codes of each posterior that the score is estimated with.
        averaged: use the moving average of the weights rather than those of the last step.
        progress: called with the number of samples done and their total.

    Returns:
        The codes, and the samples they are of.

    Raises:
        PoiseError: the run has no encoder, or the data do not fit it.

    Example:
        >>> import poise
        >>> run = poise.train("vae", "ring", steps=20, out=tmp / "ring", progress=False)
        >>> codes, samples = poise.encode(run)
        >>> codes.mean.shape, len(samples), codes.anomaly.shape
        ((60000, 2), 60000, (60000,))
    """
    game, dataset = trained_vae(run, averaged), data_of(run, data)
    rows = dataset.in_source_order()
    labels = told_classes(run, game, dataset, rows.labels)
    codes = coding.encode(game, rows, labels, draws, progress=progress)
    volume = 0.0 if dataset.scaling is None else dataset.scaling.log_volume
    return Codes(codes.mean, codes.sd, codes.anomaly + volume), rows


def reconstruct(
    run: Run, data: str | Path | None = None, averaged: bool = True, progress: Progress = silent
) -> tuple[NDArray[Any], InSourceOrder]:
    """Return what a run makes of the codes of data, in their own units, and the samples, in the order of the source.

    Args:
        run: of a VAE.
        data: what `load` takes; None for the data of the run.
        averaged: use the moving average of the weights rather than those of the last step.
        progress: called with the number of samples done and their total.

    Raises:
        PoiseError: the run has no encoder, or the data do not fit it.
    """
    game, dataset = trained_vae(run, averaged), data_of(run, data)
    rows = dataset.in_source_order()
    labels = told_classes(run, game, dataset, rows.labels)
    return run.as_data(coding.reconstruct(game, rows, labels, progress)), rows


def held_out(
    run: Run,
    data: str | Path | None = None,
    draws: int = 100,
    limit: int | None = 1_000,
    averaged: bool = True,
    progress: Progress = silent,
) -> Evaluation | SequenceEvaluation:
    """Score a run's VAE, or recurrent VAE, on held-out data.

    Args:
        run: of a VAE or of a recurrent one.
        data: what `load` takes, of which the test part is used; None for the data of the run.
        draws: codes of each posterior that the likelihood is estimated with, such as 5,000 for a publication; of
            series also particles.
        limit: of the number of samples, or pieces of series; None for all.
        averaged: use the moving average of the weights rather than those of the last step.
        progress: called with the number of samples done and their total.

    Raises:
        PoiseError: the run has no encoder, the data do not fit it, or fewer than two samples are held out.

    Example:
        >>> import poise
        >>> run = poise.train("vae", "ring", steps=20, out=tmp / "held-out", progress=False)
        >>> scores = poise.held_out(run, draws=10, limit=100)
        >>> scores.samples, scores.draws
        (100, 10)
    """
    if isinstance(run.game(averaged), Rvae):
        return _evaluate_series(run, data_of(run, data), draws, limit, averaged, progress)
    game, dataset = trained_vae(run, averaged), data_of(run, data)
    rows = dataset.test[:limit]
    _check_two(dataset)
    labels = told_classes(run, game, dataset, dataset.test_labels)
    volume = 0.0 if dataset.scaling is None else dataset.scaling.log_volume
    return evaluation.evaluate(game, rows, labels, draws=draws, log_volume=volume, progress=progress)


def _evaluate_series(
    run: Run, dataset: Dataset, draws: int, limit: int | None, averaged: bool, progress: Progress
) -> SequenceEvaluation:
    game, pieces, train = run.game(averaged), dataset.test, dataset.train
    assert isinstance(game, Rvae)
    assert isinstance(pieces, Windows)
    assert isinstance(train, Windows)
    assert run.scaling is not None
    _check_two(dataset)
    scale = np.log(run.scaling.scale).tolist()
    return sequence_evaluation.evaluate(
        game, pieces, train, draws=draws, limit=limit, log_scale=scale, progress=progress
    )


def _check_two(dataset: Dataset) -> None:
    if len(dataset.test) < 2:
        count = f"{len(dataset.test)} held-out samples"
        raise PoiseError(f"{dataset.name} has {count}; at least two are needed, give other data")


def trained_vae(run: Run, averaged: bool = True) -> Vae:
    """Return a run's VAE.

    Raises:
        PoiseError: it is of another kind.
    """
    game = run.game(averaged)
    if not isinstance(game, Vae):
        raise PoiseError(f"{run.path} holds a {run.config.recipe}, which has no encoder; train a vae for this")
    return game


def data_of(run: Run, source: str | Path | None = None) -> Dataset:
    """Load data as a run's game takes them: of its size, and in its scale.

    Raises:
        PoiseError: unusable data, or samples that are not like the run's.
    """
    config = run.config
    name = config.data if source is None else str(source)
    size = config.size if kind_of(name) == "images" else None
    labels = config.label_column if config.label_column in (header_of(name) or ()) else None
    dataset = read(replace(config, size=size, label_column=labels), name)
    if list(dataset.columns) != run.data["columns"]:
        there = ", ".join(run.data["columns"]) or "no table"
        raise PoiseError(f"{name} has other columns than the data of {run.path} ({there}); give data alike")
    here, there = (" × ".join(map(str, shape)) for shape in (sample_shape(dataset), run.data["shape"]))
    if here != there:
        raise PoiseError(f"samples of {name} are {here}, those of {run.path} are {there}; give data alike")
    return dataset if run.scaling is None else dataset.standardized(run.scaling)


def told_classes(run: Run, game: Vae, dataset: Dataset, labels: Labels | None) -> Labels | None:
    """Return labels by the run's numbers of classes, which other data may count otherwise; None if none are told.

    Raises:
        PoiseError: the game is told classes and the data have none, or others.
    """
    if not game.classes:
        return None
    if labels is None:
        raise PoiseError(f"{run.path} was trained with classes, and {dataset.name} has no labels; add them")
    known: list[str] = run.data["classes"]
    for name in dataset.classes:
        if name not in known:
            raise PoiseError(f"{run.path} knows no class {name!r}; {suggestion(name, known)}")
    return np.array([known.index(name) for name in dataset.classes])[labels]
