"""The rules against closed forms: Mescheder 2017 and 2018, Gidel 2019."""

import cmath
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.rules import Alternating, Simultaneous
from theory.games import Bilinear, dirac_gan, positions, radius

RATES = st.floats(0.01, 0.9)


@settings(max_examples=25, deadline=None)
@given(rate=RATES, x=st.floats(-3, 3), y=st.floats(0.1, 3))
def test_simultaneous_descent_on_the_bilinear_game_leaves_at_the_known_rate(rate: float, x: float, y: float) -> None:
    (x0, y0), (x1, y1) = positions(Bilinear(x, y), Simultaneous(), {"x": rate, "y": rate}, 1)
    assert math.hypot(x1, y1) / math.hypot(x0, y0) == pytest.approx(math.sqrt(1 + rate**2), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(rate=RATES, x=st.floats(-3, 3), y=st.floats(0.1, 3))
def test_alternating_descent_on_the_bilinear_game_conserves_its_ellipse(rate: float, x: float, y: float) -> None:
    path = positions(Bilinear(x, y), Alternating(), {"x": rate, "y": rate}, 50)
    conserved = [a * a - rate * a * b + b * b for a, b in path]
    assert conserved == pytest.approx([conserved[0]] * len(path), rel=1e-10)


@pytest.mark.parametrize("rates", [(0.1, 0.4), (0.7, 0.2)])
def test_two_time_scales_do_not_help_on_the_bilinear_game(rates: tuple[float, float]) -> None:
    path = positions(Bilinear(), Simultaneous(), {"x": rates[0], "y": rates[1]}, 2)
    # each step has determinant 1 + η_x η_y, so the weighted norm x²/η_x + y²/η_y grows by just that factor
    norms = [x * x / rates[0] + y * y / rates[1] for x, y in path]
    assert norms[1] / norms[0] == pytest.approx(1 + rates[0] * rates[1], rel=1e-12)
    assert norms[2] / norms[1] == pytest.approx(1 + rates[0] * rates[1], rel=1e-12)


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_dirac_gan_without_penalty(rate: float, loss: str) -> None:
    def game(psi: float, theta: float) -> object:
        return dirac_gan(theta, psi, loss=loss)

    assert radius(game, Simultaneous(), rate) == pytest.approx(math.sqrt(1 + rate**2 / 4), rel=1e-6)
    # the double eigenvalue's square root magnifies rounding, hence the wider bound
    assert radius(game, Alternating(), rate) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_dirac_gan_with_r1_converges_at_the_known_rate(rate: float, gamma: float) -> None:
    def game(psi: float, theta: float) -> object:
        return dirac_gan(theta, psi, gamma)

    simultaneous = math.sqrt(1 - rate * gamma + rate**2 / 4)
    assert radius(game, Simultaneous(), rate) == pytest.approx(simultaneous, rel=1e-6)
    # one alternating step has trace 2 − hγ − h²a² and determinant 1 − hγ: √(1 − hγ) while it spirals
    trace, determinant = 2 - rate * gamma - rate**2 / 4, 1 - rate * gamma
    alternating = abs(trace + cmath.sqrt(trace**2 - 4 * determinant)) / 2
    assert radius(game, Alternating(), rate) == pytest.approx(alternating, rel=1e-6)


def test_r1_makes_the_dirac_gan_converge_and_its_absence_does_not() -> None:
    rates = {"discriminator": 0.2, "generator": 0.2}
    calm = positions(dirac_gan(0.5, 0.5, gamma=0.8), Alternating(), rates, 300)[-1]
    restless = positions(dirac_gan(0.5, 0.5), Alternating(), rates, 300)[-1]
    assert math.hypot(*calm) < 1e-9
    assert math.hypot(*restless) > 0.3
