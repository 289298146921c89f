"""What held-out series say of a recurrent VAE."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from .data.windows import Windows
from .forecasting import forecast
from .metrics.autocorrelation import autocorrelation_difference, cross_correlation_difference
from .metrics.crps import crps
from .metrics.importance import per_step
from .metrics.intervals import coverage
from .metrics.wasserstein import wasserstein
from .models.rvae import Rvae
from .models.rvae.particles import beginning, importance, particle_filter, walk

ACTIVE = 0.01  # nats a step: a latent dimension below says nothing
ROWS = 8_192  # particles that are walked together
FORECASTS = 100  # draws of each
MOST_LAGS = 50
RATES = ("reconstruction", "kl", "nll", "fivo", "ahead")
MEANS = (
    "ahead_crps",
    "ahead_persistence",
    "crps",
    "crps_climatology",
    "crps_persistence",
    "coverage_50",
    "coverage_90",
)


@dataclass(frozen=True)
class Beside:
    """A difference of free-running samples from held-out series, beside that of training series from them.

    Attributes:
        model: of as many samples of the model as there are held-out pieces.
        floor: of as many training pieces; a model can hardly be nearer.
    """

    model: float
    floor: float


@dataclass(frozen=True)
class SequenceEvaluation:
    """Held-out scores of a recurrent VAE.

    Likelihoods are in nats a step, of all features together and in the data's own units. Ranked probability scores and
    distances are means over features, in standard deviations of the training data; of bits, classes and counts as they
    are.

    Attributes:
        sequences: how many were scored.
        steps: how many they have together.
        reconstruction: E −log p(x|z), the first half of the negative bound.
        kl: E KL(q ‖ p), the second half; near 0 the latents carry nothing, and the model is a recurrent network alone.
        bound: −(reconstruction + kl), at most the log-likelihood.
        nll: −log p(x) by importance sampling of whole sequences.
        nll_error: its standard error over sequences.
        fivo: −log p(x) by a particle filter whose proposal is the posterior; the lower of both is nearer the truth.
        fivo_error: likewise.
        ahead: E −log p(x_t | x_<t) by a filter that has not seen x_t.
        ahead_error: likewise.
        ahead_crps: ranked probability score of x_t, one step ahead.
        ahead_persistence: the same of a forecast that the last value stays.
        draws: latents, and particles, for each sequence.
        active: latent dimensions of more than 0.01 nats a step.
        dimensions: how many there are.
        kl_of_dimensions: the divergence of each, nats a step, greatest first.
        kl_of_steps: the divergence at each step, nats.
        lags: the greatest that autocorrelations are compared at; 0 where sequences are too short.
        autocorrelation: mean absolute difference over lags and features.
        cross_correlation: mean absolute difference over pairs of features.
        marginal: Wasserstein-1 distance of the values, mean over features.
        horizon: steps at most that the second half of each sequence was forecast, from its first half.
        crps: ranked probability score of these forecasts.
        crps_climatology: of draws from all training values, whatever came before.
        crps_persistence: of a forecast that the last value stays.
        coverage_50: how often what came lay in the central interval of half of the draws.
        coverage_90: in that of nine tenths.
    """

    sequences: int
    steps: int
    reconstruction: float
    kl: float
    bound: float
    nll: float
    nll_error: float
    fivo: float
    fivo_error: float
    ahead: float
    ahead_error: float
    ahead_crps: float
    ahead_persistence: float
    draws: int
    active: int
    dimensions: int
    kl_of_dimensions: tuple[float, ...]
    kl_of_steps: tuple[float, ...]
    lags: int
    autocorrelation: Beside
    cross_correlation: Beside
    marginal: Beside
    horizon: int
    crps: float
    crps_climatology: float
    crps_persistence: float
    coverage_50: float
    coverage_90: float

    def lines(self) -> list[str]:
        """Return the scores as aligned lines for a person."""
        persistence = f"{self.ahead_persistence:.3f} if the last value stayed"
        halves = f"{self.crps_climatology:.3f} by draws of all training values, {self.crps_persistence:.3f} if the last"
        rows = [
            ("held out", f"{self.sequences:,}", f"sequences of {self.steps:,} steps together; nats are per step"),
            ("reconstruction", f"{self.reconstruction:.3f}", "nats, −log p(x|z)"),
            ("KL", f"{self.kl:.3f}", "nats, what the latents cost; near 0 they carry nothing"),
            ("bound", f"{self.bound:.3f}", "nats, −(reconstruction + KL) ≤ log p(x); higher is better"),
            ("NLL", f"{self.nll:.3f} ± {self.nll_error:.3f}", f"nats, −log p(x) by {self.draws} draws of all latents"),
            ("NLL, filtered", f"{self.fivo:.3f} ± {self.fivo_error:.3f}", f"nats, by {self.draws} particles (FIVO)"),
            (
                "one step ahead",
                f"{self.ahead:.3f} ± {self.ahead_error:.3f}",
                "nats, −log p of a step given those before",
            ),
            ("its CRPS", f"{self.ahead_crps:.3f}", persistence),
            ("active latents", f"{self.active} of {self.dimensions}", f"dimensions of more than {ACTIVE} nats"),
            ("KL by dimension", "", _some(self.kl_of_dimensions)),
            ("free samples", "", f"beside as many training pieces; lags to {self.lags}"),
            ("autocorrelation", f"{self.autocorrelation.model:.3f}", f"{self.autocorrelation.floor:.3f} real to real"),
            ("correlation", f"{self.cross_correlation.model:.3f}", f"{self.cross_correlation.floor:.3f} real to real"),
            ("marginals", f"{self.marginal.model:.3f}", f"{self.marginal.floor:.3f} real to real (Wasserstein-1)"),
            ("forecasts", "", f"of up to {self.horizon} steps, from the first half of each sequence"),
            ("CRPS", f"{self.crps:.3f}", f"{halves} value stayed"),
            ("coverage", f"{self.coverage_50:.0%} {self.coverage_90:.0%}", "of what should be 50% and 90%"),
        ]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        return [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {about}" for name, value, about in rows]

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        return asdict(self)


@torch.no_grad()
def evaluate(
    game: Rvae,
    pieces: Windows,
    train: Windows,
    *,
    draws: int = 100,
    limit: int | None = None,
    seed: int = 0,
    log_scale: Sequence[float] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SequenceEvaluation:
    """Score a recurrent VAE on series that it was not trained on.

    Args:
        game: trained.
        pieces: held out, on the game's scale; two or more.
        train: what it was trained on, likewise.
        draws: latents, and particles, for each sequence; 2 or more.
        limit: pieces at most, evenly spread; None for all.
        seed: of all draws.
        log_scale: ln of what each feature was divided by, [d]; None for features in their own units.
        progress: called with the number of pieces done and their total.

    Raises:
        ValueError: fewer than two pieces or draws.

    Example:
        >>> from poise.config import RvaeConfig
        >>> from poise.models.rvae import Facts, build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a",), steps=6, mean_steps=6.0)).eval()
        >>> walk = np.random.default_rng(0).normal(size=(60, 1))
        >>> pieces = Windows(walk, 6 * np.arange(10), np.full(10, 6), np.zeros(10, int))
        >>> scores = evaluate(game, pieces, pieces, draws=10)
        >>> scores.sequences, scores.steps, bool(-scores.bound > scores.fivo), scores.autocorrelation.floor
        (10, 60, True, 0.0)
    """
    if min(len(pieces), 2 if limit is None else limit, draws) < 2:
        raise ValueError("scores need at least two pieces and two draws")
    generator = torch.Generator().manual_seed(seed)
    chosen = _spread(len(pieces), limit)
    blocks = np.array_split(chosen, -(-len(chosen) // max(1, ROWS // max(draws, FORECASTS))))
    real, training = _values(pieces, chosen), _values(train, _spread(len(train), len(chosen)))
    scale = torch.zeros(real.shape[2]) if log_scale is None else torch.tensor(log_scale)
    known = _pools(training)
    found = []
    for rows in blocks:
        x, lengths = _values(pieces, rows), torch.from_numpy(pieces.lengths[rows])
        found.append(
            {
                "steps": lengths,
                **_likelihoods(game, x, lengths, scale, draws, generator),
                **_ahead(game, x, lengths, scale, draws, generator),
                **_forecasts(game, x, lengths, known, generator),
            }
        )
        progress(sum(len(block["steps"]) for block in found), len(chosen))
    return _together(found, draws, **_free(game, real, training, generator))


def _spread(n: int, most: int | None) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, most or n)).astype(np.int64))


def _values(pieces: Windows, rows: np.ndarray) -> Tensor:
    """Return pieces [n, T, d], as long as the longest of them."""
    return torch.from_numpy(np.asarray(pieces[rows], np.float32)[:, : int(pieces.lengths[rows].max())])


def _likelihoods(
    game: Rvae, x: Tensor, lengths: Tensor, log_scale: Tensor, draws: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return both halves of the bound, and two estimates of −log p(x), of each sequence in its own units."""
    reading = game.reading(x, lengths)
    eps = torch.randn(*reading.valid.shape, game.chain.latent, generator=generator)
    terms = game.terms(reading, eps)
    volume = (reading.observed * log_scale).sum((0, 2))
    return {
        "reconstruction": volume - terms.log_likelihood.sum(0),
        "kl": terms.kl.sum((0, 2)),
        "nll": volume - importance(game, reading, draws, generator),
        "fivo": volume - particle_filter(game, reading, draws, generator).log_likelihood,
        "kl_of_dimensions": terms.kl.sum((0, 1)),
        "kl_of_steps": terms.kl.sum((1, 2)),
        "positions": reading.valid.sum(1),
    }


