"""Phase portraits: one picture of why a rule converges, cycles or diverges."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .errors import PoiseError
from .files import write_file
from .pictures import figure_png
from .trajectory import PLAIN, Points, Start, Trajectory, follow, forces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STORY = ("simultaneous", "alternating", "extragradient", "lookahead", "consensus", "competitive")
COLORS = {
    "simultaneous": "#d7372f",
    "alternating": "#ee9b00",
    "extragradient": "#2468b4",
    "past-extragradient": "#41b3d3",
    "lookahead": "#2e9e5b",
    "consensus": "#7b4fc9",
    "symplectic": "#e26fb0",
    "competitive": "#20303c",
    "unrolled": "#94613c",
}
CAPTIONS = {
    "bilinear": (r"bilinear game:  $\min_x\,\max_y\ xy$", "x", "y"),
    "quadratic": (r"quadratic game:  $\min_x\,\max_y\ \frac{1}{4}x^2 + xy - \frac{1}{10}y^2$", "x", "y"),
    "dirac-gan": ("Dirac-GAN", "ψ, the discriminator's slope", "θ, the generator's sample"),
}
VIEW = 1.45  # the plane is shown to so many times the first distance: a diverging spiral leaves the picture
DEPTH, HEIGHT = 1e-3, 30.0  # and distances from so many to so many times the first
ARROWS = 17  # a side
TOGETHER = 0.01  # curves closer than this share of the panel are drawn as one line in stripes
STRIPE = 5  # length of a stripe, in widths of the line
COLORS_KEPT = 240  # in the file
GRAY, INK = "#9aa5b1", "#20303c"


def portrait(
    game: str,
    out: Path | None = None,
    rules: Sequence[str] | None = None,
    *,
    optimizer: str = "sgd",
    lr: float = 0.1,
    steps: int = 200,
    start: Start = (1.0, 1.0),
    gamma: float = 0.0,
) -> list[Trajectory]:
    """Play a game of the plane by several rules, and draw where they go and how fast.

    Args:
        game: bilinear, quadratic or dirac-gan.
        out: a .png picture to write, whole or not at all, if wanted.
        rules: their names; `STORY` if None, of which competitive goes with sgd only.
        optimizer: of both players.
        lr: its learning rate.
        steps: how many.
        start: where both players start, in order of play.
        gamma: weight of the Dirac-GAN's R1 penalty.

    Raises:
        PoiseError: as `follow` does; or `out` is no .png, or cannot be written.

    Example:
        >>> for found in portrait("bilinear", rules=["simultaneous", "alternating", "consensus"], steps=100):
        ...     print(found.rule, found.verdict, f"{found.theory:.4f}")
        simultaneous diverges 1.0050
        alternating cycles 1.0000
        consensus converges 0.9055
    """
    if out is not None and out.suffix.lower() != ".png":
        raise PoiseError(f"cannot write the picture as {out.name}; end --out in .png")
    if rules is None:
        rules = [name for name in STORY if name != "competitive" or optimizer in PLAIN]
    found = follow(game, rules, optimizer=optimizer, lr=lr, steps=steps, start=start, gamma=gamma)
    if out is not None:
        title = CAPTIONS[game][0] + (f", R1 with γ = {gamma:g}" if gamma else "")
        write_file(out, _draw(found, game, gamma, f"{title}   ·   {optimizer}, η = {lr:g}"))
    return found


def _draw(found: Sequence[Trajectory], game: str, gamma: float, title: str) -> bytes:
    from matplotlib.figure import Figure  # late: half a second

    figure = Figure(figsize=(11.6, 4.7), layout="constrained")
    plane, rates = figure.subplots(1, 2, width_ratios=(1, 1.08))
    _draw_plane(plane, found, game, gamma)
    _draw_rates(rates, found)
    for axes in (plane, rates):
        axes.tick_params(colors=INK, labelsize=8.5, length=3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GRAY)
    figure.suptitle(title, color=INK, fontsize=12)
    legend = figure.legend(
        *rates.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9, labelspacing=0.9
    )
    for line in legend.get_lines():
        line.set(linewidth=3.5, linestyle="-", alpha=1)
    return _small(figure_png(figure))


def _draw_plane(axes: "Axes", found: Sequence[Trajectory], game: str, gamma: float) -> None:
    """Draw the vector field, and over it where each rule goes."""
    start = found[0].path[0]
    reach = VIEW * float(np.hypot(*start))
    ticks = np.linspace(-reach, reach, ARROWS)
    points = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    arrows = forces(game, points, gamma)
    lengths = np.hypot(arrows[:, 0], arrows[:, 1])[:, None]
    arrows = arrows / np.sqrt(np.maximum(lengths, 1e-12) * lengths.max())  # roots of lengths: weak ones stay visible
    axes.quiver(*points.T, *arrows.T, color="#cfd6dd", scale=ARROWS * 1.1, width=0.0028, zorder=1)
    for trajectory, style in zip(found, _stripes([t.path / (2 * reach) for t in found]), strict=True):
        color = COLORS.get(trajectory.rule, INK)
        axes.plot(*trajectory.path.T, color=color, linewidth=2, linestyle=style, zorder=2)
    axes.plot(*start, "o", color="white", markeredgecolor=INK, markersize=7, zorder=4)
    axes.plot(0, 0, "*", color="#ffd43b", markeredgecolor=INK, markeredgewidth=0.8, markersize=14, zorder=4)
    _, first, second = CAPTIONS[game]
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_xlabel(first, color=INK)
    axes.set_ylabel(second, color=INK)
    axes.set_title("○ start   ★ solution   arrows: the way down for both", color=INK, fontsize=9.5)


def _draw_rates(axes: "Axes", found: Sequence[Trajectory]) -> None:
    """Draw the distance to the solution, and dashed what theory says it is."""
    from matplotlib.ticker import LogLocator

    first, end = found[0].distances[0], max(len(t.path) for t in found) - 1
    every = np.concatenate([t.distances for t in found])
    low, high = max(every.min(), DEPTH * first) / 1.25, min(every.max(), HEIGHT * first) * 1.25
    heights = [np.log(np.clip(t.distances, low, high) / low) / np.log(high / low) for t in found]
    curves = [np.stack([np.arange(len(height)) / end, height], 1) for height in heights]
    for trajectory, style in zip(found, _stripes(curves), strict=True):
        color, ending = COLORS.get(trajectory.rule, INK), f"ρ = {trajectory.measured:.4f} measured"
        if trajectory.theory is not None:
            ending = f"ρ = {trajectory.theory:.4f}"
            steps = np.arange(len(trajectory.path))
            axes.plot(steps, first * trajectory.theory**steps, "--", color=color, linewidth=1.2, zorder=3)
        label = f"{trajectory.rule}\n{trajectory.verdict}, {ending}"
        wide: dict[str, Any] = {"color": color, "linewidth": 4, "linestyle": style, "alpha": 0.45}
        axes.plot(trajectory.distances, **wide, label=label, zorder=2)
    axes.set(yscale="log", ylim=(low, high), xlim=(0, end))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("step", color=INK)
    dashes = ", dashed: theory's ρᵗ near it" if any(t.theory is not None for t in found) else ""
    axes.set_title(f"distance to the solution{dashes}", color=INK, fontsize=9.5)
    axes.grid(axis="y", color="#e4e8ec", linewidth=0.8)


def _stripes(curves: Sequence[Points]) -> list[tuple[float, tuple[float, ...] | None]]:
    """Return line styles: solid, or stripes in turn for curves that lie upon each other, so that all can be seen.

    Args:
        curves: in units of the panel's sides, [n, 2] each.
    """
    leaders = [next(j for j in range(i + 1) if _together(curves[j], curves[i])) for i in range(len(curves))]
    places = [(leaders[:i].count(leader), leaders.count(leader)) for i, leader in enumerate(leaders)]
    return [(-STRIPE * i, (STRIPE, STRIPE * (n - 1))) if n > 1 else (0, None) for i, n in places]


def _together(a: Points, b: Points) -> bool:
    """Whether two curves are one to the eye: how far b is beside a, whether ahead or behind."""
    if len(a) != len(b):
        return False
    way, offset = np.gradient(a, axis=0), b - a
    beside = offset[:, 0] * way[:, 1] - offset[:, 1] * way[:, 0]
    return bool((np.abs(beside) <= TOGETHER * np.maximum(np.hypot(*way.T), 1e-12)).all())


def _small(picture: bytes) -> bytes:
    """Return a PNG of few colors, a third as large."""
    buffer, method = io.BytesIO(), Image.Quantize.MAXCOVERAGE  # or the colors of thin lines would be lost
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLORS_KEPT, method, dither=Image.Dither.NONE)
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()
