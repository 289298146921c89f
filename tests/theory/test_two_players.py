"""The rules against closed forms, in float64: every rule × {bilinear, Dirac-GAN with and without R1}.

Both games are linear near their solution, ẇ = −Mw: the bilinear game xy with M = [[0, 1], [−1, 0]] for (x, y), the
Dirac-GAN with M = [[γ, ½], [−½, 0]] for (ψ, θ). What a rule does in a step is then a matrix in η and M, written here
beside the published spectral radius (Mescheder 2017 and 2018, Gidel 2019, Balduzzi 2018, Schäfer 2019, Chavdarova
2021).
"""

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.game import Game
from poise.models.plane import bilinear, dirac_gan
from poise.rules import (
    Alternating,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    PastExtragradient,
    Rule,
    Simultaneous,
    Symplectic,
    Unrolled,
)
from theory.games import GameAt, Matrix, positions, radius, step_matrix

EXACT = 1e-8  # relative; the games' curvature away from the origin and rounding stay far below
I = np.eye(2)  # noqa: E741

RATES = st.floats(0.01, 0.9)


def linear(gamma: float | None) -> Matrix:
    """Return M of the bilinear game (None) or of the Dirac-GAN with this R1 penalty."""
    return np.array([[0.0, 1.0], [-1.0, 0.0]]) if gamma is None else np.array([[gamma, 0.5], [-0.5, 0.0]])


def game_of(gamma: float | None) -> GameAt:
    def make(first: float, second: float) -> Game:
        return bilinear(first, second) if gamma is None else dirac_gan(first, second, gamma)

    return make


def alternate(m: Matrix, rate: float) -> Matrix:
    first, second = I.copy(), I.copy()
    first[0] -= rate * m[0]
    second[1] -= rate * m[1]
    return second @ first


def competitive(m: Matrix, rate: float) -> Matrix:
    mixed = m - np.diag(np.diag(m))
    step: Matrix = I - rate * np.linalg.solve(I + rate * mixed, m)
    return step


def adjusted(m: Matrix, rate: float, weight: float) -> Matrix:
    return I - rate * (m + weight * (m - m.T).T / 2 @ m)


def unrolled(m: Matrix, rate: float, depth: int) -> Matrix:
    decay, a = 1 - rate * m[0, 0], m[0, 1]
    through = sum(decay**i for i in range(depth))
    ahead = np.array([m[0], [-a * decay**depth, 2 * rate * a * a * through]])
    return I - rate * ahead


Step = Callable[[Matrix, float], Matrix]
RULES: list[tuple[str, Callable[[], Rule], Step, int]] = [
    ("simultaneous", Simultaneous, lambda m, h: I - h * m, 1),
    ("alternating", Alternating, alternate, 1),
    ("extragradient", Extragradient, lambda m, h: I - h * m @ (I - h * m), 1),
    ("consensus", lambda: Consensus(0.7), lambda m, h: I - h * (m + 0.7 * m.T @ m), 1),
    ("symplectic", lambda: Symplectic(0.7, align=False), lambda m, h: adjusted(m, h, 0.7), 1),
    ("competitive", lambda: Competitive(tolerance=1e-14), competitive, 1),
    ("unrolled 1", lambda: Unrolled(1), lambda m, h: unrolled(m, h, 1), 1),
    ("unrolled 4", lambda: Unrolled(4), lambda m, h: unrolled(m, h, 4), 1),
    (
        "lookahead over simultaneous",
        lambda: Lookahead(Simultaneous(), k=5, alpha=0.4),
        lambda m, h: 0.6 * I + 0.4 * np.linalg.matrix_power(I - h * m, 5),
        5,
    ),
    (
        "lookahead over alternating",
        lambda: Lookahead(Alternating(), k=3, alpha=0.5),
        lambda m, h: (I + np.linalg.matrix_power(alternate(m, h), 3)) / 2,
        3,
    ),
    (
        "lookahead over extragradient",
        lambda: Lookahead(Extragradient(), k=2, alpha=0.8),
        lambda m, h: 0.2 * I + 0.8 * np.linalg.matrix_power(I - h * m @ (I - h * m), 2),
        2,
    ),
]


