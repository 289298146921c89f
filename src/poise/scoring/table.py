"""The table of metrics: for each a function of a view, and how its numbers are read."""

import math

import numpy as np
import torch
from torch import Tensor

from ..counting import garment_counter
from ..data.toys import TOYS
from ..metrics.authenticity import authenticity
from ..metrics.birthday import birthday
from ..metrics.copies import copied
from ..metrics.ct_score import ct_score
from ..metrics.frechet import frechet_infinity, frechet_leaving_out
from ..metrics.gray import gray_levels
from ..metrics.kid import kid_of_all
from ..metrics.mmd import mmd
from ..metrics.modes import modes
from ..metrics.ndb import ndb
from ..metrics.prdc import prdc, prdc_leaving_out
from ..metrics.repeats import repeats
from ..metrics.spectrum import spectrum
from ..metrics.stacked import stacked_modes
from ..metrics.stylized import stylized
from ..metrics.train_on_synthetic import train_on_synthetic
from ..metrics.two_sample import TwoSample, two_sample
from ..metrics.two_sample_linear import two_sample_linear
from ..metrics.vendi import vendi, vendi_leaving_out
from ..metrics.wasserstein import wasserstein
from .metric import Entry, LeftOut, Metric, Numbers
from .view import Side, View

STATIC = ("images", "points", "table")
FLAT = ("points", "table")
SERIES = ("series",)
ALL = (*STATIC, *SERIES)
VENDI = (1.0, math.inf)  # orders
KERNEL = 5_000  # samples of each kind for the kernel distance, whose chance is small long before
PERMUTED = 1_000  # samples of each kind in a permutation test, whose kernel is held whole


def _generator(view: View) -> torch.Generator:
    return torch.Generator().manual_seed(view.seed)


def _rows(side: Side) -> Tensor:
    return torch.from_numpy(side.rows)


def _frechet(view: View) -> Numbers:
    return {"frechet": view.frechet}


def _frechet_without(view: View, blocks: int) -> LeftOut:
    return _frechet(view), frechet_leaving_out(view.real.features, view.fake.features, blocks)


def _frechet_infinity(view: View) -> Numbers:
    sides = view.real.features, view.fake.features
    found = frechet_infinity(*sides, generator=_generator(view), whole=view.frechet)
    ends = {f"frechet_infinity_{end}": found[end] for end in ("low", "high")}
    return {"frechet_infinity": found["frechet_infinity"], **ends}


def _kid(view: View) -> Numbers:
    found = kid_of_all(view.real.features[:KERNEL], view.fake.features[:KERNEL])
    reach = 1.96 * found["kid_error"]
    return {"kid": found["kid"], "kid_low": found["kid"] - reach, "kid_high": found["kid"] + reach}


def _prdc(view: View) -> Numbers:
    return prdc(view.real.features, view.fake.features)


def _prdc_without(view: View, blocks: int) -> LeftOut:
    real, fake = view.real, view.fake
    return prdc_leaving_out(
        real.features, fake.features, blocks, real_neighbors=real.neighbors, fake_neighbors=fake.neighbors
    )


def _vendi(view: View) -> Numbers:
    return vendi(view.fake.features, VENDI)


def _vendi_without(view: View, blocks: int) -> LeftOut:
    return _vendi(view), vendi_leaving_out(view.fake.features, blocks, VENDI)


