"""The Fréchet distance against closed forms, singular values of the samples, and other libraries."""

import math
from statistics import mean, stdev

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metrics.features import draw
from metrics.peers import load
from poise.metrics import distance, frechet, frechet_infinity, moments
from poise.metrics.frechet import frechet_leaving_out


def whitened(n: int, d: int, seed: int) -> Tensor:
    """Samples whose mean is 0 and whose covariance is the identity, exactly."""
    drawn = torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x: Tensor = drawn - drawn.mean(0)
    basis: Tensor = torch.linalg.qr(x).Q
    return basis * math.sqrt(n - 1)


def plain(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Return the distance by the singular values of all samples' products, and the traces that its error is held to."""
    real, fake = real.double(), fake.double()
    a, b = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (real, fake))
    spread = a.square().sum() + b.square().sum()
    shift = (real.mean(0) - fake.mean(0)).square().sum()
    return (shift + spread - 2 * torch.linalg.svdvals(a @ b.T).sum()).item(), (shift + spread).item()


@settings(max_examples=30, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    scales=st.lists(st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)), min_size=1, max_size=6),
    shift=st.floats(-3, 3),
)
def test_commuting_covariances(seeds: tuple[int, int], scales: list[tuple[float, float]], shift: float) -> None:
    a, b = (torch.tensor(column, dtype=torch.float64) for column in zip(*scales, strict=True))
    d = len(scales)
    real, fake = whitened(40, d, seeds[0]) * a, whitened(50, d, seeds[1]) * b + shift
    expected = d * shift**2 + (a - b).square().sum().item()
    assert frechet(real, fake)["frechet"] == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("n", "d", "shift"), [(300, 5, 2.0), (20, 50, 0.1), (100, 100, 30.0)])
def test_equal_covariances(n: int, d: int, shift: float) -> None:
    x = draw(n, d, 0).double()
    assert frechet(x, x + shift)["frechet"] == pytest.approx(d * shift**2, rel=1e-8, abs=1e-9 * d)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 60),
    m=st.integers(2, 60),
    d=st.integers(1, 40),
    seed=st.integers(0, 999),
    decay=st.sampled_from([0.0, 1.0, 3.0, 6.0]),
    dead=st.integers(0, 20),
)
def test_samples_of_any_number_rank_and_spectrum(n: int, m: int, d: int, seed: int, decay: float, dead: int) -> None:
    scales = torch.arange(1.0, d + 1).double() ** -decay
    scales[d - min(dead, d - 1) :] = 0  # constant features
    turn = torch.linalg.qr(draw(d, d, seed).double()).Q
    real, fake = (draw(n, d, seed + 1).double() * scales @ turn, draw(m, d, seed + 2).double() * scales @ turn + 0.1)
    fake[: m // 2] = fake[0].clone()  # and copies
    expected, size = plain(real, fake)
    assert frechet(real, fake)["frechet"] == pytest.approx(expected, abs=1e-8 * size)
    assert frechet(fake, real)["frechet"] == pytest.approx(expected, abs=1e-8 * size)


@pytest.mark.parametrize("decay", [0.0, 1.0, 2.0, 4.0])
def test_many_dimensions(decay: float) -> None:
    scales = torch.arange(1.0, 301).double() ** -decay
    turn = torch.linalg.qr(draw(300, 300, 0).double()).Q
    real, fake = (draw(n, 300, n).double() * scales @ turn for n in (400, 350))
    expected, size = plain(real, fake)
    assert frechet(real, fake)["frechet"] == pytest.approx(expected, abs=1e-8 * size)


@pytest.mark.parametrize(("n", "d"), [(50, 4), (10_000, 3), (4, 30), (4_096, 2)])
def test_moments(n: int, d: int) -> None:
    x = draw(n, d, 0, shift=100.0)
    found = moments(x)
    assert found.count == n
    assert found.factor.shape == (min(n, d), d)
    assert torch.allclose(found.mean, x.double().mean(0), rtol=1e-12)
    assert torch.allclose(found.covariance, torch.cov(x.double().T), rtol=1e-9, atol=1e-11)
    assert distance(found, moments(x + 1)) == frechet(x, x + 1)["frechet"]


@pytest.mark.parametrize(("n", "d"), [(2_000, 10), (500, 4), (1_000, 20)])
def test_equal_laws_have_the_known_bias(n: int, d: int) -> None:
    found = [frechet(draw(n, d, seed), draw(n, d, seed + 500))["frechet"] for seed in range(30)]
    assert mean(found) == pytest.approx(2 * d / n + d * (d + 1) / (2 * n), rel=0.15)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 8), (400, 500, 64), (90, 40, 64)])