@pytest.mark.parametrize(("name", "rule", "reference", "steps"), RULES, ids=[row[0] for row in RULES])
@pytest.mark.parametrize("gamma", [None, 0.0, 0.3, 0.9], ids=["bilinear", "dirac", "dirac R1 .3", "dirac R1 .9"])
@pytest.mark.parametrize("rate", [0.03, 0.1, 0.37, 0.8])
def test_a_step_is_the_known_matrix(
    name: str, rule: Callable[[], Rule], reference: Step, steps: int, gamma: float | None, rate: float
) -> None:
    found, expected = step_matrix(game_of(gamma), rule, rate, steps), reference(linear(gamma), rate)
    np.testing.assert_allclose(found, expected, rtol=EXACT, atol=EXACT * 1e-1)
    if name != "alternating":  # there the eigenvalues can be double, whose root magnifies rounding; see below
        assert radius(found) == pytest.approx(radius(expected), rel=EXACT)
    assert abs(np.linalg.det(found)) == pytest.approx(abs(np.linalg.det(expected)), rel=EXACT)


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.37, 0.8])
def test_published_radii_on_the_bilinear_game(rate: float) -> None:
    def squared(rule: Callable[[], Rule], steps: int = 1) -> float:
        return radius(step_matrix(bilinear, rule, rate, steps)) ** 2

    weight, angle = 0.7, math.acos(1 - rate**2 / 2)
    assert squared(Simultaneous) == pytest.approx(1 + rate**2, rel=EXACT)
    assert np.linalg.det(step_matrix(bilinear, Alternating, rate)) == pytest.approx(1, rel=EXACT)
    assert squared(Extragradient) == pytest.approx(1 - rate**2 + rate**4, rel=EXACT)
    assert squared(lambda: Consensus(weight)) == pytest.approx((1 - rate * weight) ** 2 + rate**2, rel=EXACT)
    assert squared(lambda: Symplectic(weight)) == pytest.approx((1 - rate * weight) ** 2 + rate**2, rel=EXACT)
    assert squared(Competitive) == pytest.approx(1 / (1 + rate**2), rel=EXACT)
    assert squared(lambda: Lookahead(Simultaneous(), 5, 0.3), 5) == pytest.approx(
        abs(0.7 + 0.3 * (1 + 1j * rate) ** 5) ** 2, rel=EXACT
    )
    assert squared(lambda: Lookahead(Alternating(), 4, 0.5), 4) == pytest.approx(
        1 - 0.5 * (1 - math.cos(4 * angle)), rel=EXACT
    )


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.35])  # .4 with γ = .9 has a double eigenvalue
@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_published_radii_on_the_dirac_gan_with_r1(rate: float, gamma: float) -> None:
    simultaneous = step_matrix(game_of(gamma), Simultaneous, rate)
    assert radius(simultaneous) ** 2 == pytest.approx(1 - rate * gamma + rate**2 / 4, rel=EXACT)
    # one alternating step has trace 2 − hγ − h²a² and determinant 1 − hγ: √(1 − hγ) while it spirals
    trace, determinant = 2 - rate * gamma - rate**2 / 4, 1 - rate * gamma
    expected = abs(trace + cmath.sqrt(trace**2 - 4 * determinant)) / 2
    assert radius(step_matrix(game_of(gamma), Alternating, rate)) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_published_radii_on_the_dirac_gan(rate: float) -> None:
    for loss in ("minimax", "non-saturating"):

        def game(psi: float, theta: float, loss: str = loss) -> Game:
            return dirac_gan(psi, theta, loss=loss)

        assert radius(step_matrix(game, Simultaneous, rate)) ** 2 == pytest.approx(1 + rate**2 / 4, rel=EXACT)
        assert np.linalg.det(step_matrix(game, Alternating, rate)) == pytest.approx(1.0, rel=EXACT)
    consensus = step_matrix(game_of(0.0), lambda: Consensus(0.6), rate)
    assert radius(consensus) ** 2 == pytest.approx((1 - rate * 0.6 / 4) ** 2 + rate**2 / 4, rel=EXACT)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.55])
