"""Bounds and estimators against their formulas: values, and the gradient that each player receives."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.gaussian import kl_to_standard, log_density, reparameterize
from poise.losses.elbo import (
    Geco,
    cyclical,
    dreg,
    elbo,
    free_bits,
    iwae,
    log_posterior,
    log_weights,
    warm_up,
)

NUMBER = st.floats(-5, 5)
X = torch.tensor([[0.7], [-1.3]], dtype=torch.float64)


class Toy:
    """z ~ N(0, 1), x|z ~ N(az, 1), q(z|x) = N(m, s²) with one m and ln s for each of two samples."""

    def __init__(self) -> None:
        self.decoder = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
        self.mean = torch.tensor([[0.1], [-0.9]], dtype=torch.float64, requires_grad=True)
        self.log_sd = torch.tensor([[-0.2], [0.3]], dtype=torch.float64, requires_grad=True)

    def draw(self, k: int, seed: int = 0, n: int = 2) -> Tensor:
        eps = torch.randn(k, n, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return reparameterize(self.mean, self.log_sd, eps)

    def likelihood(self, z: Tensor) -> Tensor:
        return log_density(X, self.decoder * z, torch.zeros(())).sum(-1)

    def prior(self, z: Tensor) -> Tensor:
        return log_density(z, torch.zeros(()), torch.zeros(())).sum(-1)

    def weights(self, z: Tensor, path_only: bool = False) -> Tensor:
        posterior = log_posterior(z, self.mean, self.log_sd, path_only)
        return log_weights(self.likelihood(z), self.prior(z), posterior)

    def gradients(self, bound: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(bound.sum(), (self.decoder, self.mean, self.log_sd))


def averaged(gradients: Callable[[int], tuple[Tensor, ...]], runs: int) -> tuple[Tensor, Tensor]:
    """Return the mean over seeds of the posterior's gradient, and its standard error."""
    every = torch.stack([torch.cat([part.flatten() for part in gradients(seed)[1:]]) for seed in range(runs)])
    return every.mean(0), every.std(0) / math.sqrt(runs)


@settings(max_examples=30, deadline=None)
@given(
    log_likelihood=NUMBER, kl=st.lists(st.floats(0, 5), min_size=1, max_size=4), weight=st.floats(0, 10), floor=NUMBER
)
def test_elbo_and_free_bits_are_their_formulas(
    log_likelihood: float, kl: list[float], weight: float, floor: float
) -> None:
    parts = torch.tensor([kl, kl], dtype=torch.float64)
    bound = elbo(torch.tensor([log_likelihood] * 2, dtype=torch.float64), parts, weight)
    assert bound.tolist() == pytest.approx([log_likelihood - weight * sum(kl)] * 2, abs=1e-9)
    assert free_bits(parts, floor).item() == pytest.approx(sum(max(floor, value) for value in kl), abs=1e-9)


def test_free_bits_push_only_the_dimensions_whose_mean_is_above_the_floor() -> None:
    kl = torch.tensor([[0.0, 3.0, 0.9], [0.2, 0.1, 0.3]], requires_grad=True)
    free_bits(kl, floor=0.5).backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]


def test_the_sampled_and_the_analytic_bound_agree_in_the_mean() -> None:
    toy = Toy()
    z = toy.draw(100_000)
    sampled = toy.weights(z).detach()
    analytic = elbo(toy.likelihood(z).mean(0), kl_to_standard(toy.mean, toy.log_sd)).detach()
    error = sampled.std(0) / math.sqrt(len(sampled))
    assert ((sampled.mean(0) - analytic).abs() < 5 * error).all()


@settings(max_examples=30, deadline=None)
@given(logs=st.lists(st.floats(-500, 500), min_size=1, max_size=8))
def test_iwae_is_the_logarithm_of_the_mean_weight(logs: list[float]) -> None:
    top = max(logs)
    expected = top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))
    weights = torch.tensor(logs, dtype=torch.float64).unsqueeze(1)
    assert iwae(weights).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert iwae(weights).item() >= weights.mean().item() - 1e-9  # Jensen


def test_extreme_weights_give_finite_bounds_and_slopes() -> None:
    for size in (1e4, 1e30):
        weights = torch.tensor([[size, -size], [-size, -size]], requires_grad=True)
        z = torch.zeros(2, 2, 1, requires_grad=True)
        bound = dreg(weights + z.squeeze(-1), z)
        bound.sum().backward()
        assert weights.grad is not None
        assert z.grad is not None
        assert torch.isfinite(bound).all()
        assert weights.grad[:, 0].tolist() == [1.0, 0.0]
        assert torch.isfinite(weights.grad).all()
        assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("k", [1, 2, 7])
def test_dreg_equals_the_sum_written_out(k: int) -> None:
    toy = Toy()
    z = toy.draw(k)
    bound = dreg(toy.weights(z, path_only=True), z)
    plain = iwae(toy.weights(toy.draw(k)))
    assert torch.equal(bound, plain)
    decoder, mean, log_sd = toy.gradients(bound)
    torch.testing.assert_close(decoder, toy.gradients(plain)[0])
    expected_mean, expected_log_sd = torch.zeros(2, 1).double(), torch.zeros(2, 1).double()
    draws = toy.draw(k).detach()
    shares = toy.weights(draws).softmax(0).detach()
    a, m, s = toy.decoder.item(), toy.mean.detach(), toy.log_sd.detach().exp()
    for i in range(k):
        for j in range(2):
            point = draws[i, j, 0]
            slope = a * (X[j, 0] - a * point) - point + (point - m[j, 0]) / s[j, 0] ** 2  # ∂ log w/∂z
            expected_mean[j] += shares[i, j] ** 2 * slope
            expected_log_sd[j] += shares[i, j] ** 2 * slope * (point - m[j, 0])
    torch.testing.assert_close(mean, expected_mean)
    torch.testing.assert_close(log_sd, expected_log_sd)


