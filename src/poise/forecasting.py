"""How series go on, and what their gaps held: draws given all that was observed."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .models.rvae import Rvae
from .models.rvae.particles import Cloud, Moment, beginning, walk

PARTICLES = 200  # for each series
PIECE = 256  # steps that the posterior reads at once: what bounds the memory of long series
ROWS = 8_192  # particles of all series that are walked together
LAG = 10  # steps after a gap that still tell of what was in it
EACH = 50  # particles for each draw of a gap
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
    particles: int = EACH,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """Draw what gaps held, given what was observed before them and up to ten steps after.

    A particle filter goes up to a gap. From there every draw has particles of its own, which go through the gap by
    values of their own and on to what was observed after it; one of them is drawn by weight. (One filter for all draws
    would end with copies of the few particles that fit later values best, and with intervals of no width.) Of too few
    particles none may fit what came after, and draws lean to what the past alone says. All values of a gap are drawn
    together; gaps are drawn apart.

    Args:
        game: trained.
        x: the series, on the game's scale, [n, T, d]; NaN where nothing was observed.
        samples: draws for each gap.
        generator: of all draws.
        lengths: the steps of each series, int64 [n]; None if all have T. What is beyond is no gap.
        particles: for each draw; more come closer to the law, and take longer.
        progress: called with the number of steps done, on the way and in gaps, and their total.

    Returns:
        [samples, m], on the game's scale, in the order of `x[missing(x, lengths)]`.

    Source: fixed-lag smoothing, Kitagawa 1996, by the particles of Maddison et al. 2017 (arXiv:1705.09279).

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
    gaps = _gaps(empty, lengths)
    place = empty.flatten().cumsum(0).view(empty.shape) - 1  # of each missing value among all
    draws = x.new_empty(samples, int(empty.sum()))
    series = sorted(gaps)
    done, total = 0, len(series) * x.shape[1] + sum(gap.due - gap.begin for found in gaps.values() for gap in found)
    for block in _blocks(len(series), PARTICLES):
        rows = torch.tensor(series[block], device=x.device)
        some = None if lengths is None else lengths[rows]
        begins = {(i, gap.begin): gap for i, row in enumerate(series[block]) for gap in gaps[row]}
        for t, moment in _walk(game, x[rows], some, beginning(game, len(rows), PARTICLES), generator):
            for gap in [begins[i, t] for i in range(len(rows)) if (i, t) in begins]:
                window, where = x[gap.series, t : gap.due], (gap.series, slice(t, gap.end))
                known = moment.before.of(series[block].index(gap.series))
                values = _filled(game, window, gap.end - t, known, samples, particles, generator)
                draws[:, place[where][empty[where]]] = values[:, empty[where]].to(draws)
                done += gap.due - t
            done += len(rows)
            progress(done, total)
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
    """Neighboring steps of a series with missing values, begin to end − 1; observations before `due` tell of it."""

    series: int
    begin: int
    end: int
    due: int


def _gaps(empty: Tensor, lengths: Tensor | None) -> dict[int, list[_Gap]]:
    """Return the gaps of each series that has any; `empty` [n, T, d] says what is missing."""
    found: dict[int, list[_Gap]] = {}
    edges = pad(empty.any(-1).to(torch.int8), (1, 1)).diff(dim=1).cpu()
    ends = [empty.shape[1]] * len(empty) if lengths is None else lengths.tolist()
    for series, begin in (edges == 1).nonzero().tolist():
        end = begin + int((edges[series, begin:] == -1).nonzero()[0])
        found.setdefault(series, []).append(_Gap(series, begin, end, min(end + LAG, ends[series])))
    return found


def _filled(
    game: Rvae, window: Tensor, steps: int, known: Cloud, samples: int, particles: int, generator: torch.Generator
) -> Tensor:
    """Draw the first steps of a window [w, d], from the particles that walked up to it, [samples, steps, d]."""
    drawn = []
    for copies in _blocks(samples, particles):
        count = copies.stop - copies.start
        cloud = known.spread(count, particles, generator)
        trail = []
        for moment in walk(game, game.reading(window.expand(count, -1, -1)), cloud, generator):
            cloud = moment.cloud
            trail.append((moment.ancestors, moment.x))
        rows, values = cloud.draw(1, generator).flatten(), []
        for ancestors, x in reversed(trail):  # back to the values that each particle's ancestors had
            rows = ancestors[rows]
            values.append(x[rows])
        drawn.append(torch.stack(values[::-1], 1)[:, :steps])
    return torch.cat(drawn)


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
