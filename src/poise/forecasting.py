"""How series go on, and what their gaps held: draws given all that was observed."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .models.rvae import Rvae
from .models.rvae.particles import Cloud, Moment, beginning, walk

PARTICLES = 200  # for each series
PIECE = 256  # steps that the posterior reads at once: what bounds the memory of long series
ROWS = 8_192  # particles of all series that are walked together
LAG = 30  # steps after a gap that still tell of what was in it
Progress = Callable[[int, int], None]


@torch.no_grad()
def forecast(
    game: Rvae,
    x: Tensor,
    horizon: int,
    samples: int,
    generator: torch.Generator,
    lengths: Tensor | None = None,
    particles: int = PARTICLES,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """Draw how series go on: x_{T+1} ... x_{T+horizon} ~ p(· | what was observed up to T).

    Weighted particles walk through what is known; from their last states, drawn by weight, the model runs freely.

    Args:
        game: trained.
        x: the series so far, on the game's scale, [n, T, d]; NaN where nothing was observed.
        horizon: steps to go on.
        samples: draws for each series.
        generator: of all draws.
        lengths: the steps of each series, int64 [n]; None if all have T.
        particles: for each series; more come closer to the law, and take longer.
        progress: called with the number of steps of series done and their total.

    Returns:
        [samples, n, horizon, d], on the game's scale.

    Source: particle filters, Gordon et al. 1993; with a learned proposal, Maddison et al. 2017 (arXiv:1705.09279).

    Example:
        >>> from poise.config import RvaeConfig
        >>> from poise.models.rvae import Facts, build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a",), steps=5, mean_steps=5.0)).eval()
        >>> forecast(game, torch.zeros(3, 5, 1), 4, samples=10, generator=torch.Generator().manual_seed(0)).shape
        torch.Size([10, 3, 4, 1])
    """
    n, steps, d = x.shape
    blocks = []
    for block in _blocks(n, max(particles, samples)):
        some = None if lengths is None else lengths[block]
        cloud = beginning(game, len(x[block]), particles)
        for t, moment in _walk(game, x[block], some, cloud, generator):
            cloud = moment.cloud
            progress(block.start * steps + (t + 1) * len(x[block]), n * steps)
        rows = cloud.draw(samples, generator).T.flatten()  # all series of the first draw, then of the second
        drawn, _ = game.run_freely(tuple(part[rows] for part in cloud.state), horizon, generator)
        blocks.append(drawn.view(samples, -1, horizon, d))
    return torch.cat(blocks, 1)


@torch.no_grad()
def impute(
    game: Rvae,
    x: Tensor,
    samples: int,
    generator: torch.Generator,
    lengths: Tensor | None = None,
    particles: int = PARTICLES,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """Draw what gaps held, given what was observed before them and up to thirty steps after.

    Weighted particles walk through the series, each with values of its own in the gaps. Those whose values fit what
    came later gain weight; by their weights thirty steps after a gap, or at the series' end, its values are drawn. All
    values of a gap are of one draw together; gaps are drawn apart.

    Args:
        game: trained.
        x: the series, on the game's scale, [n, T, d]; NaN where nothing was observed.
        samples: draws for each gap.
        generator: of all draws.
        lengths: the steps of each series, int64 [n]; None if all have T. What is beyond is no gap.
        particles: for each series; more come closer to the law, and take longer.
        progress: called with the number of steps of series done and their total.

    Returns:
        [samples, m], on the game's scale, in the order of `x[missing(x, lengths)]`.

    Source: fixed-lag smoothing, Kitagawa 1996, of the particles of Maddison et al. 2017 (arXiv:1705.09279).

    Example:
        >>> from poise.config import RvaeConfig
        >>> from poise.models.rvae import Facts, build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a",), steps=5, mean_steps=5.0)).eval()
        >>> x = torch.zeros(1, 5, 1)
        >>> x[0, 2:4] = torch.nan
        >>> impute(game, x, samples=10, generator=torch.Generator().manual_seed(0)).shape
        torch.Size([10, 2])
    """
    empty = missing(x, lengths)
    chosen = empty.flatten(1).any(1).nonzero().flatten()
    place = empty.flatten().cumsum(0).view(empty.shape) - 1  # of each missing value among all
    draws = x.new_empty(samples, int(empty.sum()))
    total, done = len(chosen) * x.shape[1], 0
    for block in _blocks(len(chosen), max(particles, samples)):
        rows = chosen[block]
        some = None if lengths is None else lengths[rows]
        cloud = beginning(game, len(rows), particles)
        gaps = _gaps(empty[rows], some)
        for gap, values in _smoothed(_walk(game, x[rows], some, cloud, generator), gaps, samples, generator):
            where = (rows[gap.series], slice(gap.begin, gap.end))
            draws[:, place[where][empty[where]]] = values[:, empty[where]]
            progress(done + len(rows) * gap.due, total)
        done += len(rows) * x.shape[1]
    progress(total, total)
    return draws


def missing(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return which values of series [n, T, d] are missing: NaN, and not beyond a series' end.

    Example:
        >>> missing(torch.tensor([[[1.0], [torch.nan], [torch.nan]]]), torch.tensor([2])).flatten()
        tensor([False,  True, False])
    """
    empty = torch.isnan(x)
    if lengths is None:
        return empty
    inside = torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)
    return empty & inside.unsqueeze(-1)


