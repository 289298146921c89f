"""Variational autoencoders: speed beside the tutorial loop, and held-out likelihood at equal minutes.

    python benchmarks/vae.py speed                      # MLP, batch 100, beside a DataLoader loop, turn by turn
    python benchmarks/vae.py likelihood --minutes 3     # recipes under one likelihood, on the test part
    python benchmarks/vae.py likelihood --steps 8000    # the same at equal epochs
    python benchmarks/vae.py deepobs --epochs 100       # test loss of DeepOBS's problem, epoch by epoch

Likelihoods are importance-sampled (k codes of the posterior for each image); a recipe's own likelihood is replaced by
the one named, so that the figures have one scale. Bits a pixel are for `logistic`, a mass over 256 gray levels.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy
from torch.utils.data import DataLoader, Dataset

import poise
from poise import models
from poise.build import build, resolve, sample_shape
from poise.config import Config
from poise.data import load
from poise.data.batches import Batches, to_floats
from poise.features import efficientnet_lite0
from poise.game import Batch
from poise.gaussian import kl_to_standard, reparameterize
from poise.metrics import frechet
from poise.models.vae import Vae
from poise.optim import compiler
from poise.recipes import from_recipe

STEPS = 60  # of a turn

Turn = Callable[[], object]


class Tutorial(Dataset[Tensor]):
    """Images as a tutorial serves them: each converted to floats in [0, 1] when it is asked for, as ToTensor does."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images.copy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.images[index]).permute(2, 0, 1).float().div(255)