def test_dreg_has_the_expectation_of_the_iwae_gradient_and_less_noise() -> None:
    toy, k = Toy(), 5

    def by_dreg(seed: int) -> tuple[Tensor, ...]:
        z = toy.draw(k, seed)
        return toy.gradients(dreg(toy.weights(z, path_only=True), z))

    expected, error = averaged(lambda seed: toy.gradients(iwae(toy.weights(toy.draw(k, seed)))), 2000)
    mean, own_error = averaged(by_dreg, 2000)
    assert ((mean - expected).abs() < 4 * (error.square() + own_error.square()).sqrt()).all()
    assert (own_error < error).all()


def test_stl_has_the_expectation_of_the_elbo_gradient() -> None:
    toy = Toy()
    mean, error = averaged(lambda seed: toy.gradients(toy.weights(toy.draw(1, seed), path_only=True).mean(0)), 2000)
    m, s = toy.mean, toy.log_sd.exp()
    expected_error = (X - toy.decoder * m).square() + (toy.decoder * s).square()
    analytic = -expected_error.sum(-1) / 2 - kl_to_standard(toy.mean, toy.log_sd).sum(-1)
    exact = torch.cat([part.flatten() for part in toy.gradients(analytic)[1:]])
    assert ((mean - exact).abs() < 4 * error).all()


def test_dreg_without_gradients_is_a_number() -> None:
    toy = Toy()
    with torch.no_grad():
        z = toy.draw(3)
        assert torch.equal(dreg(toy.weights(z), z), iwae(toy.weights(z)))


def constraints(steps: int) -> Tensor:
    return torch.randn(steps, 16, generator=torch.Generator().manual_seed(5))


def test_geco_is_its_formula() -> None:
    state, average, log_multiplier = Geco(), 0.0, 0.0
    for step, constraint in enumerate(constraints(20)):
        now = constraint.double().mean().item()
        average = now if step == 0 else 0.9 * average + 0.1 * now
        log_multiplier += 0.3 * average
        state = state.updated(constraint, rate=0.3, decay=0.9)
    assert state.multiplier.item() == pytest.approx(math.exp(log_multiplier), rel=1e-6)
    kl, constraint = torch.rand(16, 4), constraints(1)[0]
    expected = kl.sum(1).mean().item() + state.multiplier.item() * constraint.mean().item()
    assert state.loss(kl, constraint).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("written", ["tensors", "numbers"])
def test_geco_goes_on_from_what_was_written_bit_for_bit(written: str) -> None:
    whole = half = Geco()
    for step, constraint in enumerate(constraints(20)):
        if step == 10:
            tensors = asdict(half)
            if written == "numbers":
                numbers = json.loads(json.dumps({name: value.item() for name, value in tensors.items()}))
                tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
            half = Geco(**tensors)
        whole, half = whole.updated(constraint, rate=0.2), half.updated(constraint, rate=0.2)
    assert whole == half


def test_geco_solves_a_constrained_problem() -> None:
    """Least μ² with (μ − 2)² ≤ 1: μ = 1 with multiplier 1."""
    mean, state = torch.zeros(1, 1, requires_grad=True), Geco()
    for _ in range(3000):
        constraint = (mean[:, 0] - 2).square() - 1
        (slope,) = torch.autograd.grad(state.loss(mean.square(), constraint), mean)
        with torch.no_grad():
            mean -= 0.02 * slope
        state = state.updated(constraint, rate=0.02, decay=0.9)
    assert mean.item() == pytest.approx(1, abs=1e-3)
    assert state.multiplier.item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("constraint", [-1e30, 1e30])
def test_geco_stays_finite_and_comes_back(constraint: float) -> None:
    state = Geco().updated(torch.tensor([constraint]), rate=1.0)
    assert 0 < state.multiplier.item() < math.inf
    assert torch.isfinite(state.loss(torch.ones(1, 1), torch.ones(1)))
    back = state.updated(torch.tensor([-math.copysign(20.0, constraint)]), rate=1.0, decay=0.0)
    assert (back.multiplier < state.multiplier) if constraint > 0 else (back.multiplier > state.multiplier)


@settings(max_examples=60, deadline=None)
@given(progress=st.floats(0, 1), share=st.floats(0, 1), cycles=st.integers(1, 9))
def test_schedules_stay_between_zero_and_one_and_end_at_one(progress: float, share: float, cycles: int) -> None:
    assert 0 <= warm_up(progress, share) <= 1
    assert 0 <= cyclical(progress, cycles, share) <= 1
    assert warm_up(1.0, share) == cyclical(1.0, cycles, share) == 1
    assert cyclical(progress / 2, cycles=1, rising=0.5) == pytest.approx(progress) or progress == 1


def test_the_cycle_repeats_four_times_with_the_first_half_rising() -> None:
    weights = [cyclical(step / 400) for step in range(400)]
    one = [min(1.0, step / 50) for step in range(100)]
    assert weights == pytest.approx(one * 4, abs=1e-9)
