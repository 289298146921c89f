"""What each rule does to a linear game in one step, as a matrix, and the rate at which it therefore converges.

Near a solution every smooth game is linear: F(w) = Mw for w = (x, y), here one number a player. A rule with gradient
descent then multiplies w by a matrix S(M, η), and the distance to the solution shrinks or grows like ρᵗ, with ρ the
largest absolute eigenvalue of S. Every function here returns S; `rate` returns ρ.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
I = np.eye(2)  # noqa: E741  (the name it has everywhere)
LOOKAHEAD_STEPS = 5  # k, unless given


def simultaneous(m: Matrix, lr: float) -> Matrix:
    """Return S = I − ηM.

    Source: Mescheder et al. 2017 (arXiv:1705.10461), section 3.

    Example:
        >>> simultaneous(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 1. , -0.5], [ 0.5,  1. ]])
    """
    return I - lr * m


def alternating(m: Matrix, lr: float) -> Matrix:
    """Return S = (I − ηP_yM)(I − ηP_xM), P the projection on one player: x moves, then y sees it.

    Source: Gidel et al. 2019 (arXiv:1807.04740); Mescheder et al. 2018 (arXiv:1801.04406).

    Example:
        >>> alternating(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 1.  , -0.5 ], [ 0.5 ,  0.75]])
    """
    of_x, of_y = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    return (I - lr * of_y @ m) @ (I - lr * of_x @ m)


def extragradient(m: Matrix, lr: float) -> Matrix:
    """Return S = I − ηM(I − ηM).

    Source: Korpelevich 1976; Gidel et al. 2019 (arXiv:1802.10551), algorithm 3.

    Example:
        >>> extragradient(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 0.75, -0.5 ], [ 0.5 ,  0.75]])
    """
    return I - lr * m @ (I - lr * m)


def past_extragradient(m: Matrix, lr: float) -> Matrix:
    """Return S of (w_t, w_{t−½}), twice as many numbers: w_{t+½} = w_t − ηMw_{t−½}, w_{t+1} = w_t − ηMw_{t+½}.

        S = [[I − ηM, η²M²], [I, −ηM]]

    Source: Popov 1980; Gidel et al. 2019 (arXiv:1802.10551), section 3.2.

    Example:
        >>> past_extragradient(np.eye(2), 0.5)[0]
        array([0.5 , 0.  , 0.25, 0.  ])
    """
    return np.block([[I - lr * m, lr**2 * m @ m], [I, -lr * m]])


def lookahead(m: Matrix, lr: float, k: int = LOOKAHEAD_STEPS, alpha: float = 0.5) -> Matrix:
    """Return S = (1 − α)I + αTᵏ of k steps, T one of the alternating rule.

    Source: Chavdarova et al. 2021 (arXiv:2006.14567), algorithm 1.

    Example:
        >>> m = np.array([[0.0, 1.0], [-1.0, 0.0]])
        >>> np.array_equal(lookahead(m, 0.1, k=1, alpha=1.0), alternating(m, 0.1))
        True
    """
    return (1 - alpha) * I + alpha * np.linalg.matrix_power(alternating(m, lr), k)


def consensus(m: Matrix, lr: float, weight: float = 1.0) -> Matrix:
    """Return S = I − η(M + γMᵀM).

    Source: Mescheder et al. 2017 (arXiv:1705.10461), eq. 8.

    Example:
        >>> consensus(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 0.5, -0.5], [ 0.5,  0.5]])
    """
    return I - lr * (m + weight * m.T @ m)


def symplectic(m: Matrix, lr: float, weight: float = 1.0) -> Matrix:
    """Return S = I − η(M + λAᵀM), A = ½(M − Mᵀ); near a solution, alignment leaves λ's sign as it is.

    Source: Balduzzi et al. 2018 (arXiv:1802.05642), algorithm 1.

    Example:
        >>> symplectic(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 0.5, -0.5], [ 0.5,  0.5]])
    """
    return I - lr * (m + weight * (m - m.T).T / 2 @ m)


def competitive(m: Matrix, lr: float) -> Matrix:
    """Return S = I − η(I + ηB)⁻¹M, B the coupling: M without each player's own curvature.

    Source: Schäfer & Anandkumar 2019 (arXiv:1905.12103), eq. 4.

    Example:
        >>> competitive(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5)
        array([[ 0.8, -0.4], [ 0.4,  0.8]])
    """
    coupling = m - np.diag(np.diag(m))
    return I - lr * np.linalg.solve(I + lr * coupling, m)


def unrolled(m: Matrix, lr: float, depth: int = 5, theirs: float | None = None) -> Matrix:
    """Return S where x moves as ever, and y by the gradient through k coming steps of x.

    With M = [[a, b], [d, c]] and q = 1 − ηa, y sees x at xᵏ = qᵏx − sy, s = ηb(1 + q + ... + qᵏ⁻¹). Its own loss
    ½hx² + dxy + ½cy² has there, through xᵏ, the gradient dxᵏ + cy − s(hxᵏ + dy).

    Args:
        m: M, [2, 2].
        lr: η.
        depth: k.
        theirs: h, the curvature of y's loss in x, which M does not hold; −a, as in a zero-sum game, unless given.

    Source: Metz et al. 2017 (arXiv:1611.02163), eq. 7 to 10.

    Example:
        >>> unrolled(np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.5, depth=1)
        array([[ 1. , -0.5], [ 0.5,  0.5]])
    """
    (a, b), (d, c) = m
    h, q = -a if theirs is None else theirs, 1 - lr * a
    s = lr * b * sum(q**i for i in range(depth))
    return I - lr * np.array([[a, b], [q**depth * (d - s * h), c - s * (2 * d - s * h)]])


STEPS: dict[str, Callable[..., Matrix]] = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
    "past-extragradient": past_extragradient,
    "lookahead": lookahead,
    "consensus": consensus,
    "symplectic": symplectic,
    "competitive": competitive,
    "unrolled": unrolled,
}


def rate(rule: str, m: Matrix, lr: float, **options: float | None) -> float:
    """Return ρ, by which a step of the rule with gradient descent multiplies the distance to the solution.

    Args:
        rule: its name.
        m: M, the Jacobian of the game's vector field at the solution, [2, 2].
        lr: η.
        options: those of the rule's function above.

    Returns:
        The largest absolute eigenvalue of the step's matrix; for lookahead its k-th root, for that is of k steps.

    Example:
        >>> round(rate("extragradient", np.array([[0.0, 1.0], [-1.0, 0.0]]), 0.1) ** 2, 4)  # 1 − η² + η⁴
        0.9901
    """
    steps = (options.get("k") or LOOKAHEAD_STEPS) if rule == "lookahead" else 1
    return float(np.abs(np.linalg.eigvals(STEPS[rule](m, lr, **options))).max() ** (1 / steps))
