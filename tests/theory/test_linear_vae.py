"""The linear VAE against probabilistic PCA, where every quantity has a closed form (Lucas et al. 2019).

z ~ N(0, I), x|z ~ N(Wz, σ²I); so x ~ N(0, WWᵀ + σ²I) and z|x ~ N(M⁻¹Wᵀx, σ²M⁻¹) with M = WᵀW + σ²I.
"""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal

from poise.config import VaeConfig
from poise.game import Batch
from poise.gaussian import kl_to_standard, log_density, reparameterize
from poise.losses.elbo import dreg, elbo, iwae, log_posterior, log_weights
from poise.losses.likelihoods import FixedDeviation, Gaussian, LearnedDeviation
from poise.metrics.latent import kl_per_dimension
from poise.models.parts import Decoder, Encoder, Parts
from poise.models.priors import StandardNormal
from poise.models.vae import Vae
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Alternating
from poise.training import Training

EXACT = 1e-10


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def rotation(d: int, seed: int) -> Tensor:
    basis: Tensor = torch.linalg.qr(normal(d, d, seed=seed)).Q
    return basis


def marginal(w: Tensor, noise: float) -> MultivariateNormal:
    d = len(w)
    return MultivariateNormal(w.new_zeros(d), w @ w.T + noise**2 * torch.eye(d, dtype=w.dtype))


