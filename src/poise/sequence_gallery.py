"""The pictures of a run on series: what is drawn into its folder while it is trained, and when it ends."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .data import Dataset, Windows
from .forecasting import forecast
from .game import Loss
from .models.rvae import Rvae
from .run import Run
from .sequence_pictures import SERIES, save_autocorrelations, save_divergences, save_forecasts, save_sequences
from .training import Training

COMPARED = 200  # samples, and as many pieces
DRAWS = 100  # of each forecast
MOST_LAGS = 50


class SequenceGallery:
    """Draws the pictures of a run on series.

    Args:
        run: whose folder they go to.
        dataset: its data; pieces held out are compared with and forecast, or if there are none those to train on.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        assert isinstance(dataset.train, Windows)
        self._run, self._columns, self._train = run, dataset.columns, dataset.train
        self._held_out = dataset.test if isinstance(dataset.test, Windows) and len(dataset.test) else dataset.train

    def data(self) -> None:
        """Draw training data, as real.png."""
        save_sequences(self._run.samples / "real.png", None, self._real(self._train), self._columns)

    def during(self, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
        """Draw samples beside training data, as step-*.png, from the same randomness every time."""
        with training.sampling() as game:
            samples, real = self._run.as_data(game.sample(SERIES, training.rng.at(0))), self._real(self._train)
        self._save(save_sequences, "step", training, samples[:, : real.shape[1]], real, self._columns)

    def end(self, training: Training) -> None:
        """Draw samples, and what a trained model is, as autocorrelation-*.png, kl-*.png and forecast-*.png."""
        self.during(training)
        with training.sampling() as game:
            assert isinstance(game, Rvae)
            self._autocorrelations(game, training)
            self._divergences(game, training)
            self._forecasts(game, training)

    def _autocorrelations(self, game: Rvae, training: Training) -> None:
        x = self._run.as_data(self._pieces(COMPARED)[0])
        made = self._run.as_data(game.sample(len(x), training.rng.at(0)))[:, : x.shape[1]]
        lags = min(MOST_LAGS, made.shape[1] // 2)
        if lags:
            self._save(save_autocorrelations, "autocorrelation", training, made, x, self._columns, lags)

    def _divergences(self, game: Rvae, training: Training) -> None:
        x, lengths = self._pieces(COMPARED, training.rng.device)
        reading, generator = game.reading(x, lengths), training.rng.at(0)("pictures")
        eps = torch.randn(*reading.valid.shape, game.chain.latent, generator=generator, device=x.device)
        kl = game.terms(reading, eps).kl
        of_steps = kl.sum((1, 2)) / reading.valid.sum(1)
        of_dimensions = (kl.sum((0, 1)) / reading.valid.sum()).sort(descending=True).values
        self._save(save_divergences, "kl", training, of_steps.tolist(), of_dimensions.tolist())

    def _forecasts(self, game: Rvae, training: Training) -> None:
        x, lengths = self._pieces(SERIES, training.rng.device)
        begins = lengths // 2
        horizon, generator = int((lengths - begins).max()), training.rng.at(0)("forecasts")
        drawn = forecast(game, x[:, : int(begins.max())], horizon, DRAWS, generator, begins)
        known = self._run.as_data(x)
        past = [one[:begin] for one, begin in zip(known, begins.tolist(), strict=True)]
        truth = [one[begin:end] for one, begin, end in zip(known, begins.tolist(), lengths.tolist(), strict=True)]
        self._save(save_forecasts, "forecast", training, past, self._run.as_data(drawn), self._columns, truth)

    def _pieces(self, most: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
        """Return pieces that were held out, evenly spread, on the game's scale [n, T, d], and their lengths."""
        return _some(self._held_out, most, device)

    def _real(self, pieces: Windows) -> np.ndarray:
        return self._run.as_data(_some(pieces, SERIES)[0])

    def _save(self, draw: Callable[..., None], kind: str, training: Training, *given: Any) -> None:
        draw(self._run.samples / f"{kind}-{training.step:07d}.png", *given)


def _some(pieces: Windows, most: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    rows = np.unique(np.linspace(0, len(pieces) - 1, min(most, len(pieces))).astype(np.int64))
    lengths = pieces.lengths[rows]
    x = torch.from_numpy(np.asarray(pieces[rows], np.float32)[:, : int(lengths.max())])
    return x.to(device), torch.from_numpy(lengths).to(device)
