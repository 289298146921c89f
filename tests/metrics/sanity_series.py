"""What scores of generated series see: ways to spoil data, and every score of data that were spoiled so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from poise.data.options import SeriesOptions
from poise.data.series_sets import read_series_set
from poise.data.synthetic import sines
from poise.features.random_convolution import random_convolution_features
from poise.metrics.mmd import mmd
from poise.metrics.prdc import prdc
from poise.metrics.repeats import repeats
from poise.metrics.stylized import stylized
from poise.metrics.train_on_synthetic import train_on_synthetic
from poise.metrics.two_sample import two_sample
from poise.metrics.two_sample_linear import two_sample_linear

Floats = NDArray[np.float64]
Spoil = Callable[[Floats, np.random.Generator], Floats]
Table = dict[str, dict[str, list[float]]]  # of each way to spoil and each score, its values over seeds

STEPS = 24


def shuffled(x: Floats, rng: np.random.Generator) -> Floats:
    """Return each sequence with its steps in another order, all features in the same one."""
    order = rng.permuted(np.broadcast_to(np.arange(x.shape[1]), x.shape[:2]), axis=1)
    return np.take_along_axis(x, order[..., None], axis=1)


def flat(x: Floats, rng: np.random.Generator) -> Floats:
    """Return each sequence's mean at every step."""
    return np.repeat(x.mean(1, keepdims=True), x.shape[1], axis=1)


def repeated(x: Floats, rng: np.random.Generator) -> Floats:
    """Return as many sequences, each one of the first five with noise of 2% of the spread."""
    noise: Floats = 0.02 * x.std((0, 1)) * rng.normal(size=x.shape)
    return x[rng.integers(0, 5, len(x))] + noise


def noisy(x: Floats, rng: np.random.Generator) -> Floats:
    """Return sequences with noise of a fifth of the spread."""
    noise: Floats = 0.2 * x.std((0, 1)) * rng.normal(size=x.shape)
    return x + noise


def backward(x: Floats, rng: np.random.Generator) -> Floats:
    """Return sequences whose time runs backward."""
    return np.flip(x, 1).copy()


SPOILED: Mapping[str, Spoil] = {
    "real": lambda x, rng: x,
    "shuffled": shuffled,
    "flat": flat,
    "repeated": repeated,
    "noisy": noisy,
    "backward": backward,
}


def quarters(name: str, n: int, seed: int) -> list[Floats]:
    """Return four sets of n pieces of 24 steps without a common step, each time others."""
    if name == "sines":
        pieces = sines(4 * n, STEPS, features=2, seed=seed)
    else:
        series = np.asarray(read_series_set(name, SeriesOptions()).values, np.float64)
        pieces = series[: len(series) // STEPS * STEPS].reshape(-1, STEPS, series.shape[1])
        pieces = np.random.default_rng(seed).permutation(pieces)[: 4 * n]
    return np.split(pieces, 4)


@dataclass(frozen=True)
class Kind:
    """Two sets of sequences of one kind, [n, T, d] each.

    Attributes:
        sequences: to train with, and to test with.
        center: of real values, [d].
        scale: likewise.
    """

    sequences: tuple[Tensor, Tensor]
    center: Tensor
    scale: Tensor

    @cached_property
    def features(self) -> tuple[Tensor, Tensor]:
        """Features of both, [n, D] each."""
        a, b = (random_convolution_features(((x - self.center) / self.scale).numpy()) for x in self.sequences)
        return a, b


def told_apart(real: Kind, fake: Kind) -> dict[str, float]:
    """Return the accuracy of a recurrent classifier."""
    train, test = zip(*([part.numpy() for part in kind.sequences] for kind in (real, fake)), strict=True)
    return {"two_sample": two_sample(train, test, steps=300).accuracy}


def told_apart_linearly(real: Kind, fake: Kind) -> dict[str, float]:
    """Return the accuracy of a linear classifier of features."""
    train, test = zip(real.features, fake.features, strict=True)
    return {"two_sample_linear": two_sample_linear(train, test).accuracy}


def discrepancy(real: Kind, fake: Kind) -> dict[str, float]:
    """Return the maximum mean discrepancy of features, all sequences together."""
    both = torch.cat(real.features), torch.cat(fake.features)
    return {"mmd": mmd(*both, permutations=1, generator=torch.Generator())["mmd"]}


def forecasts(real: Kind, fake: Kind) -> dict[str, float]:
    """Return what it costs to train a forecaster on fakes."""
    scores = train_on_synthetic(real.sequences[0], fake.sequences[0], real.sequences[1])
    return {"tstr_ratio": scores["tstr_ratio"]}


def facts(real: Kind, fake: Kind) -> dict[str, float]:
    """Return stylized facts, all sequences together."""
    return stylized(torch.cat(real.sequences), torch.cat(fake.sequences), lags=8)


def variety(real: Kind, fake: Kind) -> dict[str, float]:
    """Return how many fakes repeat others, and what share of data have no fake near, by features."""
    both = torch.cat(real.features), torch.cat(fake.features)
    return {**repeats(*both), "uncovered": 1 - prdc(*both)["coverage"]}


Score = Callable[[Kind, Kind], dict[str, float]]
FAST: tuple[Score, ...] = (told_apart_linearly, discrepancy, forecasts, facts, variety)
SLOW: tuple[Score, ...] = (told_apart,)


def table(name: str, n: int, seeds: Iterable[int], scores: Sequence[Score] = FAST) -> Table:
    """Score data of a set, spoiled in each way, beside other data of it; once for each seed."""
    found: Table = {way: {} for way in SPOILED}
    for seed in seeds:
        a, b, *others = quarters(name, n, seed)
        values = np.concatenate([a, b])
        scaling = torch.from_numpy(values.mean((0, 1))), torch.from_numpy(values.std((0, 1)))
        real = Kind((torch.from_numpy(a), torch.from_numpy(b)), *scaling)
        for way, spoil in SPOILED.items():
            c, d = torch.from_numpy(spoil(np.concatenate(others), np.random.default_rng(seed))).chunk(2)
            fake = Kind((c, d), *scaling)
            for score in scores:
                for key, value in score(real, fake).items():
                    found[way].setdefault(key, []).append(value)
    return found


def deviations(found: Table) -> dict[str, dict[str, float]]:
    """Return how far the mean of each score lies above that of data as they are, in deviations of the latter."""
    floor = {key: (np.mean(values), np.std(values, ddof=1) or 0.01) for key, values in found["real"].items()}
    return {
        way: {key: float((np.mean(values) - floor[key][0]) / floor[key][1]) for key, values in row.items()}
        for way, row in found.items()
    }


def markdown(found: Table) -> str:
    """Return a table: the mean of each score, and in parentheses its deviations above the floor."""
    above, names = deviations(found), list(found["real"])
    rows = [["", *found], ["---"] * (1 + len(found))]
    for name in names:
        values = [f"{np.mean(row[name]):.3f} ({above[way][name]:+.0f})" for way, row in found.items()]
        rows.append([name, *values])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    for source, some in (("sines", 100), ("temperatures", 90)):
        print(source, markdown(table(source, some, range(6), (*FAST, *SLOW))), sep="\n\n", end="\n\n")