@pytest.mark.parametrize("gamma", [None, 0.0, 0.3])
def test_past_extragradient_follows_its_recursion(rate: float, gamma: float | None) -> None:
    m, start = linear(gamma), np.array([1e-6, 2e-6])
    path = positions(game_of(gamma)(*start), PastExtragradient(), dict.fromkeys(_players(gamma), rate), 40)
    w, past = start, m @ start
    for found in path[1:]:
        past = m @ (w - rate * past)
        w = w - rate * past
        np.testing.assert_allclose(found, w, rtol=1e-8, atol=1e-16)
    if gamma is None:
        both = np.block([[I - rate * m, rate**2 * m], [m, -rate * m]])
        inside = (1 + math.sqrt(1 - 4 * rate**2)) / 2 if rate <= 0.5 else 0.25 + (rate + math.sqrt(rate**2 - 0.25)) ** 2
        # at η = ½ an eigenvalue is double: its root magnifies rounding
        assert radius(both) ** 2 == pytest.approx(inside, rel=1e-6 if rate == 0.5 else EXACT)


def _players(gamma: float | None) -> tuple[str, str]:
    return ("x", "y") if gamma is None else ("discriminator", "generator")


@settings(max_examples=25, deadline=None)
@given(rate=RATES, x=st.floats(-3, 3), y=st.floats(0.1, 3))
def test_simultaneous_descent_on_the_bilinear_game_leaves_at_the_known_rate(rate: float, x: float, y: float) -> None:
    (x0, y0), (x1, y1) = positions(bilinear(x, y), Simultaneous(), {"x": rate, "y": rate}, 1)
    assert math.hypot(x1, y1) / math.hypot(x0, y0) == pytest.approx(math.sqrt(1 + rate**2), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(rate=RATES, x=st.floats(-3, 3), y=st.floats(0.1, 3))
def test_alternating_descent_on_the_bilinear_game_conserves_its_ellipse(rate: float, x: float, y: float) -> None:
    path = positions(bilinear(x, y), Alternating(), {"x": rate, "y": rate}, 50)
    conserved = [a * a - rate * a * b + b * b for a, b in path]
    assert conserved == pytest.approx([conserved[0]] * len(path), rel=1e-10)


@pytest.mark.parametrize("rates", [(0.1, 0.4), (0.7, 0.2)])
def test_two_time_scales_do_not_help_on_the_bilinear_game(rates: tuple[float, float]) -> None:
    def made(rule: Rule) -> Matrix:
        paths = [positions(bilinear(*s), rule, {"x": rates[0], "y": rates[1]}, 1)[1] for s in ((1.0, 0.0), (0.0, 1.0))]
        return np.array(paths).T

    assert radius(made(Simultaneous())) ** 2 == pytest.approx(1 + rates[0] * rates[1], rel=EXACT)
    assert np.linalg.det(made(Alternating())) == pytest.approx(1, rel=EXACT)


@pytest.mark.parametrize(
    ("rule", "rate", "converges"),
    [
        (Simultaneous(), 0.1, False),
        (Alternating(), 0.1, False),
        (Extragradient(), 0.9, True),
        (Extragradient(), 1.1, False),
        (PastExtragradient(), 0.57, True),
        (PastExtragradient(), 0.59, False),
        (Consensus(0.5), 0.75, True),
        (Consensus(0.5), 0.85, False),
        (Competitive(), 3.0, True),
        (Lookahead(Simultaneous(), 5, 0.5), 0.1, True),
        (Lookahead(Simultaneous(), 5, 0.9), 0.1, False),
        (Unrolled(1), 0.5, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Rule) else str(value),
)
def test_where_theory_says_that_the_bilinear_game_is_solved(rule: Rule, rate: float, converges: bool) -> None:
    path = positions(bilinear(), rule, {"x": rate, "y": rate}, 600)
    assert (math.hypot(*path[-1]) < 0.3) == converges


def test_r1_makes_the_dirac_gan_converge_and_its_absence_does_not() -> None:
    rates = {"discriminator": 0.2, "generator": 0.2}
    calm = positions(dirac_gan(0.5, 0.5, gamma=0.8), Alternating(), rates, 300)[-1]
    restless = positions(dirac_gan(0.5, 0.5), Alternating(), rates, 300)[-1]
    assert math.hypot(*calm) < 1e-9
    assert math.hypot(*restless) > 0.3
