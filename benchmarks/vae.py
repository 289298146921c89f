"""Variational autoencoders: speed beside the tutorial loop, and held-out likelihood at equal minutes.

    python benchmarks/vae.py speed                      # MLP, batch 100, beside a DataLoader loop, turn by turn
    python benchmarks/vae.py likelihood --minutes 3     # recipes under one likelihood, on the test part

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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

import poise
from poise import models
from poise.build import build, resolve, sample_shape
from poise.config import Config
from poise.data import load
from poise.data.batches import Batches, to_floats
from poise.game import Batch
from poise.losses.likelihoods import bits_per_dimension
from poise.metrics.importance import negative_log_likelihood, with_standard_error
from poise.metrics.latent import active_units, kl_per_dimension
from poise.models.vae import Vae
from poise.recipes import from_recipe

Step = Callable[[], object]


def plain_loop(config: Config) -> Step:
    """Return the tutorial loop's step: DataLoader, torch.optim.Adam, float32, the loss's item for the log."""
    dataset = load(config.data)
    game = models.build(config.model, sample_shape(dataset))
    assert isinstance(game, Vae)
    parts = game.vae
    images = (to_floats(torch.from_numpy(dataset.train.copy())) + 1) / 2
    loader = DataLoader(TensorDataset(images), config.batch, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(parts.parameters(), 1e-3)

    def batches() -> Iterator[torch.Tensor]:
        while True:
            for (x,) in loader:
                yield x

    stream = batches()

    def step() -> None:
        x = next(stream)
        mean, log_sd = parts.encoder(x * 2 - 1).chunk(2, dim=1)
        z = mean + log_sd.exp() * torch.randn_like(mean)
        reconstruction = binary_cross_entropy_with_logits(parts.decoder(z), x, reduction="sum")
        kl = 0.5 * (mean.square() + (2 * log_sd).exp() - 1 - 2 * log_sd).sum()
        loss = (reconstruction + kl) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def poise_loop(config: Config) -> Step:
    """Return Poise's step for the same configuration, with its average of weights."""
    config, dataset = resolve(config)
    training, batches = build(config, dataset), Batches(dataset, config.batch, config.seed)

    def step() -> None:
        training.play([Batch(*batches[training.step])], progress=0.5)

    return step


def speed(rounds: int, data: str) -> list[dict[str, Any]]:
    """Time the loops turn by turn and print."""
    config = from_recipe("vae-mlp", data)
    loops = {
        "plain float32": plain_loop(config),
        "Poise float32": poise_loop(replace(config, precision="float32")),
        "Poise bfloat16": poise_loop(replace(config, precision="bfloat16")),
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds + 1):
        for name, step in loops.items():
            began = time.perf_counter()
            for _ in range(60):
                step()
            if turn:  # the first warms caches up
                times[name].append((time.perf_counter() - began) / 60)
    print(f"{'loop':<16}{'ms a step':>10}{'images/s':>10}{'× plain':>9}")
    rows = []
    for name in loops:
        ratio = statistics.median(p / t for p, t in zip(times["plain float32"], times[name], strict=True))
        took = statistics.median(times[name])
        rows.append({"loop": name, "ms": 1e3 * took, "images_per_second": config.batch / took, "speedup": ratio})
        print(f"{name:<16}{1e3 * took:>10.2f}{config.batch / took:>10.0f}{ratio:>9.2f}")
    return rows


def likelihood(
    recipes: list[str], minutes: float, seeds: list[int], kind: str, data: str, draws: int, images: int
) -> list[dict[str, Any]]:
    """Train each recipe under one likelihood, score it on held-out images and print."""
    rows = []
    heading = f"{'recipe':<10}{'seed':>5}{'NLL, nats':>12}{'±':>6}{'bound':>9}{'KL':>7}"
    print(f"{heading}{'active':>8}{'bits':>7}{'images/s':>10}", flush=True)
    for recipe in recipes:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                settings: dict[str, Any] = {"minutes": minutes, "seed": seed, "likelihood": kind, "progress": False}
                run = poise.train(recipe, data, out=Path(folder) / "run", **settings)
                row = {"recipe": recipe, "seed": seed, **score(run, load(data).test[:images], draws)}
            rows.append(row)
            print(
                f"{recipe:<10}{seed:>5}{row['nll']:>12.2f}{row['error']:>6.2f}{row['bound']:>9.2f}{row['kl']:>7.2f}"
                f"{row['active']:>8}{row['bits']:>7.3f}{row['images_per_second']:>10.0f}",
                flush=True,
            )
    return rows


@torch.no_grad()
def score(run: poise.Run, held_out: np.ndarray, draws: int) -> dict[str, Any]:
    """Return what held-out images say of the averaged weights."""
    game = run.game()
    assert isinstance(game, Vae)
    x, generator = to_floats(torch.from_numpy(np.array(held_out))), torch.Generator().manual_seed(0)
    nll = negative_log_likelihood(x, game.vae.posterior, game.vae.log_joint, draws, generator)
    bound = -negative_log_likelihood(x, game.vae.posterior, game.vae.log_joint, 1, generator).mean().item()
    mean, log_sd = game.vae.posterior(x)
    value, error = with_standard_error(nll)
    last = run.metrics()[-1]
    return {
        "nll": value,
        "error": error,
        "bound": bound,
        "kl": kl_per_dimension(mean, log_sd).sum().item(),
        "active": active_units(mean),
        "bits": bits_per_dimension(value, x[0].numel(), game.vae.likelihood.levels),
        "images_per_second": last["examples"] / last["seconds"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "likelihood"])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--recipes", nargs="+", default=["vae-mlp", "vae", "vamp"])
    parser.add_argument("--likelihood", default="logistic")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--images", type=int, default=1000)
    args = parser.parse_args()
    if args.what == "speed":
        rows = speed(args.rounds, args.data)
    else:
        options = (args.likelihood, args.data, args.draws, args.images)
        rows = likelihood(args.recipes, args.minutes, args.seeds, *options)
    path = Path(f"benchmarks/results/vae_{args.what}.json")
    path.write_text(json.dumps({**vars(args), "threads": torch.get_num_threads(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
