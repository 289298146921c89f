"""Likelihoods: normalized, equal to their written-out formulas, finite for any output, and clear about bad data."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import Normal

from poise.errors import PoiseError
from poise.losses.likelihoods import (
    SD_FLOOR,
    Bernoulli,
    DiscretizedLogistic,
    FixedDeviation,
    Gaussian,
    LearnedDeviation,
    Likelihood,
    OptimalDeviation,
    bits_per_dimension,
    dequantize,
)
from poise.statistics import Statistics

LIKELIHOODS: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "bernoulli of a table": lambda: Bernoulli(low=0.0),
    "gaussian, fixed": lambda: Gaussian(FixedDeviation(0.5)),
    "gaussian, learned": lambda: Gaussian(LearnedDeviation()),
    "gaussian, optimal": lambda: Gaussian(OptimalDeviation()),
    "discretized logistic": DiscretizedLogistic,
}
EVERY = pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS)
LEVELS = torch.arange(256, dtype=torch.float64).reshape(256, 1) / 127.5 - 1
NUMBER = st.floats(-3, 3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@EVERY
def test_every_likelihood_sums_over_all_but_the_first_dimension(make: Callable[[], Likelihood]) -> None:
    likelihood = make()
    x = torch.randint(2, (5, 3, 4, 4), generator=seeded()).float()  # 0 and 1 are in every support but the 8-bit one
    x = 2 * x - 1 if likelihood.channels == 2 else x
    outputs = torch.randn(5, 3 * likelihood.channels, 4, 4, generator=seeded(1))
    likelihood.check(x)
    log_prob = likelihood.log_prob(x, outputs)
    assert log_prob.shape == (5,)
    assert likelihood.mean(outputs).shape == x.shape
    drawn = likelihood.sample(outputs, seeded(2))
    assert drawn.shape == x.shape
    likelihood.check(drawn)
    assert torch.equal(drawn, likelihood.sample(outputs, seeded(2)))
    if not isinstance(likelihood, nn.Module) or not isinstance(likelihood.deviation, OptimalDeviation):
        apart = torch.stack([likelihood.log_prob(x[i : i + 1], outputs[i : i + 1])[0] for i in range(5)])
        torch.testing.assert_close(log_prob, apart)


@EVERY
@pytest.mark.parametrize("size", [-1e6, -80.0, 0.0, 80.0, 1e6])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_extreme_outputs_give_finite_values_and_slopes(
    make: Callable[[], Likelihood], size: float, value: float
) -> None:
    likelihood = make()
    for other in (-1e6, 0.0, 1e6):
        outputs = torch.tensor([[size, other][: likelihood.channels]], requires_grad=True)
        log_prob = likelihood.log_prob(torch.tensor([[value]]), outputs)
        log_prob.sum().backward()
        assert outputs.grad is not None
        assert torch.isfinite(log_prob).all()
        assert torch.isfinite(outputs.grad).all()
        assert torch.isfinite(likelihood.sample(outputs.detach(), seeded())).all()


@EVERY
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_missing_and_infinite_values_are_refused_in_one_line(make: Callable[[], Likelihood], bad: float) -> None:
    with pytest.raises(PoiseError, match="1 of 3 values are missing or infinite") as caught:
        make().check(torch.tensor([[0.0, bad, 1.0]]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("likelihood", "x", "message"),
    [
        (Bernoulli(), [-1.5, 0.0], r"data in \[-1, 1\], but they reach -1.5"),
        (Bernoulli(low=0.0), [-0.1, 0.0], r"data in \[0, 1\], but they reach -0.1"),
        (Bernoulli(low=0.0), [0.0, 255.0], "reach 255"),
        (DiscretizedLogistic(), [1.0, 2.0], "reach 2"),
        (DiscretizedLogistic(), [0.001, 1.0], "1 of 2 values lie between them"),
    ],
)
def test_data_outside_the_support_are_refused(likelihood: Likelihood, x: list[float], message: str) -> None:
    with pytest.raises(PoiseError, match=message):
        likelihood.check(torch.tensor([x]))


def test_all_gray_levels_as_batches_hold_them_are_in_every_support() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(256, 1)
    for make in (Bernoulli, DiscretizedLogistic):
        make().check(pixels.float().div_(127.5).sub_(1.0))


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.tuples(st.floats(0, 1), st.floats(-20, 20)), min_size=1, max_size=5), low=NUMBER)
def test_bernoulli_is_its_formula_on_any_scale(values: list[tuple[float, float]], low: float) -> None:
    low = min(low, 0.5)
    expected = sum(
        y * math.log(1 / (1 + math.exp(-logit))) + (1 - y) * math.log(1 / (1 + math.exp(logit))) for y, logit in values
    )
    y, logits = (torch.tensor([column], dtype=torch.float64) for column in zip(*values, strict=True))
    likelihood = Bernoulli(low)
    assert likelihood.log_prob(low + (1 - low) * y, logits).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    torch.testing.assert_close(likelihood.mean(logits), low + (1 - low) * torch.sigmoid(logits))


def test_bernoulli_draws_bits_with_their_probability() -> None:
    drawn = Bernoulli().sample(torch.full((1, 100_000), 1.0), seeded())
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert ((drawn.mean() + 1) / 2).item() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.006)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=5), sd=st.floats(0.05, 3))
def test_gaussian_is_its_formula(values: list[tuple[float, float]], sd: float) -> None:
    x, outputs = (torch.tensor([column], dtype=torch.float64) for column in zip(*values, strict=True))
    fixed = Gaussian(FixedDeviation(sd))
    expected = Normal(outputs, sd).log_prob(x).sum().item()
    assert fixed.log_prob(x, outputs).item() == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert fixed.log_prob(x.float(), outputs.float()).dtype == torch.float32


def test_gaussian_of_half_variance_is_the_summed_squared_error_on_the_unit_scale() -> None:
    x, outputs = torch.rand(2, 4, 9, generator=seeded()).mul(2).sub(1)
    log_prob = Gaussian(FixedDeviation(math.sqrt(2))).log_prob(x, outputs)
    squares = ((x + 1) / 2 - (outputs + 1) / 2).square().sum(1)
    torch.testing.assert_close(log_prob, -squares - 9 * math.log(4 * math.pi) / 2)


def test_optimal_deviation_maximizes_the_likelihood_of_the_batch() -> None:
    x, outputs = torch.randn(2, 8, 6, generator=seeded())
    best = Gaussian(OptimalDeviation()).log_prob(x, outputs).mean()
    error = (x - outputs).square().mean()
    assert best.item() == pytest.approx(-3 * (math.log(2 * math.pi * error.item()) + 1), rel=1e-5)
    for factor in (0.9, 1.1):
        other = Gaussian(FixedDeviation(factor * math.sqrt(error.item())))
        assert other.log_prob(x, outputs).mean() < best


def test_optimal_deviation_has_the_gradient_of_the_logarithm_of_the_error() -> None:
    x, start = torch.randn(2, 8, 6, dtype=torch.float64, generator=seeded())
    slopes = []
    for loss in (
        lambda outputs: Gaussian(OptimalDeviation(floor=0.0)).log_prob(x, outputs).sum(),
        lambda outputs: -(x - outputs).square().mean().log() * x.numel() / 2,
    ):
        outputs = start.clone().requires_grad_()
        slopes.append(torch.autograd.grad(loss(outputs), outputs)[0])
    torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-12)
    assert not OptimalDeviation()(torch.ones((), requires_grad=True)).requires_grad


def test_optimal_deviation_is_not_fitted_to_what_is_evaluated() -> None:
    likelihood = Gaussian(OptimalDeviation())
    for error in (4.0, 2.0, 3.0):  # their mean is 3
        likelihood.log_prob(torch.zeros(1, 1), torch.full((1, 1), math.sqrt(error)))
    likelihood.eval()
    near, far = torch.zeros(1, 1), torch.full((1, 1), 10.0)
    expected = Normal(0.0, math.sqrt(3.0)).log_prob(torch.tensor([[0.0], [10.0]])).squeeze(1)
    alone = torch.cat([likelihood.log_prob(x, torch.zeros(1, 1)) for x in (near, far)])
    torch.testing.assert_close(alone, expected)
    restored = Gaussian(OptimalDeviation())
    restored.load_state_dict(likelihood.state_dict())
    assert torch.equal(restored.eval().log_prob(far, near), likelihood.log_prob(far, near))


def test_optimal_deviation_counts_a_batch_once_a_step_however_often_it_is_run() -> None:
    likelihood = Gaussian(OptimalDeviation())
    statistics = Statistics(likelihood)
    deviation = likelihood.deviation
    for _ in range(3):
        statistics.begin()
        for outputs in (2.0, 9.0):
            likelihood.log_prob(torch.zeros(1, 1), torch.full((1, 1), outputs))
    assert isinstance(deviation, OptimalDeviation)
    assert (deviation.batches.item(), deviation.error.item()) == (3, 4)


def test_deviations_have_a_floor() -> None:
    x = torch.zeros(3, 2)
    optimal, learned = OptimalDeviation(), LearnedDeviation()
    with torch.no_grad():
        learned.free.fill_(-1e6)
    for deviation in (optimal, learned):
        outputs = torch.zeros(3, 2, requires_grad=True)
        log_prob = Gaussian(deviation).log_prob(x, outputs)
        log_prob.sum().backward()
        assert outputs.grad is not None
        assert torch.isfinite(outputs.grad).all()
        assert log_prob[0].item() == pytest.approx(-2 * (math.log(SD_FLOOR) + math.log(2 * math.pi) / 2), rel=1e-5)
    assert learned.free.grad is not None
    assert torch.isfinite(learned.free.grad)


def test_learned_deviation_finds_the_error() -> None:
    likelihood = Gaussian(LearnedDeviation())
    optimizer = torch.optim.LBFGS(likelihood.parameters(), line_search_fn="strong_wolfe")
    x = 0.3 * torch.randn(50, 8, generator=seeded())

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -likelihood.log_prob(x, torch.zeros_like(x)).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert likelihood.deviation(None).exp().item() == pytest.approx(x.square().mean().sqrt().item(), rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(-3, 3), log_scale=st.floats(-30, 30))
def test_discretized_logistic_sums_to_one(mean: float, log_scale: float) -> None:
    outputs = torch.tensor([[mean, log_scale]], dtype=torch.float64).expand(256, 2)
    masses = DiscretizedLogistic().log_prob(LEVELS, outputs).exp()
    assert masses.sum().item() == pytest.approx(1, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(mean=st.floats(-1.2, 1.2), log_scale=st.floats(-3, 1))
def test_discretized_logistic_is_the_difference_of_its_distribution_function(mean: float, log_scale: float) -> None:
    scale = math.exp(10 * math.tanh(log_scale / 10))
    edges = torch.cat([torch.tensor([-math.inf]), LEVELS[:-1, 0] + 0.5 / 127.5, torch.tensor([math.inf])])
    expected = torch.sigmoid((edges - mean) / scale).diff()
    outputs = torch.tensor([[mean, log_scale]], dtype=torch.float64).expand(256, 2)
    torch.testing.assert_close(DiscretizedLogistic().log_prob(LEVELS, outputs).exp(), expected, rtol=1e-6, atol=1e-12)


def test_discretized_logistic_draws_what_it_says() -> None:
    outputs = torch.tensor([[0.9, -2.5]])
    drawn = DiscretizedLogistic().sample(outputs.expand(200_000, 2), seeded())
    counts = torch.bincount(((drawn + 1) * 127.5).round().long().flatten(), minlength=256)
    masses = DiscretizedLogistic().log_prob(LEVELS.float(), outputs.expand(256, 2)).exp()
    error = (masses * (1 - masses) / len(drawn)).sqrt()
    assert ((counts / len(drawn) - masses).abs() < 5 * error + 1e-5).all()


def test_a_uniform_source_has_eight_bits_per_dimension() -> None:
    masses = torch.full((256,), math.log(256), dtype=torch.float64)
    torch.testing.assert_close(bits_per_dimension(masses.sum(), 256), torch.tensor(8.0, dtype=torch.float64))
    width = 256 / 127.5  # of dequantized images
    nll = 784 * math.log(width)
    assert bits_per_dimension(nll, 784, Gaussian.levels) == pytest.approx(8, abs=1e-12)


def test_no_model_codes_a_uniform_source_in_less_than_eight_bits() -> None:
    uniform, wide = LEVELS, torch.tensor([[0.0, -1.2]], dtype=torch.float64).expand(256, 2)
    logistic = DiscretizedLogistic()
    mass_bits = bits_per_dimension(-logistic.log_prob(uniform, wide).mean(), 1, logistic.levels).item()
    gaussian = Gaussian(FixedDeviation(0.58))
    spread = dequantize(uniform.repeat(100, 1), seeded())
    density_bits = bits_per_dimension(-gaussian.log_prob(spread, torch.zeros_like(spread)).mean(), 1, gaussian.levels)
    assert 8 < mass_bits < 8.4
    assert 8 < density_bits.item() < 8.3


def test_dequantized_densities_bound_the_bits_of_the_discrete_data() -> None:
    """A normal density's mass per gray level, summed exactly, against its dequantized bound."""
    sd, edges = 0.02, torch.cat([LEVELS[:, 0] - 0.5 / 127.5, torch.tensor([1 + 0.5 / 127.5])])
    masses = Normal(0.0, sd).cdf(edges).diff()
    source = masses / masses.sum()
    exact = -(source * masses.clamp(min=1e-300).log()).sum().item() / math.log(2)
    draws = torch.multinomial(source, 200_000, replacement=True, generator=seeded())
    spread = dequantize(LEVELS[draws], seeded(1))
    gaussian = Gaussian(FixedDeviation(sd))
    bound = bits_per_dimension(-gaussian.log_prob(spread, torch.zeros_like(spread)).mean(), 1, gaussian.levels).item()
    assert exact < bound < exact + 0.02
