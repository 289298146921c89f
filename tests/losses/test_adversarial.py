"""Adversarial losses and penalties against their written-out formulas, one sample at a time."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from poise.losses.adversarial import ADVERSARIAL
from poise.losses.penalties import one_centered, squared_gradient_norm, zero_centered

SCORES = st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=1, max_size=9)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


Formula = Callable[..., float]
FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "non-saturating": (
        lambda r, f, w: -w * math.log(sigmoid(r)) - math.log(1 - sigmoid(f)),
        lambda r, f: -math.log(sigmoid(f)),
    ),
    "minimax": (
        lambda r, f, w: -w * math.log(sigmoid(r)) - math.log(1 - sigmoid(f)),
        lambda r, f: math.log(1 - sigmoid(f)),
    ),
    "hinge": (lambda r, f, w: w * max(0, 1 - r) + max(0, 1 + f), lambda r, f: -f),
    "wasserstein": (lambda r, f, w: f - w * r, lambda r, f: -f),
    "relativistic": (
        lambda r, f, w: -w * math.log(sigmoid(r - f)),
        lambda r, f: -math.log(sigmoid(f - r)),
    ),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
@settings(max_examples=30, deadline=None)
@given(scores=SCORES, weight=st.floats(0.1, 2))
def test_losses_are_means_of_their_formulas(name: str, scores: list[tuple[float, float]], weight: float) -> None:
    loss, (discriminator, generator) = ADVERSARIAL[name], FORMULAS[name]
    real, fake = (torch.tensor(column, dtype=torch.float64) for column in zip(*scores, strict=True))
    expected_d = sum(discriminator(r, f, weight) for r, f in scores) / len(scores)
    expected_g = sum(generator(r, f) for r, f in scores) / len(scores)
    assert loss.discriminator(real, fake, weight).item() == pytest.approx(expected_d, rel=1e-9, abs=1e-9)
    given_real = real if loss.pairs else None
    assert loss.generator(given_real, fake).item() == pytest.approx(expected_g, rel=1e-9, abs=1e-9)


def test_the_saturating_loss_has_no_slope_where_the_non_saturating_one_has_the_most() -> None:
    slopes = {}
    for name in ("minimax", "non-saturating"):
        fake = torch.tensor([-10.0], requires_grad=True)
        ADVERSARIAL[name].generator(None, fake).backward()
        assert fake.grad is not None
        slopes[name] = fake.grad.abs().item()
    assert slopes["minimax"] < 1e-4
    assert slopes["non-saturating"] > 0.99


def test_losses_stay_finite_at_extreme_scores() -> None:
    real, fake = torch.tensor([-1e4, 1e4]), torch.tensor([1e4, -1e4])
    for loss in ADVERSARIAL.values():
        assert torch.isfinite(loss.discriminator(real, fake, 1.0))
        assert torch.isfinite(loss.generator(real, fake))


def discriminator() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()


def slow_norms(net: nn.Module, points: Tensor) -> Tensor:
    """‖∇D‖ by central differences, one coordinate at a time."""
    norms = []
    for point in points:
        slopes = []
        for coordinate in range(len(point)):
            step = torch.zeros_like(point)
            step[coordinate] = 1e-6
            slopes.append((net((point + step)[None]) - net((point - step)[None])).item() / 2e-6)
        norms.append(math.sqrt(sum(slope**2 for slope in slopes)))
    return torch.tensor(norms, dtype=torch.float64)


def test_gradient_norms_equal_finite_differences() -> None:
    net, x = discriminator(), torch.randn(6, 4, dtype=torch.float64)
    points = x.clone().requires_grad_()
    expected = slow_norms(net, x)
    torch.testing.assert_close(squared_gradient_norm(net(points), points), expected.square(), rtol=1e-6, atol=0)
    half_mean = (expected.square().mean() / 2).item()
    assert zero_centered(net(points), points).item() == pytest.approx(half_mean, rel=1e-6)


def test_one_centered_penalty_between_samples() -> None:
    net = discriminator()
    real, fake = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    mix = torch.rand(5, 1, generator=torch.Generator().manual_seed(4)).double()
    expected = (slow_norms(net, real + mix * (fake - real)) - 1).square().mean().item()
    penalty = one_centered(net, real, fake, torch.Generator().manual_seed(4))
    assert penalty.item() == pytest.approx(expected, rel=1e-5)


def test_penalties_can_be_differentiated_in_the_weights() -> None:
    net, x = discriminator(), torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weight = next(net.parameters())
    (slope,) = torch.autograd.grad(zero_centered(net(x), x), weight)
    with torch.no_grad():
        weight[0, 0] += 1e-6
        above = zero_centered_value(net, x)
        weight[0, 0] -= 2e-6
        below = zero_centered_value(net, x)
    assert slope[0, 0].item() == pytest.approx((above - below) / 2e-6, rel=1e-4)


def zero_centered_value(net: nn.Module, x: Tensor) -> float:
    with torch.enable_grad():
        return zero_centered(net(x), x).item()
