"""Diagonal Gaussians against torch's own, against Monte Carlo, and at the ends of float32."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from poise.gaussian import LIMIT, bounded, kl, kl_to_standard, log_density, reparameterize

NUMBER = st.floats(-4, 4)
Pair = tuple[float, float]


def doubles(*values: float) -> list[torch.Tensor]:
    return [torch.tensor([value], dtype=torch.float64) for value in values]


@settings(max_examples=50, deadline=None)
@given(first=st.tuples(NUMBER, NUMBER), second=st.tuples(NUMBER, NUMBER), z=NUMBER)
def test_closed_forms_equal_torch(first: Pair, second: Pair, z: float) -> None:
    mean, log_sd, other_mean, other_log_sd, point = doubles(*first, *second, z)
    p, q = Normal(mean, log_sd.exp()), Normal(other_mean, other_log_sd.exp())
    torch.testing.assert_close(kl(mean, log_sd, other_mean, other_log_sd), kl_divergence(p, q), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_density(point, mean, log_sd), p.log_prob(point), rtol=1e-9, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(mean=NUMBER, log_sd=NUMBER)
def test_a_divergence_is_never_negative_and_zero_only_between_equals(mean: float, log_sd: float) -> None:
    mu, s = doubles(mean, log_sd)
    assert kl_to_standard(mu, s).item() >= 0
    assert kl(mu, s, mu, s).item() == 0
    torch.testing.assert_close(kl_to_standard(mu, s), kl(mu, s, *doubles(0, 0)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("mean", "log_sd"), [(0.0, 0.0), (1.5, -1.0), (-0.3, 0.7), (0.0, -3.0)])
@pytest.mark.parametrize("other", [(0.0, 0.0), (0.8, 0.4)])
def test_divergences_equal_monte_carlo(mean: float, log_sd: float, other: Pair) -> None:
    mu, s, m, t = doubles(mean, log_sd, *other)
    eps = torch.randn(200_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = reparameterize(mu, s, eps)
    gaps = log_density(z, mu, s) - log_density(z, m, t)
    error = gaps.std().item() / math.sqrt(len(gaps))
    assert kl(mu, s, m, t).item() == pytest.approx(gaps.mean().item(), abs=4 * error + 1e-12)
    if other == (0.0, 0.0):
        assert kl_to_standard(mu, s).item() == pytest.approx(gaps.mean().item(), abs=4 * error + 1e-12)


def test_draws_have_the_mean_and_deviation() -> None:
    eps = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(1))
    z = reparameterize(torch.tensor([3.0, -1.0]), torch.tensor([0.5, -2.0]), eps)
    torch.testing.assert_close(z.mean(0), torch.tensor([3.0, -1.0]), rtol=0, atol=0.03)
    torch.testing.assert_close(z.std(0).log(), torch.tensor([0.5, -2.0]), rtol=0, atol=0.02)


@pytest.mark.parametrize("free", [-1e30, -1e4, -50.0, 0.0, 50.0, 1e4, 1e30])
@pytest.mark.parametrize("mean", [-1e6, 0.0, 1e6])
def test_extreme_outputs_of_an_encoder_give_finite_values_and_slopes(free: float, mean: float) -> None:
    outputs = torch.tensor([mean, free], requires_grad=True)
    log_sd = bounded(outputs[1])
    assert abs(log_sd.item()) <= LIMIT
    z = reparameterize(outputs[0], log_sd, torch.tensor(2.0))
    total = kl_to_standard(outputs[0], log_sd) + log_density(z, outputs[0], log_sd)
    total.backward()
    assert outputs.grad is not None
    assert torch.isfinite(total)
    assert torch.isfinite(outputs.grad).all()
