"""Cheap signals of a game while it is trained, every so many steps, and what the health checks say of them.

Signals are plain numbers in metrics.jsonl, under names that begin with `health.`. Nothing else is remembered, so a
run that went on after a kill has the same findings as one that never stopped; and nothing of the training is
touched: randomness comes from purposes of its own, and networks run in evaluation mode, in which no running
statistics move.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from .data import Dataset
from .data.batches import to_floats
from .data.windows import Windows
from .game import Game, Loss
from .health import Finding, History, divergence, findings, measures
from .losses import elbo
from .metrics.autocorrelation import autocorrelation_difference
from .metrics.latent import active_units, kl_per_dimension, mutual_information
from .models.gan import Gan
from .models.rvae import Rvae
from .models.vae import Vae
from .rng import Rng
from .run import Run
from .training import Training

POINTS, IMAGES, PIECES = 256, 64, 64  # samples that signals are taken of
KNOWN = 1_024  # training samples that copies are looked for among
LAGS = 10
SCORED = 4  # training samples, or packs, whose scores are kept, so that it shows whether a discriminator moves
USED = 0.001  # nats a step of a latent dimension that says something
Signals = dict[str, float]


class Watch:
    """Takes signals, and raises findings.

    Args:
        run: whose metrics.jsonl and findings.jsonl they go to.
        dataset: its data.

    Attributes:
        standing: the findings that hold at present.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self._run, self._measuring = run, Measuring(dataset)
        self._lines = [line for line in run.metrics() if "health.step" in line]
        self.standing = self._judge()

    def __call__(self, training: Training, losses: Mapping[str, Loss] | None = None) -> list[Finding]:
        """Take signals and return the findings that are new."""
        signals = self._measuring.signals(training.game, training.rng.at(training.step))
        signals |= self._weights(training)
        signals |= {} if losses is None else {f"{name}.loss": loss.total.item() for name, loss in losses.items()}
        line = {f"health.{name}": value for name, value in signals.items()} | {"health.step": training.step}
        self._run.log(training.step, training.examples, training.seconds, line)
        self._lines.append({"step": training.step, **line})
        before, self.standing = {finding.code for finding in self.standing}, self._judge()
        new = [finding for finding in self.standing if finding.code not in before]
        for finding in new:
            self._run.add_finding(finding)
        return new

    @property
    def verdict(self) -> str:
        """The code of the worst finding that holds, or "healthy"."""
        return verdict(self.standing)

    def broken(self, step: int, message: str) -> Finding:
        """Return the finding of a run whose numbers are none any more."""
        return divergence.broken(self._history, step, message)

    def _judge(self) -> list[Finding]:
        return findings(self._history)

    @property
    def _history(self) -> History:
        config = self._run.config
        return History(self._lines, config.recipe, config.data, str(self._run.path))

    def _weights(self, training: Training) -> Signals:
        """Return the norms of each player's weights and last gradient."""
        found: Signals = {}
        for player, flat in training.flats.items():
            found[f"{player}.weights"] = torch.linalg.vector_norm(flat.vector.detach()).item()
            found[f"{player}.gradient"] = torch.linalg.vector_norm(flat.gradient).item()
        return found


def verdict(standing: list[Finding]) -> str:
    """Return the code of the worst finding, the newest among equals, or "healthy"; notes are no illness."""
    for level in ("failure", "warning"):
        found = [finding for finding in standing if finding.level == level]
        if found:
            return max(found, key=lambda finding: finding.since).code
    return "healthy"


@contextmanager
def still(game: Game) -> Iterator[Game]:
    """Within the context, the game computes without leaving a trace in itself."""
    was = game.training
    game.eval()
    try:
        with torch.no_grad():
            yield game
    finally:
        game.train(was)