def posterior(w: Tensor, noise: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the exact posterior's mean [n, z] and covariance [z, z]."""
    m = w.T @ w + noise**2 * torch.eye(w.shape[1], dtype=w.dtype)
    mean: Tensor = torch.linalg.solve(m, w.T @ x.T).T
    return mean, noise**2 * torch.linalg.inv(m)


def analytic_elbo(w: Tensor, noise: float, x: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    """Return the ELBO with E_q‖x − Wz‖² = ‖x − Wμ‖² + Σ_j s_j² ‖w_j‖² in closed form, [n]."""
    at_mean = log_density(x, mean @ w.T, torch.tensor(math.log(noise), dtype=w.dtype)).sum(1)
    spread = ((2 * log_sd).exp() * w.square().sum(0)).sum(-1)
    return elbo(at_mean - spread / (2 * noise**2), kl_to_standard(mean, log_sd))


@settings(max_examples=30, deadline=None)
@given(scales=st.lists(st.floats(0.0, 4), min_size=1, max_size=4), noise=st.floats(0.2, 2), seed=st.integers(0, 1000))
def test_the_elbo_at_the_exact_posterior_is_the_likelihood(scales: list[float], noise: float, seed: int) -> None:
    d = len(scales) + 2
    w = rotation(d, seed)[:, : len(scales)] * torch.tensor(scales, dtype=torch.float64)  # orthogonal columns
    x = 2 * normal(6, d, seed=seed + 1)
    mean, covariance = posterior(w, noise, x)
    log_sd = covariance.diagonal().log().expand_as(mean) / 2
    expected = marginal(w, noise).log_prob(x)
    torch.testing.assert_close(analytic_elbo(w, noise, x, mean, log_sd), expected, rtol=EXACT, atol=EXACT)
    z = reparameterize(mean, log_sd, normal(3, *mean.shape, seed=seed + 2))
    likelihood = log_density(x, z @ w.T, torch.tensor(math.log(noise), dtype=torch.float64)).sum(-1)
    weights = log_weights(likelihood, StandardNormal(len(scales)).log_prob(z), log_posterior(z, mean, log_sd))
    torch.testing.assert_close(weights, expected.expand(3, -1), rtol=EXACT, atol=EXACT)


def test_the_gaussian_likelihood_is_the_one_of_the_theory() -> None:
    w, x = normal(5, 2), normal(4, 5, seed=1)
    z = normal(4, 2, seed=2)
    likelihood = Gaussian(FixedDeviation(0.7))
    expected = MultivariateNormal(torch.zeros(5).double(), 0.49 * torch.eye(5).double()).log_prob(x - z @ w.T)
    torch.testing.assert_close(likelihood.log_prob(x, z @ w.T), expected, rtol=EXACT, atol=EXACT)


def sample_with_spectrum(spectrum: Tensor, seed: int) -> Tensor:
    """Return centered data [200, d] whose covariance XᵀX/n has exactly these eigenvalues."""
    drawn = normal(200, len(spectrum), seed=seed)
    white = torch.linalg.qr(drawn - drawn.mean(0)).Q * math.sqrt(200)
    rotated: Tensor = (white * spectrum.sqrt()) @ rotation(len(spectrum), seed + 1).T
    return rotated


def test_at_the_pca_optimum_dimensions_carry_half_the_log_ratio_or_nothing() -> None:
    spectrum, noise = torch.tensor([5.0, 2.0, 0.9, 0.1, 0.05], dtype=torch.float64), math.sqrt(0.5)
    x = sample_with_spectrum(spectrum, seed=0)
    directions = torch.linalg.eigh(x.T @ x / len(x)).eigenvectors.flip(1)[:, :4]
    w = directions * (spectrum[:4] - noise**2).clamp(min=0).sqrt()
    mean, covariance = posterior(w, noise, x)
    divergence = kl_per_dimension(mean, covariance.diagonal().log().expand_as(mean) / 2)
    expected = (spectrum[:4] / noise**2).log().clamp(min=0) / 2
    torch.testing.assert_close(divergence, expected, rtol=EXACT, atol=EXACT)
    assert divergence[3].item() == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_a_trained_linear_vae_collapses_exactly_the_dimensions_below_the_noise(seed: int) -> None:
    spectrum, noise = torch.tensor([4.0, 1.5, 0.2, 0.1], dtype=torch.float64), math.sqrt(0.5)
    x = sample_with_spectrum(spectrum, seed=10 + seed)
    w, v = (0.3 * normal(4, 3, seed=seed), 0.3 * normal(4, 3, seed=seed + 50))
    log_sd = torch.zeros(3, dtype=torch.float64)
    parameters = [tensor.requires_grad_() for tensor in (w, v, log_sd)]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=600, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -analytic_elbo(w, noise, x, x @ v, log_sd.expand(len(x), -1)).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    divergence = kl_per_dimension((x @ v).detach(), log_sd.detach().expand(len(x), -1)).sort(descending=True).values
    expected = (spectrum[:3] / noise**2).log().clamp(min=0) / 2
    torch.testing.assert_close(divergence, expected, rtol=0, atol=1e-6)
    directions = torch.linalg.eigh(x.T @ x / len(x)).eigenvectors.flip(1)[:, :2]
    best = directions * (spectrum[:2] - noise**2).sqrt()
    torch.testing.assert_close(-closure().detach(), marginal(best, noise).log_prob(x).mean(), rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), latent=st.integers(1, 4), noise=st.floats(0.3, 2))
def test_the_mean_field_gap(seed: int, latent: int, noise: float) -> None:
    """½(log|S| − Σ log 1/(S⁻¹)_ii) between log p(x) and the best diagonal posterior's ELBO, whatever x."""
    w, x = normal(5, latent, seed=seed), normal(3, 5, seed=seed + 1)
    mean, covariance = posterior(w, noise, x)
    variance = 1 / torch.linalg.inv(covariance).diagonal()
    gap = (covariance.logdet() - variance.log().sum()) / 2
    bound = analytic_elbo(w, noise, x, mean, variance.log().expand_as(mean) / 2)
    torch.testing.assert_close(marginal(w, noise).log_prob(x) - bound, gap.expand(3), rtol=1e-8, atol=EXACT)
    assert gap.item() > -EXACT
    for factor in (0.9, 1.1):
        assert (analytic_elbo(w, noise, x, mean, (factor * variance).log().expand_as(mean) / 2) < bound).all()


def at_the_exact_posterior(n: int, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return x, mean, log_sd, z of p(z) = N(0, 1), p(x|z) = N(z, 1), whose posterior is N(x/2, ½), and log p(x, z)."""
    x = normal(n, 1, seed=1)
    mean = (x / 2).requires_grad_()
    log_sd = torch.full((n, 1), -math.log(2) / 2, dtype=torch.float64, requires_grad=True)
    z = reparameterize(mean, log_sd, normal(k, n, 1, seed=2))
    joint = log_density(x, z, torch.zeros(())).sum(-1) + StandardNormal(1).log_prob(z)
    return x, mean, log_sd, z, joint


@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("estimator", ["stl", "dreg"])
def test_path_gradients_vanish_at_the_exact_posterior(estimator: str, k: int) -> None:
    x, mean, log_sd, z, joint = at_the_exact_posterior(100, k)
    weights = joint - log_posterior(z, mean, log_sd, path_only=True)
    bound = dreg(weights, z) if estimator == "dreg" else weights.mean(0)
    expected = MultivariateNormal(torch.zeros(1).double(), 2 * torch.eye(1).double()).log_prob(x)
    torch.testing.assert_close(bound, expected, rtol=0, atol=1e-12)
    for slope in torch.autograd.grad(bound.sum(), (mean, log_sd)):
        assert slope.abs().max().item() < 1e-12


@pytest.mark.parametrize(("k", "sd"), [(1, math.sqrt(2)), (8, 0.5)])
def test_the_iwae_gradient_has_the_noise_of_the_score(k: int, sd: float) -> None:
    _, mean, log_sd, z, joint = at_the_exact_posterior(20_000, k)
    (slope,) = torch.autograd.grad(iwae(joint - log_posterior(z, mean, log_sd)).sum(), mean)
    assert slope.std().item() == pytest.approx(sd, rel=0.03)
    assert slope.mean().item() == pytest.approx(0, abs=4 * sd / math.sqrt(20_000))


def test_the_iwae_bound_rises_to_the_likelihood() -> None:
    w, noise, x = normal(5, 2, seed=4), 0.6, normal(20, 5, seed=5)
    mean, covariance = posterior(w, noise, x)
    log_sd = (covariance.diagonal().log() / 2 + 0.3).expand_as(mean)
    z = reparameterize(mean, log_sd, normal(40_000, *mean.shape, seed=6))
    likelihood = log_density(x, z @ w.T, torch.tensor(math.log(noise), dtype=torch.float64)).sum(-1)
    weights = log_weights(likelihood, StandardNormal(2).log_prob(z), log_posterior(z, mean, log_sd))
    bounds = torch.stack(
        [torch.stack([iwae(group) for group in weights.split(k)]).mean(0) for k in (1, 4, 20, 400, 40_000)]
    )
    assert (bounds.diff(dim=0) > 0).all()  # for every sample, by Jensen on the same draws
    torch.testing.assert_close(bounds[-1], marginal(w, noise).log_prob(x), rtol=0, atol=0.05)


@pytest.mark.parametrize("aggressive", [0.0, 0.5])
def test_trained_by_poise_it_reaches_the_optimum_of_pca(aggressive: float) -> None:
    """Linear maps, a learned deviation, all of the data in each step, gradients without noise at the optimum (STL)."""
    spectrum = torch.tensor([4.0, 2.0, 1.0, 0.2, 0.1], dtype=torch.float64)
    x = sample_with_spectrum(spectrum, seed=3)
    torch.manual_seed(0)
    encoder = Encoder(torch.nn.Linear(5, 6))
    decoder = Decoder(torch.nn.Linear(3, 5), StandardNormal(3), Gaussian(LearnedDeviation()))
    config = VaeConfig(latent=3, objective="stl", aggressive=aggressive, encoder_steps=2)
    game = Vae(Parts(encoder, decoder), config).double()
    rule = Alternating(config.turns, aggressive or 1.0)
    lr = 0.02
    training = Training(game, rule, dict.fromkeys(config.turns, partial(Adam, lr=lr)), rng=Rng(1))
    steps = 2500
    for step in range(steps):
        for optimizer in training.optimizers.values():
            optimizer.param_groups[0]["lr"] = lr * (1 - step / steps) ** 2
        training.play([Batch(x)] * rule.batches_at(step / steps), step / steps)

    noise = math.sqrt(spectrum[3:].mean().item())  # three codes: the rest is noise
    directions = torch.linalg.eigh(x.T @ x / len(x)).eigenvectors.flip(1)[:, :3]
    best = marginal(directions * (spectrum[:3] - noise**2).sqrt(), noise).log_prob(x).mean().item()
    with torch.no_grad():
        mean, log_sd = encoder(x)
        w = decoder.network.weight
        assert isinstance(w, Tensor)
        deviation = decoder.likelihood.deviation(None).exp().item()  # type: ignore[attr-defined]
        found = analytic_elbo(w, deviation, x - decoder.network.bias, mean, log_sd).mean().item()  # type: ignore[operator]
    assert found == pytest.approx(best, abs=2e-3)
    assert deviation == pytest.approx(noise, rel=5e-3)
    divergence = kl_per_dimension(mean, log_sd).sort(descending=True).values
    torch.testing.assert_close(divergence, (spectrum[:3] / noise**2).log() / 2, rtol=0, atol=0.02)
