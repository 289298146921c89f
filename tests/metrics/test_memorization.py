"""Copies of training data are seen as such by three measures."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics import authenticity, copies, ct_score, nearest
from poise.metrics.ct_score import mann_whitney
from poise.metrics.kmeans import cells, kmeans


def normal(n: int, d: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


# By hand: training points 0, 1, 3, 10, whose nearest others are 1, 1, 2 and 7 away.
@pytest.mark.parametrize(
    ("fake", "authentic"),
    [
        (0.0, False),  # a copy
        (-0.9, False),  # .9 < 1
        (-1.1, True),  # 1.1 > 1
        (-1.0, False),  # as far, no farther
        (1.9, False),  # nearest is 1 (.9 < 1), though 3's ball of 2 holds it as well
        (2.2, False),  # nearest is 3 (.8 < 2): by the distance of 1, which a mistaken index would take, likewise
        (4.5, False),  # nearest is 3 (1.5 < 2); a mistaken index, the position of the sample, has 1
        (5.5, True),  # nearest is 3 (2.5 > 2)
        (8.0, False),  # nearest is 10 (2 < 7)
        (17.5, True),  # 7.5 > 7
    ],
)
def test_authentic_is_farther_than_the_nearest_is_from_its_own(fake: float, authentic: bool) -> None:
    assert authenticity(column(0, 1, 3, 10), column(fake)) == {"authenticity": float(authentic)}


def test_a_fake_is_held_to_the_ball_of_its_own_training_point() -> None:
    """The order of the samples must not matter, which it does if the nearest index is used in the wrong array."""
    train, fakes = column(0, 1, 3, 10), column(-1.1, 17.5, 8.0, 4.5, 5.5)
    for seed in range(5):
        order = torch.randperm(5, generator=seeded(seed))
        assert authenticity(train, fakes[order])["authenticity"] == 3 / 5
        some = torch.randperm(4, generator=seeded(seed))
        assert authenticity(train[some], fakes)["authenticity"] == 3 / 5


def slow_authenticity(train: torch.Tensor, fake: torch.Tensor) -> float:
    count = 0
    for f in fake:
        gaps = (train - f).square().sum(1).sqrt()
        nearest = int(gaps.argmin())
        others = (train[torch.arange(len(train)) != nearest] - train[nearest]).square().sum(1).sqrt()
        count += bool(gaps[nearest] > others.min())
    return count / len(fake)


def slow_copies(train: torch.Tensor, fake: torch.Tensor) -> float:
    count = 0
    for f in fake:
        first, second = (train - f).square().sum(1).sqrt().sort().values[:2]
        count += bool(first == 0 or first < second / 3)
    return count / len(fake)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 30), m=st.integers(1, 20), d=st.integers(1, 3), seed=st.integers(0, 99))
def test_shares_are_those_of_loops(n: int, m: int, d: int, seed: int) -> None:
    train, fake, other = normal(n, d, seed), normal(m, d, seed + 100), normal(7, d, seed + 200)
    assert authenticity(train, fake)["authenticity"] == pytest.approx(slow_authenticity(train, fake), rel=1e-8)
    found = copies(train, other, fake)
    assert found["copied"] == pytest.approx(slow_copies(train, fake), rel=1e-8)
    assert found["copied_held_out"] == pytest.approx(slow_copies(train, other), rel=1e-8)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("d", [8, 64])
def test_the_share_of_copies_is_found(share: float, d: int) -> None:
    train, held_out, fake = normal(500, d), normal(300, d, 1), normal(200, d, 2)
    copied = int(share * 200)
    fake[:copied] = train[:copied] + 0.01 * normal(copied, d, 3)
    found = copies(train, held_out, fake)
    assert found["copied"] == pytest.approx(share, abs=0.01)
    assert found["copied_held_out"] < 0.01


@pytest.mark.parametrize(("m", "n"), [(20, 20), (20, 200), (150, 60)])
def test_the_score_of_copies_is_the_lowest_that_there_is(m: int, n: int) -> None:
    """One cell, U = 0: Z = −(nm/2)/√(nm(n + m + 1)/12), with m zeros tied."""
    train = normal(300)
    found = ct_score(train, normal(n, seed=1), train[:m], seeded(), regions=1)
    ties = (m**3 - m) / ((m + n) * (m + n - 1))
    expected = -(m * n / 2) / math.sqrt(m * n / 12 * (m + n + 1 - ties))
    assert found["ct"] == found["ct_lowest"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("regions", [1, 2, 4])
def test_equal_laws_score_zero_with_the_stated_deviation(regions: int) -> None:
    scores, expected = [], []
    for seed in range(60):
        train, test, fake = (normal(n, 2, 3 * seed + i) for i, n in enumerate((400, 600, 600)))
        found = ct_score(train, test, fake, seeded(seed), regions)
        shares = cells(test, kmeans(train, regions, seeded(seed))).bincount(minlength=regions) / 600
        assert found["ct_cells"] == regions
        scores.append(found["ct"])
        expected.append(shares.square().sum().sqrt().item())
    deviation = math.sqrt(sum(x**2 for x in expected) / 60)
    assert abs(sum(scores) / 60) < 4 * deviation / math.sqrt(60)
    assert math.sqrt(sum(x**2 for x in scores) / 60) == pytest.approx(deviation, rel=0.35)  # of 60: ± 9 %


def test_slow_reference_of_the_score() -> None:
    train, test, fake = normal(200, 3), normal(150, 3, 1), 0.6 * normal(130, 3, 2)
    found = ct_score(train, test, fake, seeded(7), regions=3)
    centers = kmeans(train, 3, seeded(7))

    def place(x: torch.Tensor) -> list[int]:
        return [int((centers - row).norm(dim=1).argmin()) for row in x]

    of_train, of_test, of_fake = place(train), place(test), place(fake)
    top, bottom = 0.0, 0
    for cell in range(3):
        here = train[[i for i, c in enumerate(of_train) if c == cell]]
        gaps = [
            [(here - row).norm(dim=1).min().item() for row, c in zip(x, places, strict=True) if c == cell]
            for x, places in ((fake, of_fake), (test, of_test))
        ]
        m, n = map(len, gaps)
        if min(m, n) < 20:
            continue
        u = sum((a > b) + (a == b) / 2 for a in gaps[0] for b in gaps[1])
        top += n * (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)
        bottom += n
    assert found["ct"] == pytest.approx(top / bottom, rel=1e-8)


@pytest.mark.parametrize("regions", [2, 5])
def test_known_neighbors_change_nothing(regions: int) -> None:
    """Though some lie in another cell than the sample, and are not the nearest within its own."""
    train, test, fake = (normal(n, 3, seed) for seed, n in enumerate((400, 200, 150)))
    known = nearest(fake, train, 2)
    scores = [ct_score(train, test, fake, seeded(), regions, found=found) for found in (None, known)]
    assert scores[0] == scores[1]
    assert authenticity(train, fake, found=known) == authenticity(train, fake)


def test_copies_in_one_cell_only_are_seen_in_the_lowest() -> None:
    shift = torch.tensor([100.0, 0.0], dtype=torch.float64)
    train = torch.cat([normal(300, 2), normal(300, 2, 1) + shift])
    test = torch.cat([normal(100, 2, 2), normal(100, 2, 3) + shift])
    fake = torch.cat([train[:100] + 1e-3, normal(100, 2, 4) + shift])
    found = ct_score(train, test, fake, seeded(), regions=2)
    assert found["ct_lowest"] < -8
    assert found["ct_lowest"] + 5 < found["ct"] < -2


@pytest.mark.parametrize("size", [0.2, 3.0])
def test_too_near_is_negative_and_too_far_positive(size: float) -> None:
    train = normal(500, 8)
    fake = train[:200] + size * normal(200, 8, 5)
    assert (ct_score(train, normal(200, 8, 1), fake, seeded(), 1)["ct"] > 0) == (size > 1)


@settings(max_examples=40, deadline=None)
@given(a=st.lists(st.integers(0, 6), min_size=1, max_size=15), b=st.lists(st.integers(0, 6), min_size=1, max_size=15))
def test_mann_whitney_with_ties(a: list[int], b: list[int]) -> None:
    m, n = len(a), len(b)
    u = sum((x > y) + (x == y) / 2 for x in a for y in b)
    ties = sum((a + b).count(x) ** 3 - (a + b).count(x) for x in set(a + b))
    variance = m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))
    expected = (u - m * n / 2) / math.sqrt(variance) if len(set(a + b)) > 1 else 0.0
    got = mann_whitney(*(torch.tensor(x, dtype=torch.float64) for x in (a, b)))
    assert got == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_the_same_score_with_the_same_seed() -> None:
    parts = normal(200), normal(100, seed=1), normal(100, seed=2)
    assert ct_score(*parts, seeded(3), 4) == ct_score(*parts, seeded(3), 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: authenticity(normal(1), normal(5)), "training features must be at least 2 samples, not 1"),
        (lambda: authenticity(normal(5), normal(5, 3)), "equal dimensions"),
        (lambda: authenticity(normal(5), normal(5) * math.nan), "generated features hold NaN"),
        (lambda: copies(normal(5), normal(0), normal(5)), "held-out features must be at least 1 samples, not 0"),
        (lambda: copies(normal(5), normal(5, 3), normal(5)), "equal dimensions"),
        (lambda: ct_score(normal(50), normal(19), normal(50), seeded()), "test features must be at least 20"),
        (lambda: ct_score(normal(50), normal(50), normal(50, 2), seeded()), "dimensions must be equal, not 4, 4 and 2"),
        (lambda: ct_score(normal(50), normal(20), normal(20), seeded(), 5), "no cell holds 20"),
    ],
)
def test_unusable_features_are_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