def plain_loop(config: Config) -> Turn:
    """Return a turn of the tutorial's loop: DataLoader, float32, cross-entropy of probabilities, Adam."""
    dataset = load(config.data)
    game = models.build(config.model, sample_shape(dataset))
    assert isinstance(game, Vae)
    encode, decode = game.vae.encoder.network, game.vae.decoder.network
    loader = DataLoader(Tutorial(np.asarray(dataset.train)), config.batch, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(game.parameters(), 1e-3)

    def forever() -> Iterator[Tensor]:
        while True:
            yield from loader

    batches = forever()

    def turn() -> None:
        for x in islice(batches, STEPS):
            step(x)

    def step(x: Tensor) -> None:
        mean, log_variance = encode(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = binary_cross_entropy(decode(z).sigmoid(), x, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_variance - mean.square() - log_variance.exp())
        loss = reconstruction + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return turn


def pythae_loop(config: Config) -> Turn:
    """Return an epoch of pythae's own trainer on as many images as a turn has, with the same networks."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    dataset, latent = load(config.data), config.model.latent
    game = models.build(config.model, sample_shape(dataset))
    assert isinstance(game, Vae)
    encode, decode = game.vae.encoder.network, game.vae.decoder.network

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = encode

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.network(x).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = decode

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z).sigmoid())

    settings = VAEConfig(input_dim=sample_shape(dataset), latent_dim=latent, reconstruction_loss="bce")
    images = torch.from_numpy(dataset.train[: STEPS * config.batch].copy()).permute(0, 3, 1, 2).float() / 255
    folder = tempfile.mkdtemp()
    training = BaseTrainerConfig(
        folder, num_epochs=1, per_device_train_batch_size=config.batch, learning_rate=1e-3, no_cuda=True
    )
    held = BaseDataset(images, torch.zeros(len(images)))
    trainer = BaseTrainer(VAE(settings, Encoder(), Decoder()), held, training_config=training)
    trainer.prepare_training()
    return lambda: trainer.train_step(1)


def poise_loop(config: Config) -> Turn:
    """Return a turn of Poise's loop for the same configuration, with its average of weights."""
    config, dataset = resolve(config)
    training, batches = build(config, dataset), Batches(dataset, config.batch, config.seed)

    def turn() -> None:
        for _ in range(STEPS):
            training.play([Batch(*batches[training.dealt])], progress=0.5)

    turn()
    compiler.wait()  # as it would be after the first seconds of a training
    return turn


def speed(rounds: int, data: str) -> list[dict[str, Any]]:
    """Time the loops turn by turn and print."""
    config = from_recipe("vae-mlp", data)
    loops = {
        "plain loop": plain_loop(config),
        "pythae": pythae_loop(config),
        "Poise float32": poise_loop(replace(config, precision="float32")),
        "Poise bfloat16": poise_loop(replace(config, precision="bfloat16")),
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds + 1):
        for name, play in loops.items():
            began = time.perf_counter()
            play()
            if turn:  # the first warms caches up
                times[name].append((time.perf_counter() - began) / STEPS)
    print(f"{'loop':<16}{'ms a step':>10}{'images/s':>10}{'× plain':>9}{'× pythae':>10}")
    rows = []
    for name in loops:
        ratios = [
            statistics.median(p / t for p, t in zip(times[peer], times[name], strict=True))
            for peer in ("plain loop", "pythae")
        ]
        took = statistics.median(times[name])
        row = {"loop": name, "ms": 1e3 * took, "images_per_second": config.batch / took}
        rows.append({**row, "times_plain": ratios[0], "times_pythae": ratios[1]})
        print(f"{name:<16}{1e3 * took:>10.2f}{config.batch / took:>10.0f}{ratios[0]:>9.2f}{ratios[1]:>10.2f}")
    return rows


def deepobs(epochs: int, seeds: list[int], data: str, out: Path) -> list[dict[str, Any]]:
    """Train DeepOBS's VAE epoch by epoch and print its test loss; a run that is there already is gone on with."""
    dataset, rows = load(data), []
    per_epoch = len(dataset.train) // from_recipe("vae-deepobs", data).batch
    print(f"{'seed':>4}{'epoch':>7}{'test loss':>11}{'error':>8}{'KL':>7}{'minutes':>9}", flush=True)
    for seed in seeds:
        for epoch in range(1, epochs + 1):
            settings: dict[str, Any] = {"steps": epoch * per_epoch, "seed": seed, "sample_every": 10**6}
            run = poise.train("vae-deepobs", data, out=out / f"seed-{seed}", progress=False, **settings)
            if run.metrics()[-1]["step"] > epoch * per_epoch:
                continue  # it had come further than this before
            found = squared_error_and_kl(run, np.asarray(dataset.test))
            rows.append({"seed": seed, "epoch": epoch, "minutes": run.metrics()[-1]["seconds"] / 60, **found})
            row = rows[-1]
            numbers = f"{row['loss']:>11.3f}{row['error']:>8.3f}{row['kl']:>7.3f}{row['minutes']:>9.1f}"
            print(f"{seed:>4}{epoch:>7}{numbers}", flush=True)
    return rows


@torch.no_grad()
def squared_error_and_kl(run: poise.Run, held_out: np.ndarray) -> dict[str, float]:
    """Return DeepOBS's test loss: E Σ (x − x̂)² on [0, 1], z drawn from the posterior, plus KL, at the last weights."""
    game, generator, found = run.game(averaged=False), torch.Generator().manual_seed(0), []
    assert isinstance(game, Vae)
    for x in to_floats(torch.from_numpy(np.array(held_out))).split(500):
        mean, log_sd = game.vae.encoder(x)
        z = reparameterize(mean, log_sd, torch.randn(mean.shape, generator=generator))
        error = (x - game.decoded(z)).square().flatten(1).sum(1) / 4
        found.append(torch.stack([error, kl_to_standard(mean, log_sd).sum(1)]))
    error, kl = torch.cat(found, 1).mean(1).tolist()
    return {"loss": error + kl, "error": error, "kl": kl}


def likelihood(
    recipes: list[str], budget: dict[str, Any], seeds: list[int], kind: str, data: str, draws: int, images: int
) -> list[dict[str, Any]]:
    """Train each recipe under one likelihood, score it on held-out images and print."""
    rows = []
    heading = f"{'recipe':<10}{'seed':>5}{'NLL, nats':>12}{'±':>6}{'bits':>8}{'-bound':>9}{'KL':>7}"
    print(f"{heading}{'active':>8}{'FD-lite0':>10}{'epochs':>8}{'images/s':>10}", flush=True)
    for recipe in recipes:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                settings = {**budget, "seed": seed, "likelihood": kind, "progress": False}
                run = poise.train(recipe, data, out=Path(folder) / "run", **settings)
                row = {"recipe": recipe, "seed": seed, **score(run, draws, images)}
            rows.append(row)
            first = f"{recipe:<10}{seed:>5}{row['nll']:>12.2f}{row['nll_error']:>6.2f}{row['bits']:>8.4f}"
            rest = f"{-row['bound']:>9.2f}{row['kl']:>7.2f}{row['active']:>8}{row['fd_lite0']:>10.0f}"
            print(f"{first}{rest}{row['epochs']:>8.1f}{row['images_per_second']:>10.0f}", flush=True)
    return rows


def score(run: poise.Run, draws: int, images: int) -> dict[str, Any]:
    """Return what held-out images say of the averaged weights, and how far samples are from them."""
    scores, last = poise.held_out(run, draws=draws, limit=images), run.metrics()[-1]
    real, fake = (
        efficientnet_lite0(np.asarray(rows), size=64) for rows in (load(run.config.data).test[:2000], run.sample(2000))
    )
    return {
        **scores.to_json(),
        "fd_lite0": frechet(real, fake)["frechet"],
        "epochs": last["examples"] / run.data["train"],
        "images_per_second": last["examples"] / last["seconds"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "likelihood", "deepobs"])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--recipes", nargs="+", default=["vae-mlp", "vae"])
    parser.add_argument("--likelihood", default="logistic")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--steps", type=int, help="in the place of minutes")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--runs", type=Path, default=Path("runs/deepobs"))
    args = parser.parse_args()
    name = args.what
    if args.what == "speed":
        rows = speed(args.rounds, args.data)
    elif args.what == "deepobs":
        rows = deepobs(args.epochs, args.seeds, args.data, args.runs)
    else:
        budget = {"minutes": args.minutes} if args.steps is None else {"steps": args.steps}
        name = "likelihood" if args.steps is None else "likelihood_epochs"
        rows = likelihood(args.recipes, budget, args.seeds, args.likelihood, args.data, args.draws, args.images)
    settings = {**vars(args), "runs": str(args.runs), "threads": torch.get_num_threads()}
    path = Path(f"benchmarks/results/vae_{name}.json")
    path.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
