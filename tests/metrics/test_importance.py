"""The likelihood by importance sampling against the exact one of a linear-Gaussian model."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from poise.gaussian import log_density
from poise.metrics.importance import negative_log_likelihood, with_standard_error

D, Z, NOISE = 5, 2, 0.5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


WEIGHTS = torch.randn(D, Z, dtype=torch.float64, generator=seeded(3))
MARGINAL = MultivariateNormal(
    torch.zeros(D, dtype=torch.float64), WEIGHTS @ WEIGHTS.T + NOISE**2 * torch.eye(D, dtype=torch.float64)
)


def data(n: int) -> Tensor:
    z = torch.randn(n, Z, dtype=torch.float64, generator=seeded(1))
    return z @ WEIGHTS.T + NOISE * torch.randn(n, D, dtype=torch.float64, generator=seeded(2))


def log_joint(x: Tensor, z: Tensor) -> Tensor:
    zero = x.new_zeros(())
    noise = x.new_tensor(math.log(NOISE))
    return log_density(x, z @ WEIGHTS.T.to(z), noise).sum(1) + log_density(z, zero, zero).sum(1)


def mean_field(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the exact posterior's mean, and deviations a little too wide."""
    precision = torch.eye(Z, dtype=torch.float64) + WEIGHTS.T @ WEIGHTS / NOISE**2
    mean = torch.linalg.solve(precision, (x.double() @ WEIGHTS / NOISE**2).T).T
    return mean.to(x), (-precision.diagonal().log() / 2 + 0.4).expand_as(mean).to(x)


def test_the_estimate_is_exact_within_its_error() -> None:
    x = data(400)
    gap = negative_log_likelihood(x, mean_field, log_joint, draws=500, generator=seeded()) + MARGINAL.log_prob(x)
    bias, error = with_standard_error(gap)
    assert abs(bias) < 4 * error + 1e-3  # Var(w)/2k, and less
    assert gap.abs().max().item() < 0.6
    whole, spread = with_standard_error(-MARGINAL.log_prob(x))
    assert abs(whole - MARGINAL.entropy().item()) < 4 * spread


def test_the_bound_falls_to_the_truth_with_the_number_of_draws() -> None:
    x = data(300)
    exact = -MARGINAL.log_prob(x).mean().item()
    estimates = [
        negative_log_likelihood(x, mean_field, log_joint, draws=k, generator=seeded()).mean().item()
        for k in (1, 5, 50, 1000)
    ]
    assert estimates == sorted(estimates, reverse=True)
    assert estimates[0] > exact + 0.1
    assert estimates[-1] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(("draws", "rows"), [(7, 3), (7, 7), (7, 20), (1, 1), (64, 10)])
def test_no_more_rows_than_allowed_and_every_draw_once(draws: int, rows: int) -> None:
    seen: list[int] = []

    def counted(x: Tensor, z: Tensor) -> Tensor:
        assert len(x) == len(z) <= rows
        seen.append(len(x))
        return log_joint(x, z)

    x = data(9)
    estimate = negative_log_likelihood(x, mean_field, counted, draws=draws, generator=seeded(), rows=rows)
    assert sum(seen) == 9 * draws
    assert estimate.shape == (9,)
    assert estimate.dtype == torch.float64
    again = negative_log_likelihood(x, mean_field, log_joint, draws=draws, generator=seeded(), rows=rows)
    assert torch.equal(estimate, again)


def test_weights_are_summed_in_float64() -> None:
    """Five thousand equal weights of a log-density around −10⁵, whose float32 steps are .008."""
    estimate = negative_log_likelihood(
        torch.zeros(2, 3, 4, 4),
        posterior=lambda x: (x.new_zeros(len(x), 2), x.new_zeros(len(x), 2)),
        log_joint=lambda x, z: log_density(z.double(), z.new_zeros(()), z.new_zeros(())).sum(1) - 1e5,
        draws=5000,
        generator=seeded(),
    )
    torch.testing.assert_close(estimate, torch.full((2,), 1e5, dtype=torch.float64), rtol=0, atol=1e-9)


def test_float32_models_are_estimated_like_float64_ones() -> None:
    x = data(50)
    exact = -MARGINAL.log_prob(x)
    estimate = negative_log_likelihood(x.float(), mean_field, log_joint, draws=2000, generator=seeded())
    assert (estimate - exact).abs().max().item() < 0.3


def test_nothing_is_kept_for_gradients_and_lone_samples_have_no_error() -> None:
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    estimate = negative_log_likelihood(
        data(3), mean_field, lambda x, z: weight * log_joint(x, z), draws=4, generator=seeded()
    )
    assert not estimate.requires_grad
    with pytest.raises(ValueError, match="two samples"):
        with_standard_error(estimate[:1])
