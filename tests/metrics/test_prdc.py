"""Precision, recall, density and coverage against their definitions, their expectations and the package prdc."""

import math
import sys
from statistics import mean, stdev

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc

from metrics.features import draw, plain_prdc
from metrics.peers import load
from poise.metrics import distance_bounds, nearest, prdc, radii
from poise.metrics.prdc import prdc_leaving_out


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(6, 60),
    m=st.integers(6, 60),
    d=st.integers(1, 20),
    k=st.integers(1, 5),
    seed=st.integers(0, 999),
    spread=st.floats(0.3, 2),
)
def test_definitions(n: int, m: int, d: int, k: int, seed: int, spread: float) -> None:
    real, fake = draw(n, d, seed), draw(m, d, seed + 1000, spread)
    assert prdc(real, fake, k) == pytest.approx(plain_prdc(real, fake, k), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(6, 40), m=st.integers(6, 40), d=st.integers(1, 5), seed=st.integers(0, 999))
def test_ties_and_copies(n: int, m: int, d: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    real, fake = (torch.randint(3, (count, d), generator=generator).float() for count in (n, m))
    assert prdc(real, fake, 3) == pytest.approx(plain_prdc(real, fake, 3), abs=1e-12)


@pytest.mark.parametrize("tight", [1e-3, 1e-6, 1e-9])
def test_a_generator_that_has_collapsed_to_five_points(tight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = draw(200, 32, 0).double()
    fake = real[torch.arange(150) % 5] + tight * draw(150, 32, 1)
    real = torch.cat([real, fake[:50] + tight * draw(50, 32, 2)])
    expected = plain_prdc(real, fake, 5)
    assert prdc(real, fake) == expected
    monkeypatch.setattr(sys.modules["poise.metrics.prdc"], "MANY", 0)
    assert prdc(real, fake) == expected


@pytest.mark.parametrize("block", [1, 13, 1000])
def test_blocks_and_known_radii_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    real, fake = draw(40, 16, 0), draw(30, 16, 1)
    expected = prdc(real, fake)
    monkeypatch.setattr(distance_bounds, "BLOCK", block)
    assert prdc(real, fake) == expected
    assert prdc(real, fake, real_radii=radii(real, 5)) == expected


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(12, 60),
    m=st.integers(12, 60),
    d=st.integers(1, 8),
    k=st.integers(1, 5),
    blocks=st.integers(2, 5),
    whole=st.booleans(),
    seed=st.integers(0, 999),
)
def test_leaving_blocks_out_is_measuring_the_others(
    n: int, m: int, d: int, k: int, blocks: int, whole: bool, seed: int
) -> None:
    """Also where so few neighbors are known that the k-th of those left is not among them, and where many tie."""
    draws = torch.Generator().manual_seed(seed)
    real, fake = (
        torch.randn(count, d, generator=draws) if whole else torch.randint(4, (count, d), generator=draws).float()
        for count in (n, m)
    )
    known = nearest(real, real, k, itself=True) if whole else None
    found, without = prdc_leaving_out(real, fake, blocks, k, real_neighbors=known)
    assert found == prdc(real, fake, k)
    for block, scores in enumerate(without):
        left, made = (x[torch.arange(len(x)) % blocks != block] for x in (real, fake))
        assert scores == prdc(left, made, k)


@pytest.mark.parametrize(("n", "m", "k"), [(200, 200, 5), (100, 300, 3), (300, 60, 1)])
def test_expectations_under_equal_laws(n: int, m: int, k: int) -> None:
    found = [prdc(draw(n, 4, seed), draw(m, 4, seed + 500), k) for seed in range(60)]
    coverage = 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    for name, expected in (("density", 1.0), ("coverage", coverage)):
        values = [scores[name] for scores in found]
        assert abs(mean(values) - expected) < 4 * stdev(values) / math.sqrt(len(values))


@pytest.mark.parametrize(("n", "m", "spread"), [(100, 150, 0.5), (80, 80, 1.0), (60, 200, 2.0)])
def test_precision_and_recall_swap(n: int, m: int, spread: float) -> None:
    real, fake = draw(n, 8, 0), draw(m, 8, 1, spread)
    there, back = prdc(real, fake), prdc(fake, real)
    assert (there["precision"], there["recall"]) == (back["recall"], back["precision"])
    if spread < 1:
        assert there["precision"] > there["recall"]


def test_what_is_missing_and_what_is_wrong_are_told_apart() -> None:
    modes = 10 * torch.eye(4)
    real = modes[torch.arange(400) % 4] + draw(400, 4, 0)
    dropped = modes[torch.arange(400) % 2] + draw(400, 4, 1)
    scores = prdc(real, dropped)
    assert scores["precision"] > 0.95
    assert max(scores["recall"], scores["coverage"]) < 0.55
    scores = prdc(real, torch.cat([real[:200] + 0.1, real[200:] + 50]))
    assert scores["precision"] == pytest.approx(0.5, abs=0.05)
    assert scores["density"] < 0.9


@pytest.mark.parametrize(("d", "k"), [(4, 1), (64, 5), (512, 3)])
def test_the_package_prdc(d: int, k: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Its balls are open and Poise's closed, which is the same unless distances tie."""
    real, fake = draw(150, d, 0), draw(120, d, 1, 0.9)
    expected = compute_prdc(real.numpy(), fake.numpy(), k)
    assert prdc(real, fake, k) == pytest.approx({name: float(score) for name, score in expected.items()}, abs=1e-12)
    assert capsys.readouterr().out


@pytest.mark.parametrize(("d", "k"), [(4, 3), (64, 5), (512, 1)])
def test_torch_fidelity(d: int, k: int) -> None:
    """Since 0.4.0 it no longer swaps the two; its distances are those of float32 products, right enough for these."""
    peer = load("torch_fidelity.metric_prc")
    real, fake = draw(150, d, 0), draw(120, d, 1, 0.9)
    expected = peer.prc_features_to_metric(
        fake, real, prc_neighborhood=k, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )
    scores = prdc(real, fake, k)
    assert (scores["precision"], scores["recall"]) == pytest.approx((expected["precision"], expected["recall"]))


def test_copies_of_data_lie_in_its_balls_of_no_radius() -> None:
    """The package prdc says 0 here, because its balls are open."""
    x = torch.zeros(10, 3)
    assert prdc(x, x)["precision"] == prdc(x, x)["coverage"] == 1


def test_unusable_features_are_refused() -> None:
    x = draw(10, 3, 0)
    with pytest.raises(ValueError, match="generated features must be at least 6 samples, not 5"):
        prdc(x, x[:5])
    with pytest.raises(ValueError, match="one radius for each of 10"):
        prdc(x, x, real_radii=torch.ones(3))
    with pytest.raises(ValueError, match="of one judge"):
        prdc(x, x[:, :2])
    with pytest.raises(ValueError, match="k must be at least 1"):
        prdc(x, x, 0)