class Measuring:
    """Measures a game beside its data. What it knows of the data depends on the data alone.

    Args:
        dataset: training samples, and held-out ones where there are any.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._count = {"images": IMAGES, "series": PIECES}.get(dataset.kind, POINTS)

    def signals(self, game: Game, rng: Rng) -> Signals:
        """Return the signals of a game; randomness is a function of the step.

        Args:
            game: trained so far.
            rng: of this step.
        """
        with still(game):
            if isinstance(game, Rvae):
                return self._series(game, rng)
            found = self._samples(game, rng)
            if isinstance(game, Gan):
                found |= self._scores(game, rng)
            if isinstance(game, Vae):
                found |= self._codes(game, rng)
        return found

    def _samples(self, game: Game, rng: Rng) -> Signals:
        """Return how samples lie beside the data. Their latents are always the same, so that movements can be seen."""
        fake = measures.embed(game.sample(self._count, rng.at(0)).cpu())
        if not torch.isfinite(fake).all():
            return {}
        real = self._known[: self._count]
        found = {
            "spread": measures.spread(self._known, fake),
            "overlap": measures.overlap(self._cells, measures.cells_of(fake, self._centers)),
            "duplicates": measures.duplicates(real, fake[: len(real)]),
        }
        if len(self._held_out):
            found["copies"] = _ratio(measures.nearest(fake, self._known).median(), self._usual)
        scale = self._known.double().var(0).sum().sqrt() * len(fake) ** 0.5
        sketch = measures.sketch(fake) * fake.numel() ** 0.5 / scale
        return found | {f"sketch.{i}": value for i, value in enumerate(sketch.tolist())}

    def _scores(self, game: Gan, rng: Rng) -> Signals:
        """Return how the discriminator scores training samples, held-out ones and generated ones."""
        device = next(game.parameters()).device
        fake = game.sample(self._count, rng)
        train = game.scores(self._rows(self._dataset.train, rng).to(device))
        scored = game.scores(fake)
        scores = [train, scored]
        found = {"gap": game.config.score_scale * (train.mean() - scored.mean()).item()}
        found["separation"] = measures.separation(train, scored)
        if len(self._held_out):
            held_out = game.scores(self._rows(self._dataset.test, rng).to(device))
            found["separation_held_out"] = measures.separation(held_out, scored)
            found["r_v"] = measures.overfitting(train, held_out, scored)
            scores.append(held_out)
        found["r_t"] = train.sign().mean().item()
        always = np.linspace(0, len(self._dataset.train) - 1, SCORED * game.config.packing).astype(np.int64)
        fixed = game.scores(_floats(self._dataset.train[always]).to(device))
        found |= {f"score.{i}": value for i, value in enumerate(fixed.tolist())}
        return found if all(torch.isfinite(part).all() for part in scores) else {}

    def _codes(self, game: Vae, rng: Rng) -> Signals:
        """Return what the codes of samples carry."""
        device = next(game.parameters()).device
        rows = self._chosen(self._dataset.train, rng.at(0))
        labels = None
        if game.classes and self._dataset.train_labels is not None:
            labels = torch.from_numpy(self._dataset.train_labels[rows]).to(device)
        mean, log_sd = (part.cpu() for part in game.vae.encoder(_floats(self._dataset.train[rows]).to(device), labels))
        if not (torch.isfinite(mean).all() and torch.isfinite(log_sd).all()):
            return {}
        kl = kl_per_dimension(mean, log_sd)
        return {
            "kl": kl.sum().item(),
            "kl_largest": kl.max().item(),
            "active": active_units(mean),
            "latents": mean.shape[1],
            "information": mutual_information(mean, log_sd, Rng(rng.seed)("health information")),
            "weight": _weight(game),
        }

    def _series(self, game: Rvae, rng: Rng) -> Signals:
        """Return what latents of series carry, and whether free samples remember as the data do."""
        train = self._dataset.train
        assert isinstance(train, Windows)
        device = next(game.parameters()).device
        rows = self._chosen(train, rng.at(0))
        lengths = torch.from_numpy(train.lengths[rows]).to(device)
        x = torch.from_numpy(train[rows][:, : int(lengths.max())]).to(device)
        reading = game.reading(x, lengths)
        eps = torch.randn(*reading.valid.shape, game.chain.latent, generator=rng.at(0)("health codes"), device=device)
        kl = game.terms(reading, eps).kl.double().sum((0, 1)) / reading.valid.sum()
        found = {
            "kl": kl.sum().item(),
            "kl_largest": kl.max().item(),
            "active": int((kl > USED).sum()),
            "latents": len(kl),
            "weight": _weight(game),
        }
        return found | self._memory(game, rng)

    def _memory(self, game: Rvae, rng: Rng) -> Signals:
        """Return how the autocorrelations of free samples differ from those of data, and how far they may by chance."""
        data = self._pieces
        lags = min(LAGS, data.shape[1] - 1)
        if lags < 1:
            return {}
        fake = game.run_freely(game.model.begin(self._count), data.shape[1], rng("health samples"))[0].cpu()
        some = data[self._chosen(data, rng)]
        found = {
            "memory": autocorrelation_difference(data, fake, lags),
            "memory_data": autocorrelation_difference(data, torch.zeros_like(data), lags),  # were there none
            "memory_floor": autocorrelation_difference(data, some, lags),
        }
        return {name: value for name, value in found.items() if np.isfinite(value)}

    @cached_property
    def _known(self) -> Tensor:
        """Training samples as points, evenly spread over the data."""
        rows = np.unique(np.linspace(0, len(self._dataset.train) - 1, KNOWN).astype(np.int64))
        rows = rows[torch.randperm(len(rows), generator=Rng(0)("health known")).numpy()]
        return measures.embed(_floats(self._dataset.train[rows]))

    @cached_property
    def _centers(self) -> Tensor:
        return measures.centers_of(self._known)

    @cached_property
    def _cells(self) -> Tensor:
        return measures.cells_of(self._known, self._centers)

    @cached_property
    def _usual(self) -> Tensor:
        """How far a held-out sample usually lies from the nearest training sample."""
        return measures.nearest(measures.embed(self._held_out), self._known).median()

    @cached_property
    def _pieces(self) -> Tensor:
        """Pieces of series, evenly spread over the data."""
        rows = np.unique(np.linspace(0, len(self._dataset.train) - 1, POINTS).astype(np.int64))
        return _floats(self._dataset.train[rows])

    @cached_property
    def _held_out(self) -> Tensor:
        """Held-out samples, evenly spread."""
        rows = np.unique(
            np.linspace(0, len(self._dataset.test) - 1, min(POINTS, len(self._dataset.test))).astype(np.int64)
        )
        return _floats(self._dataset.test[rows])

    def _rows(self, part: np.ndarray | Windows, rng: Rng) -> Tensor:
        return _floats(part[self._chosen(part, rng)])

    def _chosen(self, part: np.ndarray | Windows | Tensor, rng: Rng) -> np.ndarray:
        """Return row numbers, drawn by the step."""
        drawn = torch.randint(len(part), (self._count,), generator=Rng(rng.seed, rng.step)("health rows"))
        return drawn.numpy()


def _floats(rows: np.ndarray) -> Tensor:
    x = torch.from_numpy(np.array(rows))
    return to_floats(x) if x.dtype == torch.uint8 else x.float()


def _ratio(distance: Tensor, usual: Tensor) -> float:
    return (distance / usual).item() if usual > 0 else 1.0


def _weight(game: Vae | Rvae) -> float:
    """Return the share of the divergence's weight that holds at this point of the training."""
    config = game.config
    return (
        elbo.cyclical(game.progress) if config.schedule == "cyclical" else elbo.warm_up(game.progress, config.warm_up)
    )
