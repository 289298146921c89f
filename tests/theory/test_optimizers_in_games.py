"""What optimizers with a memory do on the bilinear game, and what averages make of a cycle (theory in closed form)."""

import cmath
import math
from functools import partial

import numpy as np
import pytest
import torch

from poise.game import Batch
from poise.models.plane import bilinear
from poise.optim import SGD, Adam, Average, OptimisticSGD
from poise.rules import Alternating, Competitive, Extragradient, Rule, Simultaneous
from poise.training import MakeOptimizer, Training


def play(rule: Rule, optimizer: MakeOptimizer, steps: int) -> np.ndarray:
    """Return the positions [steps + 1, 2]."""
    game = bilinear(1.0, 0.5)
    state = Training(game, rule, dict.fromkeys(game.players, optimizer))
    path = [where(state)]
    for _ in range(steps):
        state.play([Batch(torch.zeros(1, 1))], progress=0.0)
        path.append(where(state))
    return np.array(path)


def where(state: Training) -> list[float]:
    return [flat.parameters[0].item() for flat in state.flats.values()]


def growth(path: np.ndarray) -> float:
    """Return the factor on the distance per step, over the second half, where the largest eigenvalue rules."""
    sizes = np.linalg.norm(path, axis=1)
    late = np.log(sizes[len(sizes) // 2 :])
    return float(np.exp(np.polyfit(np.arange(len(late)), late, 1)[0]))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_negative_momentum_makes_alternating_descent_converge(rate: float) -> None:
    beta = -0.5  # roots of (λ−1)²(λ−β)² + η²λ³
    polynomial = np.polyadd(np.polymul(np.poly([1, 1]), np.poly([beta, beta])), [rate**2, 0, 0, 0])
    expected = np.abs(np.roots(polynomial)).max()
    path = play(Alternating(), partial(SGD, lr=rate, momentum=beta), 1200)
    assert growth(path) == pytest.approx(expected, rel=1e-3)
    assert expected < 1


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_positive_momentum_makes_simultaneous_descent_leave(beta: float) -> None:
    assert growth(play(Simultaneous(), partial(SGD, lr=0.1, momentum=beta), 200)) > 1.0001


@pytest.mark.parametrize(("size", "angle", "rho"), [(0.83, 0.14 * math.pi, 0.952), (0.9, math.pi / 8, 1.053)])
def test_complex_momentum_at_published_and_at_bad_values(size: float, angle: float, rho: float) -> None:
    rate, beta = 0.1, cmath.rect(size, angle)
    # per player pair z = x + iy with F = −iz: state (z, μ, μ̄'): written as a real matrix over (x, y, μ's)
    m = np.array([[0.0, 1.0], [-1.0, 0.0]])
    turn = np.array([[beta.real, -beta.imag], [beta.imag, beta.real]])
    momentum = np.kron(turn, np.eye(2))  # (Re μ, Im μ) of both players
    force = np.concatenate([-m, np.zeros((2, 2))])
    top = np.concatenate([np.eye(2) + rate * force[:2], rate * momentum[:2]], axis=1)
    matrix = np.concatenate([top, np.concatenate([force, momentum], axis=1)])
    expected = np.abs(np.linalg.eigvals(matrix)).max()
    assert expected == pytest.approx(rho, abs=6e-4)
    path = play(Simultaneous(), partial(SGD, lr=rate, momentum=size, angle=angle), 400)
    assert growth(path) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.45])
def test_optimistic_descent_is_past_extragradient(rate: float) -> None:
    path = play(Simultaneous(), partial(OptimisticSGD, lr=rate), 1500)
    assert growth(path) ** 2 == pytest.approx((1 + math.sqrt(1 - 4 * rate**2)) / 2, rel=1e-3)


def test_the_uniform_average_of_a_cycle_converges_like_one_over_t_and_the_exponential_one_does_not() -> None:
    distances = {}
    for half_life in (None, 20.0):
        game = bilinear(1.0, 1.0)
        state = Training(game, Alternating(), dict.fromkeys(game.players, partial(SGD, lr=0.3)))
        averages = {name: Average(flat, half_life, ramp=1e9) for name, flat in state.flats.items()}
        sizes = []
        for _ in range(4000):
            state.play([Batch(torch.zeros(1, 1))], progress=0.0)
            for average in averages.values():
                average.update()
            sizes.append(math.hypot(*(average.vector[0].item() for average in averages.values())))
        distances[half_life] = sizes
    uniform = distances[None]
    assert max(t * d for t, d in enumerate(uniform, 1)) < 20  # bounded, so O(1/t)
    b, theta = 0.5 ** (1 / 20), math.acos(1 - 0.3**2 / 2)
    factor = (1 - b) / abs(1 - b * cmath.exp(-1j * theta))
    late = distances[20.0][-200:]
    assert np.mean(late) == pytest.approx(factor * math.sqrt(2), rel=0.15)  # the cycle is an ellipse, hence the width


def test_adam_does_not_contract_on_the_bilinear_game() -> None:
    path = play(Extragradient(), partial(Adam, lr=0.01, betas=(0.0, 0.9)), 3000)
    sizes = np.linalg.norm(path, axis=1)
    assert sizes[-1000:].max() < 0.2 * sizes[0]
    assert sizes[-1000:].max() > 1e-4  # a cycle of a radius like the learning rate


def test_adaptive_competitive_descent_is_its_formula() -> None:
    """Two players of one weight each: A by Adam's second moment, and the local game solved by hand."""
    lr, decay, eps = 0.1, 0.9, 1e-5
    game = bilinear(1.0, 0.5)
    rule = Competitive(tolerance=1e-14)
    state = Training(game, rule, dict.fromkeys(game.players, partial(Adam, lr=lr, betas=(0.0, decay), eps=eps)))
    x, y, square = 1.0, 0.5, np.zeros(2)
    for t in range(1, 8):
        gradient = np.array([y, x])  # ∂f/∂x, ∂f/∂y of f = xy, whose mixed derivative is 1
        square = decay * square + (1 - decay) * gradient**2
        ax, ay = lr / (np.sqrt(square / (1 - decay**t)) + eps)
        dx = -ax * (gradient[0] + ay * gradient[1]) / (1 + ax * ay)
        x, y = x + dx, y + ay * (gradient[1] + dx)
        state.play([Batch(torch.zeros(1, 1))], progress=0.0)
        assert where(state) == pytest.approx([x, y], rel=1e-10)
