"""Scores on the validation part of series while a model is trained; the best checkpoint is kept."""

import json
from collections.abc import Mapping
from math import inf

import numpy as np
import torch

from . import checkpoint
from .data import Dataset
from .data.windows import Windows
from .game import Loss
from .models.rvae import Rvae
from .run import Run
from .training import Training

MOST, BLOCK = 1_000, 100  # pieces that are scored, and at once


class Validation:
    """Logs the bound of held-out series, as `valid.bound` and its halves, and keeps the checkpoint of the greatest.

    Small sets of series are soon learned by heart: the last weights are then not those that one wants.

    Args:
        run: whose folder the best checkpoint goes to.
        dataset: its validation part is scored; without one nothing happens.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self._run, self._valid, self._best = run, dataset.valid, -inf
        self._scored = max((line["step"] for line in run.metrics() if "valid.bound" in line), default=0)
        found, _ = checkpoint.latest(run.best)
        if found is not None:
            self._best = float(json.loads((found / "state.json").read_text())["valid.bound"])

    def __call__(self, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
        """Score the averaged weights."""
        if self._valid is None or not len(self._valid) or not isinstance(training.game, Rvae):
            return
        if training.step == self._scored:  # at the end of a run that is told to go on, and had come there before
            return
        self._scored = training.step
        with training.sampling():
            reconstruction, kl = halves(training.game, self._valid, training.rng.at(0)("validation"))
        bound = -reconstruction - kl
        values = {"valid.reconstruction": reconstruction, "valid.kl": kl, "valid.bound": bound}
        self._run.log(training.step, training.examples, training.seconds, values)
        if bound > self._best:
            self._best, now = bound, training.checkpoint()
            best = checkpoint.Checkpoint(now.tensors, {**now.state, "valid.bound": bound})
            checkpoint.save(self._run.best, training.step, best, kept=1)


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
