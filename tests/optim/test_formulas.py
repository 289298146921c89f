"""Each optimizer against its formula, as slow scalar Python straight from the paper; and what follows from them."""

import cmath
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optim.problems import own
from poise.optim import Adam, Convergence, Flat, GradientDescent, OptimisticSGD, ScheduleFree, TextbookAdam
from poise.optim.muon import orthogonalize

Reference = Callable[[float, list[float], float], list[float]]  # start, gradients, lr → the weight after each step

GRADIENTS = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.floats(-1e3, -1e-3)), min_size=1, max_size=30)
B1, B2, EPS = 0.8, 0.95, 1e-4


def descent(w: float, gradients: list[float], lr: float) -> list[float]:
    return [w := w - lr * g for g in gradients]


def textbook_adam(w: float, gradients: list[float], lr: float) -> list[float]:
    m = v = 0.0
    path = []
    for g in gradients:
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        w -= lr * m / (math.sqrt(v) + EPS)
        path.append(w)
    return path


def lion(w: float, gradients: list[float], lr: float) -> list[float]:
    m, decay = 0.0, 0.1
    path = []
    for g in gradients:
        c = B1 * m + (1 - B1) * g
        sign = 0.0 if c == 0 else math.copysign(1.0, c)
        w = w - lr * (sign + decay * w)
        m = B2 * m + (1 - B2) * g
        path.append(w)
    return path


def adabelief(w: float, gradients: list[float], lr: float) -> list[float]:
    m = s = 0.0
    path = []
    for t, g in enumerate(gradients, start=1):
        m = B1 * m + (1 - B1) * g
        s = B2 * s + (1 - B2) * (g - m) ** 2 + EPS
        w -= lr * (m / (1 - B1**t)) / (math.sqrt(s / (1 - B2**t)) + EPS)
        path.append(w)
    return path


def adopt(w: float, gradients: list[float], lr: float) -> list[float]:
    m, v = 0.0, gradients[0] ** 2
    path = [w]
    for t, g in enumerate(gradients[1:], start=1):
        bound = t**0.25
        m = B1 * m + (1 - B1) * min(max(g / max(math.sqrt(v), EPS), -bound), bound)
        w -= lr * m
        v = B2 * v + (1 - B2) * g**2
        path.append(w)
    return path


def optimistic_sgd(w: float, gradients: list[float], lr: float) -> list[float]:
    before = [gradients[0], *gradients]
    return [w := w - 2 * lr * g + lr * last for g, last in zip(gradients, before, strict=False)]


def optimistic_adam(w: float, gradients: list[float], lr: float) -> list[float]:
    m = v = 0.0
    last = None
    path = []
    for t, g in enumerate(gradients, start=1):
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        d = (m / (1 - B1**t)) / (math.sqrt(v / (1 - B2**t)) + EPS)
        w = w - 2 * lr * d + lr * (d if last is None else last)
        last = d
        path.append(w)
    return path


def schedule_free(w: float, gradients: list[float], lr: float) -> list[float]:
    x = z = w
    v = weights = 0.0
    decay, warmup = 0.1, 3
    path = []
    for t, g in enumerate(gradients, start=1):
        y = (1 - B1) * z + B1 * x
        v = B2 * v + (1 - B2) * g**2
        step = lr * min(1.0, t / warmup)
        z -= step * (g / (math.sqrt(v / (1 - B2**t)) + EPS) + decay * y)
        weights += step**2
        c = step**2 / weights
        x = (1 - c) * x + c * z
        path.append((1 - B1) * z + B1 * x)
    return path


def complex_momentum(w: float, gradients: list[float], lr: float) -> list[float]:
    beta, mu = cmath.rect(0.8, 0.5), 0j
    path = []
    for g in gradients:
        mu = beta * mu - (g + 0.1 * w)
        w += lr * mu.real
        path.append(w)
    return path


FORMULAS: dict[str, tuple[Callable[..., torch.optim.Optimizer], Reference]] = {
    "gradient-descent": (own("gradient-descent"), descent),
    "textbook-adam": (own("textbook-adam", betas=(B1, B2), eps=EPS), textbook_adam),
    "lion": (own("lion", betas=(B1, B2), weight_decay=0.1), lion),
    "adabelief": (own("adabelief", betas=(B1, B2), eps=EPS), adabelief),
    "adopt": (own("adopt", betas=(B1, B2), eps=EPS), adopt),
    "optimistic-sgd": (own("optimistic-sgd"), optimistic_sgd),
    "optimistic-adam": (own("optimistic-adam", betas=(B1, B2), eps=EPS), optimistic_adam),
    "schedule-free": (
        own("schedule-free", betas=(B1, B2), eps=EPS, weight_decay=0.1, warmup_steps=3),
        schedule_free,
    ),
    "sgd-complex": (own("sgd", momentum=0.8, angle=0.5, weight_decay=0.1), complex_momentum),
}


