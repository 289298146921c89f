"""Scores on a validation part while a model is trained; the best checkpoint is kept."""

import copy
import json
from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np
import torch

from . import checkpoint, evaluation
from .config import LOWER
from .data import Dataset
from .data.toys import TOYS
from .data.windows import Windows
from .evaluation import halves_of
from .features import cached, judge
from .game import Game, Loss
from .metrics.frechet import frechet
from .metrics.kid import kid_of_all
from .metrics.modes import modes
from .metrics.prdc import prdc
from .models.gan import Gan
from .models.rvae import Rvae
from .models.vae import Vae
from .rng import Rng
from .run import Run
from .training import Training

MOST, BLOCK = 1_000, 100  # samples or pieces that are scored, and drawn at once
# judges at their quickest: a score is taken many times
QUICK = {"images": "efficientnet-lite0@64", "points": "points", "table": "points", "series": "random-convolution"}
LIKELIHOODS, DRAWS = 200, 64  # samples whose likelihood is taken, and codes for each


class Validation:
    """Logs scores of the averaged weights, as `valid.bound` or `valid.recall`, and keeps the best checkpoint.

    Small sets are soon learned by heart, and some games turn for the worse: the last weights are then not those that
    one wants. Of VAEs the bound and its halves are logged; of samples, once one of these is asked for, the Fréchet
    distance, the kernel distance, precision, recall, density and coverage, by 1,000 samples and a quick judge; of ring
    and grid also the modes.

    Args:
        run: whose folder the best checkpoint goes to.
        dataset: its validation part is scored; without one nothing happens.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self._run, self._dataset = run, dataset
        self._by = run.config.best_by(dataset.kind)
        self._sign, self._name = (-1 if self._by in LOWER else 1), f"valid.{self._by}"
        self._scored = max((line["step"] for line in run.metrics() if self._name in line), default=0)
        found, _ = checkpoint.latest(run.best)
        values = {} if found is None else json.loads((found / "state.json").read_text())
        self._best = self._sign * float(values.get(self._name, -self._sign * inf))

    def __call__(self, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
        """Score the averaged weights."""
        if self._dataset.valid is None or not len(self._dataset.valid):
            return
        if training.step == self._scored:  # at the end of a run that is told to go on, and had come there before
            return
        self._scored = training.step
        with training.sampling() as game:
            values = {f"valid.{name}": value for name, value in self.scores(game, training.rng.at(0)).items()}
        self._run.log(training.step, training.examples, training.seconds, {"gradients": training.gradients, **values})
        if self._sign * values[self._name] > self._best:
            self._best, now = self._sign * values[self._name], training.checkpoint()
            best = checkpoint.Checkpoint(now.tensors, {**now.state, self._name: values[self._name]})
            checkpoint.save(self._run.best, training.step, best, kept=1)

    def scores(self, game: Game, rng: Rng) -> dict[str, float]:
        """Score a game that is ready to sample, by the validation part."""
        found = {}
        if not isinstance(game, Gan):
            reconstruction, kl = self._halves(game, rng("validation"))
            found = {"reconstruction": reconstruction, "kl": kl, "bound": -reconstruction - kl}
        if self._by == "nll":
            assert isinstance(game, Vae)
            assert self._dataset.valid is not None
            here = game if rng.device == "cpu" else copy.deepcopy(game).cpu()
            labels = None if self._dataset.valid_labels is None else self._dataset.valid_labels[:LIKELIHOODS]
            rows = np.asarray(self._dataset.valid[:LIKELIHOODS])
            return found | {"nll": evaluation.evaluate(here, rows, labels, draws=DRAWS, seed=rng.seed).nll}
        return found if self._by == "bound" else found | self._distances(game, rng)

    def _halves(self, game: Game, generator: torch.Generator) -> tuple[float, float]:
        dataset = self._dataset
        if isinstance(game, Rvae):
            assert isinstance(dataset.valid, Windows)
            return halves(game, dataset.valid, generator)
        assert isinstance(game, Vae)
        assert dataset.valid is not None
        rows, labels = np.asarray(dataset.valid[:MOST]), dataset.valid_labels
        return halves_of(game, rows, None if labels is None else labels[:MOST], generator)

    def _distances(self, game: Game, rng: Rng) -> dict[str, float]:
        assert self._dataset.valid is not None
        real = np.asarray(self._dataset.valid[:MOST])
        blocks = [game.sample(BLOCK, rng.at(0, i)) for i in range(-(-len(real) // BLOCK))]
        fake: Any = self._run.as_game(np.concatenate([self._run.as_data(block) for block in blocks])[: len(real)])
        toy = {}
        if self._dataset.name in TOYS:
            centers, sigma = TOYS[self._dataset.name]()
            points = self._run.as_data(torch.from_numpy(fake))
            counted = modes(torch.from_numpy(points), torch.from_numpy(centers), sigma)
            toy = {"modes": counted["modes"], "high_quality": counted["high_quality"], "modes_kl": counted["kl"]}
        by = judge(QUICK[self._dataset.kind])
        x, y = cached(by, real), by.features(fake)
        return {**frechet(x, y), "kid": kid_of_all(x, y)["kid"], **prdc(x, y), **toy}


def halves(game: Rvae, pieces: Windows, generator: torch.Generator, most: int = MOST) -> tuple[float, float]:
    """Return E −log p(x|z) and KL of pieces of series, nats a step, in the units that the game takes.

    Args:
        game: ready to sample.
        pieces: held out.
        generator: of the latents, on the game's device.
        most: pieces at most, evenly spread.
    """
    rows = np.unique(np.linspace(0, len(pieces) - 1, min(most, len(pieces))).astype(np.int64))
    total, steps = torch.zeros(2, dtype=torch.float64), 0
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        lengths = torch.from_numpy(pieces.lengths[some]).to(generator.device)
        x = torch.from_numpy(pieces[some][:, : int(lengths.max())]).to(generator.device)
        reading = game.reading(x, lengths)
        eps = torch.randn(*reading.valid.shape, game.chain.latent, generator=generator, device=generator.device)
        terms = game.terms(reading, eps)
        total += torch.stack([-terms.log_likelihood.sum(), terms.kl.sum()]).double().cpu()
        steps += int(lengths.sum())
    reconstruction, kl = (total / steps).tolist()
    return reconstruction, kl