def test_torch_fidelity_and_torchmetrics(n: int, m: int, d: int) -> None:
    """Both take roots of eigenvalues of Σ_r Σ_f, which for singular ones, as of few samples, are right to 1e-6 only."""
    real, fake = draw(n, d, 0).double(), draw(m, d, 1, 0.8, 0.1).double()
    fidelity, torchmetrics = load("torch_fidelity.metric_fid"), load("torchmetrics.image.fid")
    found, tolerance = frechet(real, fake)["frechet"], 1e-9 if min(n, m) > d else 1e-5
    stats = [fidelity.fid_features_to_statistics(x) for x in (real, fake)]
    (peer,) = fidelity.fid_statistics_to_metric(*stats, False).values()
    assert found == pytest.approx(peer, rel=tolerance)
    if min(n, m) > d:  # its roots of eigenvalues that are slightly below 0 are NaN
        peer = torchmetrics._compute_fid(*(s for x in (real, fake) for s in (x.mean(0), torch.cov(x.T))))
        assert found == pytest.approx(peer.item(), rel=tolerance)


@pytest.mark.parametrize(("n", "d", "shift"), [(200, 4, 1.0), (300, 16, 0.5), (500, 32, 0.0), (200, 64, 0.3)])
def test_infinitely_many_samples(n: int, d: int, shift: float) -> None:
    truth, errors, held = d * shift**2, [], 0
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        found = frechet_infinity(draw(n, d, seed), draw(n, d, seed + 500, shift=shift), generator=generator)
        errors.append(found["frechet_infinity"] - truth)
        held += found["low"] <= truth <= found["high"]
    bias = 2 * d / n + d * (d + 1) / (2 * n)  # of the plain distance, at no shift
    assert abs(mean(errors)) < 4 * stdev(errors) / math.sqrt(30) + 0.03 * bias
    assert held >= 25


def test_unequal_numbers_of_samples_are_extrapolated_as_well() -> None:
    found = [
        frechet_infinity(draw(1_000, 8, s), draw(200, 8, s + 500, shift=0.5), generator=torch.Generator())
        for s in range(30)
    ]
    values = [scores["frechet_infinity"] for scores in found]
    assert abs(mean(values) - 2) < 4 * stdev(values) / math.sqrt(30)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(12, 80),
    m=st.integers(12, 80),
    d=st.integers(1, 40),
    blocks=st.integers(2, 5),
    decay=st.floats(0, 2),
    seed=st.integers(0, 99),
)
def test_leaving_blocks_out_is_measuring_the_others(
    n: int, m: int, d: int, blocks: int, decay: float, seed: int
) -> None:
    """To 1e-4 of the traces, also of fewer samples than dimensions."""
    scales = torch.arange(1, d + 1) ** -decay
    real, fake = draw(n, d, seed) * scales, 1.3 * draw(m, d, seed + 100) * scales + 1
    for block, scores in enumerate(frechet_leaving_out(real, fake, blocks)):
        expected, spread = plain(*(x[torch.arange(len(x)) % blocks != block] for x in (real, fake)))
        assert scores["frechet"] == pytest.approx(expected, abs=1e-4 * spread)


def test_constant_features_can_be_left_out() -> None:
    x = torch.ones(20, 3)
    assert [scores["frechet"] for scores in frechet_leaving_out(x, x + 2, 4)] == pytest.approx([12.0] * 4)


def test_a_seed_decides() -> None:
    real, fake = draw(100, 5, 0), draw(80, 5, 1)
    state = torch.get_rng_state()
    once, again, other = (
        frechet_infinity(real, fake, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert once == again != other
    assert torch.equal(torch.get_rng_state(), state)


def test_unusable_features_are_refused() -> None:
    with pytest.raises(ValueError, match="real features must be at least 2 samples, not 1"):
        frechet(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="features must be"):
        frechet(torch.zeros(5, 2), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="generated features hold NaN"):
        frechet(torch.zeros(5, 2), torch.full((5, 2), torch.nan))
    with pytest.raises(ValueError, match="as many dimensions, not 2 and 3"):
        distance(moments(torch.zeros(5, 2)), moments(torch.zeros(5, 3)))
    with pytest.raises(ValueError, match="at least 16 samples, not 15"):
        frechet_infinity(torch.zeros(20, 2), torch.zeros(15, 2), generator=torch.Generator())