def path(optimizer: torch.optim.Optimizer, w: nn.Parameter, gradients: list[float]) -> list[float]:
    weights = []
    for g in gradients:
        w.grad = torch.full_like(w, g)
        optimizer.step()
        weights.append(w.item())
    return weights


@pytest.mark.parametrize(("make", "reference"), FORMULAS.values(), ids=FORMULAS)
@settings(max_examples=40, deadline=None)
@given(start=st.floats(-10, 10), gradients=GRADIENTS, lr=st.floats(1e-3, 0.5))
def test_the_formula(
    make: Callable[..., torch.optim.Optimizer], reference: Reference, start: float, gradients: list[float], lr: float
) -> None:
    w = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    got, expected = path(make([w], lr=lr), w, gradients), reference(start, gradients, lr)
    size = max(map(abs, [start, *expected])) + lr * max(map(abs, gradients))
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)


@settings(max_examples=40, deadline=None)
@given(t=st.integers(1, 300), warmup=st.integers(0, 60))
def test_the_newest_iterates_share_is_its_weight_among_all(t: int, warmup: int) -> None:
    from poise.optim.schedule_free import newest_share

    weights = [min(1.0, s / max(warmup, 1)) ** 2 for s in range(1, t + 1)]
    assert newest_share(t, warmup) == pytest.approx(weights[-1] / sum(weights), rel=1e-12)


def test_schedule_free_shows_the_average_while_evaluating() -> None:
    w = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimizer = ScheduleFree([w], lr=0.5, betas=(0.9, 0.9), eps=0.0)
    path(optimizer, w, [2.0] * 10)  # every step of z has length lr
    optimizer.eval()
    assert w.item() == pytest.approx(1 - 0.5 * sum(range(1, 11)) / 10)


def test_textbook_adam_overshoots_as_theory_says() -> None:
    w = nn.Parameter(torch.zeros((), dtype=torch.float64))
    weights = path(TextbookAdam([w], lr=1.0, eps=0.0), w, [3.0] * 40)
    lengths = [before - after for before, after in zip([0.0, *weights], weights, strict=False)]
    expected = [(1 - 0.9**t) / math.sqrt(1 - 0.999**t) for t in range(1, 41)]
    assert lengths == pytest.approx(expected, rel=1e-10)
    assert lengths[0] == pytest.approx(3.162, abs=5e-4)
    assert max(lengths) == lengths[11] == pytest.approx(6.569, abs=5e-4)


@pytest.mark.parametrize("gradient", [1e-3, -5.0, 2e4])
def test_adam_moves_by_its_lr_under_a_constant_gradient(gradient: float) -> None:
    w = nn.Parameter(torch.zeros((), dtype=torch.float64))
    weights = path(Adam([w], lr=0.1, eps=0.0), w, [gradient] * 20)
    assert weights == pytest.approx([-math.copysign(0.1, gradient) * t for t in range(1, 21)], rel=1e-9)


def bilinear(lr: float, steps: int, to_none: bool) -> list[float]:
    """Play min_x max_y xy by optimistic steps from (1, 1); return the distances from the equilibrium."""
    x, y = (nn.Parameter(torch.ones((), dtype=torch.float64)) for _ in range(2))
    optimizers = OptimisticSGD([x], lr=lr), OptimisticSGD([y], lr=lr)
    distances = []
    for _ in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=to_none)
        dx, dy = y.detach().clone(), -x.detach().clone()
        for w, g in ((x, dx), (y, dy)):
            if w.grad is None:
                w.grad = g
            else:
                w.grad += g  # as backward() does with gradients that were zeroed in place
        for optimizer in optimizers:
            optimizer.step()
        distances.append(math.hypot(x.item(), y.item()))
    return distances


