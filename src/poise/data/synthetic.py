"""Series made here, always the same."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def sines(n: int = 10_000, steps: int = 24, features: int = 5, seed: int = 0) -> Floats:
    """Return sine waves: sin(2πft + φ) with a frequency f ~ U(0, 0.1) a step and a phase φ ~ U(−π, π) for each feature.

    Returns:
        Waves [n, steps, features].

    Source:
        Yoon et al. 2019, "Time-series generative adversarial networks", section 5.1.

    Example:
        >>> sines().shape
        (10000, 24, 5)
    """
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0, 0.1, size=(n, 1, features))
    phase = rng.uniform(-np.pi, np.pi, size=(n, 1, features))
    return np.sin(2 * np.pi * frequency * np.arange(steps)[:, None] + phase)


def lorenz(steps: int = 20_000, dt: float = 0.02, warm_up: int = 1_000, seed: int = 0) -> Floats:
    """Return a trajectory of x' = 10(y − x), y' = x(28 − z) − y, z' = xy − 8z/3 by the fourth-order Runge-Kutta method.

    Args:
        steps: how many points are returned.
        dt: time between them.
        warm_up: points passed over before the first, by when the trajectory has come to the attractor.
        seed: of where it begins.

    Returns:
        Points [steps, 3].

    Source:
        Lorenz 1963, "Deterministic nonperiodic flow".

    Example:
        >>> lorenz(100).shape
        (100, 3)
    """
    x, y, z = np.random.default_rng(seed).normal(size=3).tolist()
    points = []
    for _ in range(warm_up + steps):
        points.append((x, y, z))
        a = _flow(x, y, z)
        b = _flow(*(p + dt / 2 * v for p, v in zip((x, y, z), a, strict=True)))
        c = _flow(*(p + dt / 2 * v for p, v in zip((x, y, z), b, strict=True)))
        d = _flow(*(p + dt * v for p, v in zip((x, y, z), c, strict=True)))
        x, y, z = (p + dt / 6 * (i + 2 * j + 2 * k + m) for p, i, j, k, m in zip((x, y, z), a, b, c, d, strict=True))
    return np.array(points[warm_up:])


def _flow(x: float, y: float, z: float) -> tuple[float, float, float]:
    return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z