def _ndb(view: View) -> Numbers:
    bins = min(100, len(view.real) // 20, len(view.fake) // 10)
    return ndb(view.real.features, view.fake.features, _generator(view), bins)


def _birthday(view: View) -> Numbers:
    found = birthday(view.real.features, view.fake.features, real_nearest=view.real.neighbors[0][:, 0])
    return {"support": found["support"], "support_low": found["low"], "support_high": found["high"]}


def _copies(view: View) -> Numbers:
    return {"copied": copied(view.in_training[0])}


def _authenticity(view: View) -> Numbers:
    return authenticity(view.train.features, view.fake.features, found=view.in_training)


def _ct(view: View) -> Numbers:
    sides = view.train.features, view.real.features, view.fake.features
    return ct_score(*sides, _generator(view), found=view.in_training)


def _spectrum(view: View) -> Numbers:
    return spectrum(_rows(view.real), _rows(view.fake))


def _gray(view: View) -> Numbers:
    return gray_levels(_rows(view.real), _rows(view.fake))


def _wasserstein(view: View) -> Numbers:
    return {"wasserstein": wasserstein(_rows(view.real), _rows(view.fake)).mean().item()}


def _modes(view: View) -> Numbers:
    centers, sigma = TOYS[view.data]()
    return modes(_rows(view.fake), torch.from_numpy(centers), sigma)


def _stacked(view: View) -> Numbers:
    return stacked_modes(_rows(view.real), _rows(view.fake), garment_counter())


def _two_sample(view: View) -> Numbers:
    train = view.train.some(len(view.real), view.seed)
    early, late = np.split(view.fake.rows, [len(view.fake) // 2])
    return _told(two_sample((train.rows, early), (view.real.rows, late), view.seed))


def _two_sample_linear(view: View) -> Numbers:
    train = view.train.some(len(view.real), view.seed)
    early, late = view.fake.features.tensor_split(2)
    return _told(two_sample_linear((train.features, early), (view.real.features, late)))


def _told(found: TwoSample) -> Numbers:
    """Return an accuracy, and as its interval what chance may add to one half, to both sides."""
    reach = found.chance - 0.5
    ends = {"accuracy_low": found.accuracy - reach, "accuracy_high": found.accuracy + reach}
    return {"accuracy": found.accuracy, **ends}


def _stylized(view: View) -> Numbers:
    return stylized(_rows(view.real), _rows(view.fake))


def _train_on_synthetic(view: View) -> Numbers:
    return train_on_synthetic(_rows(view.train), _rows(view.fake), _rows(view.real), seed=view.seed)


def _mmd(view: View) -> Numbers:
    return mmd(view.real.features[:PERMUTED], view.fake.features[:PERMUTED], generator=_generator(view))


def _repeats(view: View) -> Numbers:
    return repeats(view.real.features, view.fake.features)


METRICS: dict[str, Metric] = {
    "frechet": Metric(
        _frechet,
        (
            Entry(
                "frechet", "{distance}", "lower", "Fréchet distance of the judge's features; falls as samples are added"
            ),
        ),
        ALL,
        without=_frechet_without,
    ),
    "frechet-infinity": Metric(
        _frechet_infinity,
        (Entry("frechet_infinity", "{distance} ∞", "lower", "the same, extrapolated to infinitely many samples"),),
        ALL,
        least=100,
        spread="own",
    ),
    "kid": Metric(
        _kid, (Entry("kid", "KID{judge}", "lower", "kernel distance; 0 on average for equal laws"),), ALL, 4, "own"
    ),
    "prdc": Metric(
        _prdc,
        (
            Entry("precision", "precision", "higher", "share of samples that look real", share=True),
            Entry("recall", "recall", "higher", "share of real data that samples could be", share=True),
            Entry("density", "density", "higher", "how deep within real data samples lie"),
            Entry("coverage", "coverage", "higher", "share of real data with a sample nearby", share=True),
        ),
        ALL,
        10,
        without=_prdc_without,
    ),
    "vendi": Metric(
        _vendi,
        (
            Entry("vendi_1", "Vendi", "real", "number of samples that all differ, with as much diversity"),
            Entry("vendi_inf", "Vendi ∞", "real", "the same, by the most frequent kind alone"),
        ),
        ("images",),
        without=_vendi_without,
    ),
    "ndb": Metric(
        _ndb,
        (Entry("ndb_share", "NDB", "lower", "share of cells with too many or too few samples", share=True),),
        STATIC,
        100,
        "none",
    ),
    "modes": Metric(
        _modes,
        (
            Entry("modes", "modes", "higher", "modes with a sample within three deviations"),
            Entry(
                "high_quality",
                "high quality",
                "higher",
                "share of samples within three deviations of a mode",
                share=True,
            ),
            Entry("kl", "modes KL", "lower", "how unequal the modes' shares are, nats"),
        ),
        ("points",),
        only=tuple(TOYS),
    ),
    "stacked": Metric(
        _stacked,
        (
            Entry("modes", "modes of 1000", "higher", "as a classifier counts them, whose mistakes are modes too"),
            Entry("kl", "modes KL", "lower", "how unequal their shares are, nats; rank by this"),
        ),
        ("images",),
        spread="none",
        only=("stacked-fashion",),
    ),
    "wasserstein": Metric(
        _wasserstein, (Entry("wasserstein", "marginals", "lower", "Wasserstein-1 distance of columns' values"),), FLAT
    ),
    "birthday": Metric(
        _birthday,
        (Entry("support", "support", "real", "how many different samples there seem to be, by near-duplicates"),),
        STATIC,
        100,
        "own",
    ),
    "copies": Metric(
        _copies,
        (Entry("copied", "copied", "lower", "share of samples that are copies of training data", share=True),),
        STATIC,
        10,
        "share",
        copies=True,
    ),
    "authenticity": Metric(
        _authenticity,
        (
            Entry(
                "authenticity",
                "authentic",
                "real",
                "share of samples not nearer to training data than these to others",
                share=True,
            ),
        ),
        STATIC,
        10,
        "share",
        copies=True,
    ),
    "ct": Metric(
        _ct,
        (Entry("ct", "copying C_T", "real", "far below 0: nearer to training data than held-out data are"),),
        STATIC,
        200,
        "none",
        copies=True,
    ),
    "spectrum": Metric(
        _spectrum,
        (
            Entry("spectrum", "spectrum", "lower", "difference of power by frequency, decibels"),
            Entry("spectrum_high", "fine detail", "real", "power of high frequencies beside data's: − blur, + noise"),
        ),
        ("images",),
    ),
    "gray": Metric(
        _gray,
        (Entry("gray_wasserstein", "gray levels", "lower", "difference of pixels' values, of 255 levels"),),
        ("images",),
    ),
    "two-sample": Metric(
        _two_sample,
        (
            Entry(
                "accuracy",
                "told apart",
                "lower",
                "accuracy of a recurrent classifier on other samples; ½ knows nothing",
                share=True,
            ),
        ),
        SERIES,
        40,
        "own",
        copies=True,
    ),
    "two-sample-linear": Metric(
        _two_sample_linear,
        (Entry("accuracy", "told apart, linear", "lower", "the same of random convolutions", share=True),),
        SERIES,
        40,
        "own",
        copies=True,
    ),
    "train-on-synthetic": Metric(
        _train_on_synthetic,
        (Entry("tstr", "forecasts", "lower", "error on data of a forecaster that learned from samples"),),
        SERIES,
        20,
    ),
    "stylized": Metric(
        _stylized,
        (
            Entry("marginal", "values", "lower", "Wasserstein-1 distance of values, in deviations"),
            Entry("increments", "steps", "lower", "the same of differences from step to step"),
            Entry("autocorrelation", "autocorrelation", "lower", "mean difference over lags"),
            Entry("volatility", "volatility", "lower", "the same of sizes of steps"),
            Entry("cross_correlation", "correlation", "lower", "mean difference over pairs of features"),
            Entry("lead_lag", "lead and lag", "lower", "the same some steps apart"),
        ),
        SERIES,
    ),
    "mmd": Metric(
        _mmd,
        (Entry("mmd", "MMD", "lower", "Gaussian kernel distance of features; 0 on average for equal laws"),),
        SERIES,
    ),
    "repeats": Metric(
        _repeats,
        (Entry("repeats", "repeats", "real", "share of samples that nearly repeat another", share=True),),
        SERIES,
        20,
    ),
}