class _Gap(NamedTuple):
    """Neighboring steps of a series with missing values, begin to end − 1; drawn after step `due`."""

    series: int
    begin: int
    end: int
    due: int


def _gaps(empty: Tensor, lengths: Tensor | None) -> list[_Gap]:
    """Return the gaps of series of which `empty` [n, T, d] says what is missing, in the order in which they are due."""
    found = []
    holes = torch.nn.functional.pad(empty.any(-1).to(torch.int8), (1, 1)).diff(dim=1).cpu()
    ends = [empty.shape[1]] * len(empty) if lengths is None else lengths.tolist()
    for series, (row, last) in enumerate(zip(holes, ends, strict=True)):
        begins, stops = (row == 1).nonzero().flatten().tolist(), (row == -1).nonzero().flatten().tolist()
        found += [_Gap(series, a, b, min(b + LAG, last) - 1) for a, b in zip(begins, stops, strict=True)]
    return sorted(found, key=lambda gap: gap.due)


def _smoothed(
    steps: Iterator[tuple[int, Moment]], gaps: list[_Gap], samples: int, generator: torch.Generator
) -> Iterator[tuple[_Gap, Tensor]]:
    """Yield each gap, when it is due, with values of all features at its steps, [samples, end − begin, d]."""
    waiting = list(reversed(gaps))  # the next one last
    needed = np.minimum.accumulate([gap.begin for gap in waiting])  # the oldest step that the next ones go back to
    trail: dict[int, tuple[Tensor, Tensor]] = {}
    for t, moment in steps:
        trail[t] = moment.ancestors, moment.x
        if waiting[-1].due == t:
            rows = moment.cloud.draw(samples, generator)
        while waiting and waiting[-1].due == t:
            gap = waiting.pop()
            yield gap, _traced(trail, rows[gap.series], gap)
        if not waiting:
            return
        for old in range(min(trail), min(t + 1, needed[len(waiting) - 1])):
            del trail[old]


def _traced(trail: dict[int, tuple[Tensor, Tensor]], rows: Tensor, gap: _Gap) -> Tensor:
    """Go back from particles after step `due` to what their ancestors had in a gap."""
    values = []
    for t in range(gap.due, gap.begin - 1, -1):
        ancestors, x = trail[t]
        rows = ancestors[rows]
        if t < gap.end:
            values.append(x[rows])
    return torch.stack(values[::-1], 1)


def _walk(
    game: Rvae, x: Tensor, lengths: Tensor | None, cloud: Cloud, generator: torch.Generator
) -> Iterator[tuple[int, Moment]]:
    """Walk particles through series, a piece after the other."""
    for start in range(0, x.shape[1], PIECE):
        piece = x[:, start : start + PIECE]
        left = None if lengths is None else (lengths - start).clamp(0, piece.shape[1])
        for t, moment in enumerate(walk(game, game.reading(piece, left), cloud, generator), start):
            cloud = moment.cloud
            yield t, moment


def _blocks(n: int, particles: int) -> Iterator[slice]:
    """Yield series to be walked together."""
    at_once = max(1, ROWS // particles)
    for start in range(0, n, at_once):
        yield slice(start, min(start + at_once, n))
