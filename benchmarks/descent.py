"""The experiments of docs/descent.md: why gradient descent converges, and how SGD and Adam differ from it.

    make descent        or: python benchmarks/descent.py

Every curve is made by an optimizer of Poise in float64; every dashed line is a formula.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor, nn

from poise.optim import SGD, Adam, Convergence, GradientDescent, TextbookAdam

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Loss = Callable[[Tensor], Tensor]
Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
torch.set_default_dtype(torch.float64)
BLUE, ORANGE, GREEN, RED = "#3b6fb6", "#e08a1e", "#3c9a5f", "#c4453c"


def descend(loss: Loss, start: list[float], make: Make, steps: int) -> np.ndarray:
    """Return the path [steps + 1, d] of an optimizer on a loss."""
    w = nn.Parameter(torch.tensor(start))
    optimizer, path = make([w]), [w.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path).numpy()


def step_sizes(folder: Path) -> None:
    """Gradient descent on ½(λ₁x² + λ₂y²): the factor max |1 − αλ| decides."""
    low, high, steps = 0.2, 2.0, 60
    curvature = torch.tensor([low, high])
    figure, axes = panel(1)
    best = 2 / (low + high)
    for rate, color in ((0.3, BLUE), (best, GREEN), (0.99, ORANGE), (1.03, RED)):
        path = descend(lambda w: (curvature * w * w).sum() / 2, [1.0, 1.0], partial(GradientDescent, lr=rate), steps)
        distance = np.linalg.norm(path, axis=1)
        factor = max(abs(1 - rate * low), abs(1 - rate * high))
        name = " (best)" if rate == best else " (above 2/λmax)" if factor > 1 else ""
        axes[0].plot(distance, color=color, label=f"α = {rate:.2f}{name}: factor {factor:.3f}")
        axes[0].plot(distance[-1] * factor ** (np.arange(steps + 1) - steps), "k--", lw=0.8)
        measured = (distance[-1] / distance[-21]) ** (1 / 20)
        print(f"quadratic, alpha {rate:.3f}: factor a step measured {measured:.4f}, theory {factor:.4f}")
    axes[0].set(yscale="log", xlabel="step", ylabel="distance to the minimum", title="½(0.2 x² + 2 y²): 2/λmax = 1")
    axes[0].legend(fontsize=8)
    save(figure, folder / "descent-step-size.png")


def valley(frame: Tensor, curvature: Tensor, w: Tensor) -> Tensor:
    """Return ½Σλᵢ(Fw)ᵢ²: a quadratic valley, turned by the frame F."""
    return (curvature * (frame @ w) ** 2).sum() / 2


def valleys(w: Tensor) -> Tensor:
    """Return Himmelblau's function, with four minima of value 0 and a maximum and saddles between."""
    return (w[0] ** 2 + w[1] - 11) ** 2 + (w[0] + w[1] ** 2 - 7) ** 2


def stationary_points(folder: Path) -> None:
    """Gradient descent on a function with four minima: where it ends depends on where it starts."""
    figure, axes = panel(1)
    x, y = np.meshgrid(np.linspace(-5.5, 5.5, 240), np.linspace(-5.5, 5.5, 240))
    heights = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
    axes[0].contour(x, y, np.log1p(heights), 18, cmap="Greys", linewidths=0.7)
    ends: dict[tuple[float, ...], int] = {}
    for i, start in enumerate(np.random.default_rng(3).uniform(-5, 5, (16, 2))):
        path = descend(valleys, list(start), partial(GradientDescent, lr=0.005), 600)
        axes[0].plot(*path.T, color=(BLUE, ORANGE, GREEN, RED)[i % 4], lw=1.2)
        axes[0].plot(*path[0], "o", color="k", ms=3)
        axes[0].plot(*path[-1], "*", color="k", ms=9)
        end = tuple(round(float(v), 3) + 0.0 for v in path[-1])
        ends[end] = ends.get(end, 0) + 1
    saddle = descend(valleys, [-0.12796134, -1.95371498], partial(GradientDescent, lr=0.005), 200)
    axes[0].plot(*saddle[0], "x", color=RED, ms=9, mew=2)
    axes[0].set(xlabel="x", ylabel="y", title="four minima; a saddle (×) holds whoever starts on it")
    save(figure, folder / "descent-valleys.png")
    for end, count in sorted(ends.items()):
        print(f"four valleys: {count:>2} of 16 starts end at {end}, value {valleys(torch.tensor(end)):.1e}")
    moved = float(np.linalg.norm(saddle[20] - saddle[0]))
    print(f"four valleys: 20 steps from the saddle's coordinates (8 digits) move by {moved:.1e}")


