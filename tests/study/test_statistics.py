"""Statistics of a few seeds against scipy, cases worked by hand, and how often intervals hold their truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poise.study.statistics import bootstrap, holm, mean_ranks, paired, profile

NUMBERS = st.floats(-100, 100).map(lambda x: round(x, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12))
def test_the_paired_test_is_scipys(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    found = paired(a, b)
    assert found.difference == pytest.approx((a - b).mean())
    if np.ptp(a - b) > 1e-9:
        expected = stats.ttest_rel(a, b)
        low, high = expected.confidence_interval()
        assert (found.p, found.low, found.high) == pytest.approx((expected.pvalue, low, high), rel=1e-6, abs=1e-9)


def test_differences_that_do_not_vary() -> None:
    assert paired([1, 2, 3], [0, 1, 2]) == (1, 1, 1, 0)
    assert paired([1, 2], [1, 2]).p == 1
    assert math.isnan(paired([1.0], [2.0]).p)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_by_its_definition(p: list[float]) -> None:
    """Hypothesis (i) in order is rejected at α exactly when all up to it have p ≤ α/(m − j + 1)."""
    corrected = holm(p)
    order = sorted(range(len(p)), key=lambda i: p[i])
    for alpha in (0.01, 0.05, 0.3):
        going_on = True
        for place, i in enumerate(order):
            going_on = going_on and p[i] * (len(p) - place) <= alpha
            assert (corrected[i] <= alpha) == going_on


def test_holm_leaves_out_what_is_unknown() -> None:
    corrected = holm([0.02, math.nan, 0.04])
    assert corrected[::2] == [0.04, 0.04]
    assert math.isnan(corrected[1])


def test_the_bootstrap_is_scipys() -> None:
    x = np.random.default_rng(1).normal(size=12)
    found = bootstrap(x)
    expected = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert found.mean == pytest.approx(x.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03)


@pytest.mark.parametrize(("n", "share"), [(3, 0.75), (5, 0.83), (10, 0.90)])
def test_how_often_the_interval_holds_the_mean(n: int, share: float) -> None:
    """As its docstring warns."""
    draws = np.random.default_rng(0).normal(size=(400, n))
    held = [low <= 0 <= high for _, low, high in map(bootstrap, draws)]
    assert np.mean(held) == pytest.approx(share, abs=0.06)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=5))
def test_ranks_are_scipys(rows: list[list[int]]) -> None:
    found = mean_ranks({str(i): [float(x) for x in row] for i, row in enumerate(rows)})
    expected = stats.rankdata(np.array(rows), axis=0).mean(1)
    assert list(found.values()) == pytest.approx(expected.tolist())


def test_who_failed_is_last() -> None:
    assert mean_ranks({"a": [math.inf, 1.0], "b": [5.0, 2.0], "c": [6.0, math.inf]}) == {"a": 2.0, "b": 1.5, "c": 2.5}


def test_profiles_by_hand() -> None:
    """Three problems; b fails on one, and is the best by a factor of two on another."""
    found = profile({"a": [1.0, 4.0, 3.0], "b": [1.0, 2.0, math.inf]}, [1.0, 1.5, 2.0, 1e6])
    assert found["a"] == pytest.approx([2 / 3, 2 / 3, 1, 1])
    assert found["b"] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2 / 3])