def _ahead(
    game: Rvae, x: Tensor, lengths: Tensor, log_scale: Tensor, draws: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return −log p(x_t | x_<t) of each sequence, and scores of draws of x_t, by particles that have not seen it."""
    reading = game.reading(x, lengths)
    cloud = beginning(game, len(x), draws)
    log_likelihood, scores = torch.zeros(len(x)), []
    truth = torch.where(reading.observed, reading.x, torch.nan)
    for t, moment in enumerate(walk(game, reading, cloud, generator, blind=True)):
        log_likelihood += moment.increment
        rows = moment.before.draw(draws, generator).T.flatten()
        drawn = game.likelihood.sample(moment.outputs[rows], generator)
        scores.append(crps(drawn.view(draws, len(x), -1), truth[t]))
    stays = (truth[1:] - truth[:-1]).abs()
    return {
        "ahead": (reading.observed * log_scale).sum((0, 2)) - log_likelihood,
        "ahead_crps": _total(torch.stack(scores)[1:]),  # as of the first step no value stays
        "ahead_persistence": _total(stays),
    }


def _forecasts(
    game: Rvae, x: Tensor, lengths: Tensor, known: list[Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Return scores of forecasts of the second half of each sequence from its first."""
    begins = lengths // 2
    horizon = int((lengths - begins).max())
    steps = begins.unsqueeze(1) + torch.arange(horizon)
    index = steps.clamp(max=x.shape[1] - 1).unsqueeze(-1).expand(-1, -1, x.shape[2])
    truth = torch.where((steps < lengths.unsqueeze(1)).unsqueeze(-1), x.gather(1, index), torch.nan)
    drawn = forecast(game, x[:, : int(begins.max())], horizon, FORECASTS, generator, begins)
    shape = (FORECASTS, *truth.shape[:2])
    picks = [torch.randint(len(pool), shape, generator=generator) for pool in known]
    usual = torch.stack([pool[pick] for pool, pick in zip(known, picks, strict=True)], -1)
    last = _last(x, begins, torch.stack([pool.mean() for pool in known]))
    covered = [coverage(drawn, truth, share) for share in (0.5, 0.9)]
    count = (~torch.isnan(truth)).sum().double()
    return {
        "crps": _total(crps(drawn, truth)),
        "crps_climatology": _total(crps(usual, truth)),
        "crps_persistence": _total((truth - last.unsqueeze(1)).abs()),
        "coverage_50": torch.stack([count * covered[0], count]),
        "coverage_90": torch.stack([count * covered[1], count]),
        "horizon": torch.tensor([horizon]),
    }


def _last(x: Tensor, lengths: Tensor, otherwise: Tensor) -> Tensor:
    """Return each feature's last observed value among the first steps of sequences [n, T, d], [n, d]."""
    steps = torch.arange(x.shape[1]).view(1, -1, 1)
    seen = ~torch.isnan(x) & (steps < lengths.view(-1, 1, 1))
    place = torch.where(seen, steps, -1).amax(1)
    return torch.where(place < 0, otherwise, x.gather(1, place.clamp(min=0).unsqueeze(1)).squeeze(1))


def _free(game: Rvae, real: Tensor, train: Tensor, generator: torch.Generator) -> dict[str, Any]:
    """Compare samples that ran freely, as many and as long as the held-out sequences, with these."""
    state = game.model.begin(len(real))
    fake, _ = game.run_freely(state, real.shape[1], generator)
    fake = torch.where(torch.isnan(real), torch.nan, fake)  # as long, and with the same gaps
    lags = min(MOST_LAGS, real.shape[1] // 2, train.shape[1] // 2)
    correlations = (autocorrelation_difference(real, x, lags) if lags else 0.0 for x in (fake, train))
    return {
        "lags": lags,
        "autocorrelation": Beside(*correlations),
        "cross_correlation": Beside(*(cross_correlation_difference(real, x) for x in (fake, train))),
        "marginal": Beside(*(wasserstein(real.flatten(0, 1), x.flatten(0, 1)).mean().item() for x in (fake, train))),
    }


def _pools(x: Tensor) -> list[Tensor]:
    """Return the observed values of each feature."""
    return [values[~torch.isnan(values)] for values in x.flatten(0, 1).T]


def _total(scores: Tensor) -> Tensor:
    """Return the sum of the scores that are not NaN, and their number."""
    return torch.stack([scores.nansum(), (~torch.isnan(scores)).sum()]).double()


def _together(found: Sequence[Mapping[str, Tensor]], draws: int, **free: Any) -> SequenceEvaluation:
    def each(name: str) -> Tensor:
        return torch.cat([block[name] for block in found])

    def mean(name: str) -> float:
        total, count = torch.stack([block[name] for block in found]).sum(0)
        return float(total / count)  # NaN where nothing was observed

    def padded(name: str) -> Tensor:
        longest = max(len(block[name]) for block in found)
        return torch.stack([pad(block[name].double(), (0, longest - len(block[name]))) for block in found]).sum(0)

    steps = each("steps")
    rates = {name: per_step(each(name), steps) for name in RATES}
    scores: dict[str, Any] = {name: rate for name, (rate, _) in rates.items()} | {name: mean(name) for name in MEANS}
    scores |= {f"{name}_error": rates[name][1] for name in ("nll", "fivo", "ahead")}
    by_dimension = padded("kl_of_dimensions") / steps.sum()
    return SequenceEvaluation(
        sequences=len(steps),
        steps=int(steps.sum()),
        bound=-scores["reconstruction"] - scores["kl"],
        draws=draws,
        active=int((by_dimension > ACTIVE).sum()),
        dimensions=len(by_dimension),
        kl_of_dimensions=tuple(by_dimension.sort(descending=True).values.tolist()),
        kl_of_steps=tuple((padded("kl_of_steps") / padded("positions")).tolist()),
        horizon=int(each("horizon").max()),
        **scores,
        **free,
    )


def _some(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values[:10]) + (" ..." if len(values) > 10 else "")
