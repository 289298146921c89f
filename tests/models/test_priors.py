"""Priors: densities that integrate to 1, draws that follow them, and closed forms."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from poise.gaussian import bounded, reparameterize
from poise.models.priors import MixtureOfGaussians, Prior, StandardNormal, VampPrior


class Encoder(nn.Module):
    """From x [n, 3] to mean and log_sd [n, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, free = self.layer(x).chunk(2, dim=1)
        return mean, bounded(free)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixture() -> MixtureOfGaussians:
    prior = MixtureOfGaussians(1, components=4, generator=seeded())
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.0, 1.0, -1.0, 0.5]))
        prior.log_sds.copy_(torch.tensor([[-1.0], [0.3], [0.0], [-0.5]]))
    return prior


PRIORS: dict[str, Callable[[], Prior]] = {
    "standard normal": lambda: StandardNormal(1),
    "mixture": mixture,
    "vamp": lambda: VampPrior(3 * torch.randn(5, 3, generator=seeded()), Encoder()),
}
EVERY = pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)


@EVERY
def test_densities_integrate_to_one(make: Callable[[], Prior]) -> None:
    grid = torch.linspace(-40, 40, 80_001).unsqueeze(1)
    with torch.no_grad():
        area = make().log_prob(grid).exp().sum().item() * 1e-3
    assert area == pytest.approx(1, abs=1e-3)


@EVERY
def test_draws_follow_the_density(make: Callable[[], Prior]) -> None:
    prior = make()
    grid = torch.linspace(-40, 40, 8_001).unsqueeze(1)
    with torch.no_grad():
        density = prior.log_prob(grid).exp() * 1e-2
        drawn = prior.sample(100_000, seeded()).squeeze(1)
        distribution = density.cumsum(0)
    below = torch.searchsorted(drawn.sort().values, grid.squeeze(1)) / len(drawn)
    # Kolmogorov–Smirnov: 1.95/√n at level .001; half a cell of the grid on top
    assert (below - distribution).abs().max().item() < 1.95 / math.sqrt(len(drawn)) + density.max().item()
    assert torch.equal(drawn, prior.sample(100_000, seeded()).squeeze(1))


@EVERY
def test_any_leading_shape_and_far_latents(make: Callable[[], Prior]) -> None:
    prior = make()
    z = torch.randn(4, 3, 1, generator=seeded())
    torch.testing.assert_close(prior.log_prob(z)[2, 1], prior.log_prob(z[2, 1]))
    far = torch.tensor([[1e6], [-1e6]], requires_grad=True)
    log_prob = prior.log_prob(far)
    log_prob.sum().backward()
    assert far.grad is not None
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(far.grad).all()


def test_a_mixture_equals_torchs() -> None:
    prior = MixtureOfGaussians(3, components=4, generator=seeded())
    with torch.no_grad():
        prior.log_sds.normal_(generator=seeded(1))
        prior.logits.normal_(generator=seeded(2))
    parts = Independent(Normal(prior.means, bounded(prior.log_sds).exp()), 1)
    reference = MixtureSameFamily(Categorical(logits=prior.logits), parts)
    z = torch.randn(6, 3, generator=seeded(3))
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z))


def test_one_component_at_zero_is_the_standard_normal() -> None:
    prior = MixtureOfGaussians(2, components=1, generator=seeded())
    with torch.no_grad():
        prior.means.zero_()
    z = torch.randn(7, 2, generator=seeded(1))
    torch.testing.assert_close(prior.log_prob(z), StandardNormal(2).log_prob(z))


def test_the_vamp_prior_is_the_mean_of_the_posteriors() -> None:
    encoder, u = Encoder(), torch.randn(5, 3, generator=seeded())
    prior = VampPrior(u, encoder)
    mean, log_sd = encoder(u)
    z = torch.randn(6, 1, generator=seeded(1))
    slow = [
        math.log(sum(Normal(m, s.exp()).log_prob(point).exp().item() for m, s in zip(mean, log_sd, strict=True)) / 5)
        for point in z
    ]
    assert prior.log_prob(z).tolist() == pytest.approx(slow, rel=1e-5)


def test_the_vamp_prior_teaches_the_encoder_but_does_not_own_it() -> None:
    encoder = Encoder()
    prior = VampPrior(torch.randn(5, 3, generator=seeded()), encoder)
    assert [name for name, _ in prior.named_parameters()] == ["pseudo_inputs"]
    prior.log_prob(torch.zeros(2, 1)).sum().backward()
    assert prior.pseudo_inputs.grad is not None
    assert encoder.layer.weight.grad is not None
    both = copy.deepcopy(nn.ModuleList([encoder, prior]))
    with torch.no_grad():
        both[0].layer.weight.add_(1.0)  # type: ignore[union-attr,operator]
    assert not torch.equal(both[1].log_prob(torch.ones(1, 1)), prior.log_prob(torch.ones(1, 1)))  # type: ignore[operator]


def test_the_closed_form_divergence_equals_monte_carlo() -> None:
    prior, mean, log_sd = StandardNormal(2), torch.tensor([0.5, -1.0]), torch.tensor([-0.7, 0.2])
    z = reparameterize(mean, log_sd, torch.randn(200_000, 2, generator=seeded()))
    gaps = Independent(Normal(mean, log_sd.exp()), 1).log_prob(z) - prior.log_prob(z)
    error = gaps.std().item() / math.sqrt(len(gaps))
    assert prior.kl(mean, log_sd).sum().item() == pytest.approx(gaps.mean().item(), abs=4 * error)
