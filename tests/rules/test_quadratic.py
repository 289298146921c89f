"""Random quadratic games of several dimensions: every first- and second-order rule against dense linear algebra."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.field import Field, dot
from poise.game import Batch
from poise.models.plane import Quadratic
from poise.optim import SGD
from poise.rng import Rng
from poise.rules import Alternating, Competitive, Consensus, Extragradient, Rule, Simultaneous, Symplectic
from poise.training import Training
from theory.games import Matrix

Reference = Callable[[Matrix, int, float], Matrix]


def alternating(m: Matrix, n: int, h: float) -> Matrix:
    first, second = np.eye(len(m)), np.eye(len(m))
    first[:n] -= h * m[:n]
    second[n:] -= h * m[n:]
    return second @ first


def competitive(m: Matrix, n: int, h: float) -> Matrix:
    mixed = m.copy()
    mixed[:n, :n], mixed[n:, n:] = 0, 0
    step: Matrix = np.eye(len(m)) - h * np.linalg.solve(np.eye(len(m)) + h * mixed, m)
    return step


TABLE: dict[str, tuple[Callable[[], Rule], Reference]] = {
    "simultaneous": (Simultaneous, lambda m, n, h: np.eye(len(m)) - h * m),
    "alternating": (Alternating, alternating),
    "extragradient": (Extragradient, lambda m, n, h: np.eye(len(m)) - h * m @ (np.eye(len(m)) - h * m)),
    "consensus": (lambda: Consensus(0.3), lambda m, n, h: np.eye(len(m)) - h * (m + 0.3 * m.T @ m)),
    "symplectic": (
        lambda: Symplectic(0.3, align=False),
        lambda m, n, h: np.eye(len(m)) - h * (m + 0.3 * (m - m.T).T / 2 @ m),
    ),
    "competitive": (lambda: Competitive(tolerance=1e-13, iterations=50), competitive),
}


def random_game(seed: int, n: int, k: int) -> tuple[Quadratic, Matrix, Matrix]:
    """Return a game, its matrix M, and the starting point."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(n, n)), rng.normal(size=(n, k)), rng.normal(size=(k, k))
    a, c = a @ a.T, c @ c.T
    x, y = rng.normal(size=n), rng.normal(size=k)
    return Quadratic(a, b, c, x, y), np.block([[a, b], [-b.T, c]]), np.concatenate([x, y])


@pytest.mark.parametrize("rule", TABLE)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), k=st.integers(1, 4), rate=st.floats(0.01, 0.3))
def test_a_step_of_a_random_game(rule: str, seed: int, n: int, k: int, rate: float) -> None:
    make, reference = TABLE[rule]
    game, m, start = random_game(seed, n, k)
    state = Training(game, make(), dict.fromkeys(game.players, partial(SGD, lr=rate)))
    state.play([Batch(torch.zeros(1, 1))], progress=0.0)
    found = torch.cat([game.x.value, game.y.value]).detach().numpy()
    np.testing.assert_allclose(found, reference(m, n, rate) @ start, rtol=1e-8, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), k=st.integers(1, 4))
def test_products_with_the_jacobian(seed: int, n: int, k: int) -> None:
    game, m, start = random_game(seed, n, k)
    weights = {player: list(game.get_submodule(player).parameters()) for player in game.players}
    batch = Batch(torch.zeros(1, 1))
    field = Field({player: game.loss(player, batch, Rng(0)) for player in game.players}, weights)
    v = np.random.default_rng(seed + 1).normal(size=n + k)
    vectors = {"x": [torch.from_numpy(v[:n])], "y": [torch.from_numpy(v[n:])]}

    def joined(parts: dict[str, list[torch.Tensor]]) -> Matrix:
        return torch.cat([parts["x"][0], parts["y"][0]]).detach().numpy()

    np.testing.assert_allclose(joined(field.values), m @ start, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(joined(field.pull(vectors)), m.T @ v, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(joined(field.push(vectors)), m @ v, rtol=1e-10, atol=1e-12)
    assert dot(field.values, vectors).item() == pytest.approx(start @ m.T @ v)
