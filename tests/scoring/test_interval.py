"""Intervals: the jackknife of a mean is its textbook interval, and shares' intervals hold their truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.scoring.interval import BLOCKS, QUANTILE, jackknife, share
from poise.scoring.metric import Entry


@given(st.integers(0, 1_000), st.integers(2, 40))
def test_jackknife_of_a_mean_is_the_interval_of_its_blocks(seed: int, each: int) -> None:
    """Leaving out one of B equal blocks, the mean's jackknife error is the standard error of the blocks' means."""
    x = np.random.default_rng(seed).normal(size=(BLOCKS, each))
    without = [{"mean": float(np.delete(x, block, 0).mean())} for block in range(BLOCKS)]
    low, high = jackknife({"mean": float(x.mean())}, without)["mean"]
    reach = QUANTILE * x.mean(1).std(ddof=1) / math.sqrt(BLOCKS)
    assert (high - low) / 2 == pytest.approx(reach, rel=1e-9)
    assert (high + low) / 2 == pytest.approx(x.mean())


def test_a_score_that_is_not_finite_has_no_interval() -> None:
    low, high = jackknife({"support": math.inf}, [{"support": 1.0}] * BLOCKS)["support"]
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(("p", "n"), [(0.5, 50), (0.05, 100), (0.9, 400)])
def test_wilson_intervals_hold_the_truth(p: float, n: int) -> None:
    rng, held = np.random.default_rng(0), 0
    for found in rng.binomial(n, p, 2_000) / n:
        low, high = share(found, n)
        held += low <= p <= high
    assert 0.92 < held / 2_000 < 0.98


@pytest.mark.parametrize("n", [10, 1_000])
def test_wilson_intervals_end_at_0_and_1(n: int) -> None:
    assert share(0.0, n)[0] == pytest.approx(0, abs=1e-12)
    assert share(1.0, n)[1] == pytest.approx(1)
    assert share(0.0, n)[1] == pytest.approx(1.96**2 / (n + 1.96**2))


def test_intervals_of_shares_stay_between_0_and_1() -> None:
    entry = Entry("recall", "recall", "higher", "", share=True)
    score = entry.score(0.2, 0.9, (-0.2, 1.3), {})
    assert (score.low, score.high) == (0.0, 1.0)
    assert Entry("kid", "KID", "lower", "").score(0.2, 0.9, (-0.2, 1.3), {}).low == -0.2
    assert math.isnan(entry.score(0.2, 0.9, (math.nan, math.nan), {}).low)
