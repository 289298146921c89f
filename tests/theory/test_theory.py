"""The library's theory against what it plays: every rule × game of the plane × learning rate."""

import numpy as np
import pytest

from poise.game import Game
from poise.models import plane
from poise.rules import RULES
from poise.theory import LOOKAHEAD_STEPS, STEPS, past_extragradient, rate
from poise.trajectory import linearized, make_rule
from theory.games import Matrix, positions, step_matrix

GAMES = {"bilinear": ("bilinear", 0.0), "quadratic": ("quadratic", 0.0)}
GAMES |= {f"Dirac-GAN, γ = {gamma}": ("dirac-gan", gamma) for gamma in (0.0, 0.3, 1.1)}
ROTATION = np.array([[0.0, 1.0], [-1.0, 0.0]])


def test_there_is_theory_for_every_rule() -> None:
    assert set(STEPS) == set(RULES)


@pytest.mark.parametrize("lr", [0.03, 0.2, 0.7])
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("rule", RULES)
def test_a_played_step_is_the_matrix_of_theory(rule: str, game: str, lr: float) -> None:
    name, gamma = GAMES[game]
    m, theirs = linearized(plane.build(name, (0.0, 0.0), gamma))
    expected = STEPS[rule](m, lr, **({"theirs": theirs} if rule == "unrolled" else {}))
    if rule == "past-extragradient":
        assert_recursion(name, gamma, expected, lr)
        return

    def game_at(first: float, second: float) -> Game:
        return plane.build(name, (first, second), gamma)

    found = step_matrix(game_at, lambda: make_rule(rule), lr, LOOKAHEAD_STEPS if rule == "lookahead" else 1)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def assert_recursion(name: str, gamma: float, matrix: Matrix, lr: float) -> None:
    start = np.array([1e-6, 2e-6])
    game = plane.build(name, (1e-6, 2e-6), gamma)
    state = np.concatenate([start, start])
    for found in positions(game, make_rule("past-extragradient"), dict.fromkeys(game.players, lr), 20)[1:]:
        state = matrix @ state
        np.testing.assert_allclose(found, state[:2], rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("lr", [0.05, 0.3, 0.49])
def test_rates_on_the_bilinear_game_are_the_published_ones(lr: float) -> None:
    squares = {
        "simultaneous": 1 + lr**2,
        "alternating": 1.0,
        "extragradient": 1 - lr**2 + lr**4,
        "past-extragradient": (1 + np.sqrt(1 - 4 * lr**2)) / 2,
        "lookahead": np.cos(2.5 * np.arccos(1 - lr**2 / 2)) ** 0.4,  # α = ½: ρ per k = 5 steps is |cos kθ/2|
        "consensus": (1 - lr) ** 2 + lr**2,
        "symplectic": (1 - lr) ** 2 + lr**2,
        "competitive": 1 / (1 + lr**2),
    }
    for rule, square in squares.items():
        assert rate(rule, ROTATION, lr) ** 2 == pytest.approx(square, rel=1e-9), rule


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_unrolling_converges_on_the_bilinear_game_up_to_its_bound(depth: int) -> None:
    bound = 2 / np.sqrt(4 * depth - 1)
    assert (
        rate("unrolled", ROTATION, 0.99 * bound, depth=depth)
        < 1
        < rate("unrolled", ROTATION, 1.01 * bound, depth=depth)
    )
    inside = 0.9 / depth  # where it spirals, ρ² = 1 − (2k − 1)η²
    expected = 1 - (2 * depth - 1) * inside**2
    assert rate("unrolled", ROTATION, inside, depth=depth) ** 2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 0.5], ids=["bilinear", "Dirac-GAN"])
@pytest.mark.parametrize(
    ("rule", "bound"),
    [("extragradient", 1.0), ("past-extragradient", 3**-0.5), ("consensus", None), ("symplectic", None)],
)
def test_learning_rates_up_to_the_published_bounds_converge(rule: str, bound: float | None, scale: float) -> None:
    edge = 2 / (1 + scale**2) if bound is None else bound / scale
    assert rate(rule, scale * ROTATION, 0.999 * edge) < 1 < rate(rule, scale * ROTATION, 1.001 * edge)


@pytest.mark.parametrize("scale", [1.0, 0.5], ids=["bilinear", "Dirac-GAN"])
def test_cycles_end_where_alternating_leaves_too(scale: float) -> None:
    assert rate("alternating", scale * ROTATION, 1.99 / scale) == pytest.approx(1, rel=1e-9)
    assert rate("alternating", scale * ROTATION, 2.01 / scale) > 1.1
    assert rate("competitive", scale * ROTATION, 1e3) < 1


@pytest.mark.parametrize("lr", [0.1, 0.5, 1.1])
def test_r1_bounds_on_the_dirac_gan(lr: float) -> None:
    def m(gamma: float) -> Matrix:
        return np.array([[gamma, 0.5], [-0.5, 0.0]])

    assert rate("simultaneous", m(lr / 4 * 1.01), lr) < 1 < rate("simultaneous", m(lr / 4 * 0.99), lr)
    edge = (4 - lr**2 / 4) / (2 * lr)
    assert rate("alternating", m(0.99 * edge), lr) < 1 < rate("alternating", m(1.01 * edge), lr)


def test_the_past_s_matrix_forgets_where_there_is_no_force() -> None:
    assert np.array_equal(past_extragradient(np.zeros((2, 2)), 0.5)[:2], np.eye(2, 4))