def noise(folder: Path) -> None:
    """SGD on least squares: a ball of known width around the minimum, unless the step size falls."""
    curvature, sigma, steps, copies = torch.tensor([1.0, 0.3]), 0.5, 4000, 200
    generator = torch.Generator().manual_seed(0)
    figure, axes = panel(1)

    def distances(rate: float, falls: bool) -> np.ndarray:
        w = nn.Parameter(torch.full((copies, 2), 2.0))
        optimizer, squares = SGD([w], lr=rate), []
        for t in range(steps):
            if falls:
                optimizer.param_groups[0]["lr"] = rate / (1 + t / 50)
            # the gradient of a random batch: that of the whole, and noise of covariance σ²
            w.grad = curvature * w.detach() + sigma * torch.randn(copies, 2, generator=generator)
            optimizer.step()
            squares.append(w.detach().square().sum(1).mean().item())
        return np.array(squares)

    for rate, falls, color in ((0.2, False, RED), (0.05, False, ORANGE), (0.2, True, GREEN)):
        squares = distances(rate, falls)
        axes[0].plot(squares, color=color, lw=1, label=f"α = {rate}" + (", falling as 1/t" if falls else ""))
        if not falls:
            # each direction: v = (1 − αλ)² v + α²σ²
            stationary = sum(rate * sigma**2 / (c * (2 - rate * c)) for c in curvature.tolist())
            axes[0].axhline(stationary, ls="--", color=color, lw=1)
            print(f"SGD, alpha {rate}: mean squared distance {squares[-1000:].mean():.4f}, theory {stationary:.4f}")
        else:
            print(f"SGD, alpha falling from {rate}: mean squared distance at the end {squares[-1]:.5f}")
    axes[0].set(yscale="log", xlabel="step", ylabel="mean squared distance", title="SGD: dashed is the known width")
    axes[0].legend(fontsize=8)
    save(figure, folder / "descent-noise.png")


def adam(folder: Path) -> None:
    """Adam: steps as long as α whatever the gradient, its textbook form longer; quick on ill-conditioned valleys."""
    figure, axes = panel(2)
    for make, name, color in ((TextbookAdam, "textbook Adam", ORANGE), (Adam, "Adam", GREEN)):
        path = descend(lambda w: 7.0 * w.sum(), [0.0], partial(make, lr=1.0, eps=0.0), 60)
        lengths = np.abs(np.diff(path[:, 0]))
        axes[0].plot(np.arange(1, 61), lengths, color=color, label=f"{name}, longest {lengths.max():.3f} α")
        longest = f"longest {lengths.max():.3f} at step {lengths.argmax() + 1}"
        print(f"constant gradient, {name}: first step {lengths[0]:.3f}, {longest}")
    t = np.arange(1, 61)
    axes[0].plot(t, (1 - 0.9**t) / np.sqrt(1 - 0.999**t), "k--", lw=1)
    axes[0].set(xlabel="step", ylabel="length of the step / α", title="under a constant gradient")
    axes[0].legend(fontsize=8)

    curvature = torch.tensor([1e-3, 1.0])
    turn = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / 2**0.5
    curves: list[tuple[Make, bool, str, str]] = [
        (partial(GradientDescent, lr=2 / 1.001), False, "gradient descent, best α", BLUE),
        (partial(SGD, lr=1.0, momentum=0.9), False, "with momentum .9", RED),
        (partial(Adam, lr=0.05), False, "Adam, α = .05", GREEN),
        (partial(Adam, lr=0.05), True, "Adam, the valley turned by 45°", ORANGE),
    ]
    for make_it, turned, name, color in curves:
        frame = turn if turned else torch.eye(2)
        start = (frame.T @ torch.ones(2)).tolist()
        path = descend(partial(valley, frame, curvature), start, make_it, 600)
        values = (curvature.numpy() * (path @ frame.numpy().T) ** 2).sum(1) / 2
        axes[1].plot(values, color=color, label=name, lw=1)
        below = np.nonzero(values < 1e-6)[0]
        print(f"curvatures 1 and 1000, {name}: loss {values[-1]:.1e} after 600 steps, below 1e-6 from {below[:1]}")
    axes[1].set(yscale="log", ylim=(1e-12, 2), xlabel="step", ylabel="loss", title="½(0.001 x² + y²)")
    axes[1].legend(fontsize=8)
    save(figure, folder / "descent-adam.png")


def stopping() -> None:
    """Gradient descent stops on a stated criterion and says which."""
    w = nn.Parameter(torch.tensor([3.0, 2.0]))
    optimizer, test = GradientDescent([w], lr=0.01), Convergence(gradient_norm=1e-6, loss_change=None)
    for step in range(1, 10_000):
        optimizer.zero_grad()
        loss = valleys(w + 0.3)
        loss.backward()
        optimizer.step()
        assert w.grad is not None
        if why := test.reached(loss.item(), w.grad.norm().item()):
            print(f"stopped after {step} steps: {why}")
            break


def panel(columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many squares."""
    figure, axes = plt.subplots(1, columns, figsize=(5.2 * columns, 3.8), constrained_layout=True, squeeze=False)
    for one in axes[0]:
        one.grid(alpha=0.25)
    return figure, list(axes[0])


def save(figure: Figure, path: Path) -> None:
    """Write a small picture."""
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Run all experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    step_sizes(folder)
    stationary_points(folder)
    noise(folder)
    adam(folder)
    stopping()


if __name__ == "__main__":
    main()