@pytest.mark.parametrize("to_none", [False, True])
def test_optimistic_steps_remember_the_last_gradient_itself(to_none: bool) -> None:
    """An alias of a gradient that is zeroed in place would make them simultaneous descent, which diverges."""
    distances = bilinear(0.3, 200, to_none)
    rate = (distances[-1] / distances[99]) ** (1 / 100)
    assert rate == pytest.approx(math.sqrt((1 + math.sqrt(1 - 4 * 0.3**2)) / 2), rel=1e-3)


def test_optimistic_steps_are_past_extragradients_half_steps() -> None:
    lr, x, y = 0.2, 1.0, 1.0
    ahead = x, y
    expected: list[float] = []
    for _ in range(20):
        gx, gy = ahead[1], -ahead[0]  # F at the half step, used twice
        if expected:
            x, y = x - lr * gx, y - lr * gy
        ahead = x - lr * gx, y - lr * gy
        expected.append(math.hypot(*ahead))
    assert bilinear(lr, 20, to_none=True) == pytest.approx(expected, rel=1e-12)


def newton_schulz(x: torch.Tensor) -> torch.Tensor:
    """The five steps as Jordan et al. write them, on singular values: polynomials of x keep its singular vectors."""
    u, s, vt = torch.linalg.svd(x.double(), full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    result: torch.Tensor = (u * s) @ vt
    return result


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    decades=st.floats(0.0, 8.0),
    size=st.floats(1e-6, 1e6),
    seed=st.integers(0, 99),
)
def test_orthogonalizing_is_five_newton_schulz_steps(
    shape: tuple[int, int], decades: float, size: float, seed: int
) -> None:
    """Also where some directions are all but absent."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    u, s, vt = torch.linalg.svd(x, full_matrices=False)
    x = size * (u * s * 10 ** -torch.linspace(0, decades, len(s), dtype=torch.float64)) @ vt
    torch.testing.assert_close(orthogonalize(x), newton_schulz(x), rtol=0, atol=1e-10)
    torch.testing.assert_close(orthogonalize(x.float()).double(), newton_schulz(x.float()), rtol=0, atol=1e-2)


@pytest.mark.parametrize("shape", [(8, 8), (20, 6), (6, 30)])
def test_orthogonalizing_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    x = torch.randn(shape)
    u, s, vt = torch.linalg.svd(x, full_matrices=False)
    kept = s > 0.02 * x.norm()
    values = torch.linalg.diagonal(u.T @ orthogonalize(x) @ vt.T)[kept]
    assert values.min() > 0.6
    assert values.max() < 1.25
    assert torch.equal(orthogonalize(torch.zeros(shape)), torch.zeros(shape))


@settings(max_examples=20, deadline=None)
@given(lr=st.floats(0.05, 0.45), curvature=st.floats(0.5, 4.0))
def test_gradient_descent_shrinks_errors_by_their_factor(lr: float, curvature: float) -> None:
    w = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = GradientDescent([w], lr=lr)
    for t in range(1, 8):
        w.grad = curvature * w.detach()
        optimizer.step()
        assert w.item() == pytest.approx((1 - lr * curvature) ** t, rel=1e-9, abs=1e-12)


def test_descent_stops_and_says_why() -> None:
    module = nn.Linear(3, 1, bias=False).double()
    flat = Flat(module)
    optimizer, convergence = GradientDescent(flat, lr=0.3), Convergence(gradient_norm=1e-6, loss_change=None)
    reason, steps = None, 0
    while reason is None and steps < 1000:
        optimizer.zero_grad()
        loss = module.weight.square().sum() + 1.0
        loss.backward()
        reason, steps = convergence.reached(loss.item(), flat.gradient.norm().item()), steps + 1
        optimizer.step()
    assert reason is not None
    assert reason.startswith("the gradient's norm fell to ")
    assert reason.endswith(", below 1e-06")


def test_a_steady_loss_ends_descent_also_across_a_checkpoint() -> None:
    convergence, resumed = Convergence(None, 1e-3), Convergence(None, 1e-3)
    assert convergence.state_dict() == {}
    assert convergence.reached(2.0, 5.0) is None
    resumed.load_state_dict(convergence.state_dict())
    assert resumed.reached(2.001, 5.0) == "the loss changed by 0.0005 of itself, less than 0.001"
    assert Convergence(None, None).reached(0.0, 0.0) is None
    nothing = Convergence(None, 1e-3)
    assert nothing.reached(0.0, 1.0) is None
    assert nothing.reached(0.0, 1.0) == "the loss changed by 0 of itself, less than 0.001"
