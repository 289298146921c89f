"""The pictures of a run: what is drawn into its folder while it is trained, and when it ends."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from .atlas import interpolate, save_map, walks_of
from .coding import blocks
from .data import Dataset, Windows
from .data.batches import to_floats
from .game import Game, Loss
from .models.gan import Gan
from .models.vae import Vae
from .pictures import save_picture, save_rows
from .run import Run
from .statistics import GLANCE
from .training import Training

GRID_IMAGES, GRID_POINTS = 64, 2_500
PAIRS = 32  # test images beside their reconstructions
WAYS, STEPS = 8, 10  # interpolations, and codes on each
SHOWN, NEAREST = 8, 7  # samples beside training images, and how many of these
EXACTLY = "donot_use_mm_for_euclid_dist"  # by differences: near-copies stay in their order
BLOCK = 4_096  # training images that are compared at once
MAPPED = 2_000  # held-out samples whose codes are drawn


class Gallery:
    """Draws a run's pictures.

    Args:
        run: whose folder they go to.
        dataset: its data; the held-out part is what is reconstructed and mapped.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self._run, self._dataset = run, dataset
        self._count = GRID_IMAGES if dataset.kind == "images" else GRID_POINTS
        chosen = np.linspace(0, len(dataset.train) - 1, min(self._count, len(dataset.train))).astype(int)
        real = np.asarray(dataset.train[chosen])
        self._real = real if dataset.scaling is None else dataset.scaling.undo(real)

    def data(self) -> None:
        """Draw training data, as real.png."""
        self._save("real", self._real)

    def during(self, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
        """Draw samples, as step-*.png, and of a game that can also reconstructed-*.png."""
        self._samples(training)
        self._reconstructions(training)

    def end(self, training: Training) -> None:
        """Draw the same once more, the nearest training images as neighbors-*.png, and ways between codes.

        Of a VAE also what its codes mean, as traversed-* and codes-*.png.
        """
        self.during(training)
        self._neighbors(training)
        self._latent_space(training)

    def _samples(self, training: Training) -> None:
        """Draw samples from the same latents every time."""
        with training.sampling(GLANCE) as game:
            samples = self._run.as_data(game.sample(self._count, training.rng.at(0)))
        self._save(f"step-{training.step:07d}", samples, beside=True)

    def _neighbors(self, training: Training) -> None:
        """Draw samples, and to the right of each the training images whose pixels are nearest."""
        if self._dataset.kind != "images":
            return
        with training.sampling() as game:
            samples = self._run.as_data(game.sample(SHOWN, training.rng.at(0)))
        beside = nearest_images(samples, self._dataset.train, min(NEAREST, len(self._dataset.train)))
        rows = [np.concatenate([one[None], near]) for one, near in zip(samples, beside, strict=True)]
        save_rows(self._path("neighbors", training), rows)

    def _reconstructions(self, training: Training) -> None:
        """Draw held-out images and, to the right of each, what the game makes of it."""
        held_out = np.asarray(self._dataset.test[:PAIRS])
        if self._dataset.kind != "images" or not len(held_out):
            return
        with training.sampling() as game:
            again = _reconstruct(game, self._dataset, training.rng.device)
        if again is not None:
            pairs = np.stack([held_out, self._run.as_data(again)], 1).reshape(-1, *held_out.shape[1:])
            self._save(f"reconstructed-{training.step:07d}", pairs)

    def _latent_space(self, training: Training) -> None:
        with training.sampling() as game:
            if isinstance(game, Gan) and self._dataset.kind == "images":
                first, last = game.noise(2 * WAYS, training.rng.at(0)).cpu().chunk(2)
                between = interpolate(first, last, STEPS).flatten(0, 1).to(training.rng.device)
                rows = self._run.as_data(game.generated(between))
                save_rows(self._path("interpolated", training), list(rows.reshape(WAYS, STEPS, *rows.shape[1:])))
            if not isinstance(game, Vae) or len(self._dataset.test) < 2:
                return
            parts = []
            for x, told in blocks(game, self._dataset.test[:MAPPED], self._dataset.test_labels):
                mean, log_sd = game.vae.encoder(x.to(training.rng.device), _on(told, training.rng.device))
                parts.append((mean, log_sd))
            mean, log_sd = (torch.cat(part) for part in zip(*parts, strict=True))
            labels = None if self._dataset.test_labels is None else self._dataset.test_labels[: len(mean)]
            save_map(self._path("codes", training), mean.cpu().numpy(), labels, self._dataset.classes)
            if self._dataset.kind == "images":
                told = None if not game.classes or labels is None else torch.from_numpy(labels).to(mean.device)
                self._ways(game, training, mean, told)
                self._walks(game, training, mean, log_sd, told)

    def _ways(self, game: Vae, training: Training, mean: torch.Tensor, told: torch.Tensor | None) -> None:
        """Draw the way from one held-out image to another, the images themselves at both ends."""
        count = min(WAYS, len(mean) // 2)
        first, last = slice(0, count), slice(count, 2 * count)
        codes = interpolate(mean[first], mean[last], STEPS)
        labels = None if told is None else told[first].repeat_interleave(STEPS)
        between = self._run.as_data(game.decoded(codes.flatten(0, 1), labels))
        rows = between.reshape(count, STEPS, *between.shape[1:])
        ends = [np.asarray(self._dataset.test[part])[:, None] for part in (first, last)]
        save_rows(self._path("interpolated", training), list(np.concatenate([ends[0], rows, ends[1]], 1)))

    def _walks(
        self, game: Vae, training: Training, mean: torch.Tensor, log_sd: torch.Tensor, told: torch.Tensor | None
    ) -> None:
        """Vary the dimensions of the first held-out image's code, that of the greatest divergence first."""
        walks = walks_of(game, mean[0], mean, log_sd)
        labels = None if told is None else told[:1].expand(walks.codes.shape[0] * walks.codes.shape[1])
        made = self._run.as_data(game.decoded(walks.codes.flatten(0, 1), labels))
        titles = [f"z{d}  {nats:.2f} nats" for d, nats in zip(walks.dimensions, walks.divergences, strict=True)]
        rows = made.reshape(len(titles), -1, *made.shape[1:])
        save_rows(self._path("traversed", training), list(rows), titles)

    def _path(self, kind: str, training: Training) -> Path:
        return self._run.samples / f"{kind}-{training.step:07d}.png"

    def _save(self, name: str, samples: np.ndarray, beside: bool = False) -> None:
        real = self._real if beside and self._dataset.kind == "table" else None
        path = self._run.samples / f"{name}.png"
        save_picture(path, samples, self._run.config.data, columns=self._dataset.columns, real=real)


def nearest_images(samples: np.ndarray, train: np.ndarray | Windows, k: int) -> list[np.ndarray]:
    """Return for each sample the k training images at the least distance of pixels, nearest first.

    Args:
        samples: uint8 [n, h, w, c].
        train: likewise, in memory or mapped; k or more.
        k: how many.
    """
    fake = torch.from_numpy(samples).flatten(1).float()
    best, rows = torch.full((len(fake), 0), torch.inf), torch.zeros(len(fake), 0, dtype=torch.long)
    for start in range(0, len(train), BLOCK):
        block = torch.from_numpy(np.array(train[start : start + BLOCK])).flatten(1).float()
        found = torch.cat([best, torch.cdist(fake, block, compute_mode=EXACTLY)], 1)
        places = torch.cat([rows, torch.arange(start, start + len(block)).expand(len(fake), -1)], 1)
        best, order = found.topk(min(k, found.shape[1]), largest=False)
        rows = places.gather(1, order)
    return [np.asarray(train[row.numpy()]) for row in rows]


def _reconstruct(game: Game, dataset: Dataset, device: str) -> torch.Tensor | None:
    labels = dataset.test_labels
    if isinstance(game, Vae):
        ((x, told),) = blocks(game, dataset.test[:PAIRS], labels)
        return game.reconstruct(x.to(device), _on(told, device))
    return game.reconstruct(to_floats(torch.from_numpy(np.array(dataset.test[:PAIRS]))).to(device))


def _on(labels: torch.Tensor | None, device: str) -> torch.Tensor | None:
    return None if labels is None else labels.to(device)
