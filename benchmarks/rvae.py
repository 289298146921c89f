"""Recurrent VAEs: speed beside a plain loop over time, and what they reach on chorales, prices and sines.

    python benchmarks/rvae.py speed       # ms a step beside the same model written as a loop over time, turn by turn
    python benchmarks/rvae.py chorales    # held-out bound of recipes beside networks without latents, equal minutes
    python benchmarks/rvae.py judged      # prices and sines: can a classifier tell samples from data?

T = 100 steps of 88 features, 256 units, 64 latent dimensions, Adam; the plain loops are float32, one call of a cell and
of every layer for each step of time, as in the code that accompanies publications.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

import poise
from poise.build import make_clip, resolve
from poise.config import Config, RvaeConfig
from poise.data import Dataset
from poise.data.batches import Batches
from poise.data.windows import Windows
from poise.device import autocast
from poise.game import Batch, Game, Loss, full_precision
from poise.gaussian import kl, reparameterize
from poise.loop import at_multiples, by_minutes, fit
from poise.losses.features import Bernoulli
from poise.metrics.two_sample import two_sample
from poise.models.rvae import Facts, Rvae, build
from poise.models.rvae.particles import particle_filter
from poise.nets.mlp import mlp
from poise.nets.recurrent import Lstm
from poise.optim import Adam, compiler
from poise.rng import Rng
from poise.rules import Simultaneous
from poise.schedule import anneal
from poise.training import Training
from poise.validation import halves

T, FEATURES, WIDTH, LATENT = 100, 88, 256, 64
STEPS = 6  # of a turn
PIECES = 600  # of each kind that a classifier learns from, and is tested with
CHORALES: dict[str, Any] = {"batch": 16, "evaluate_every": 50}

Turn = Callable[[], object]


class Layers(nn.Module):
    """One hidden layer."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, outputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.out(leaky_relu(self.hidden(torch.cat(inputs, -1)), 0.2))
        return outputs


class PlainVrnn(nn.Module):
    """The model of `vrnn`, a step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.past = nn.LSTMCell(FEATURES + LATENT, WIDTH)
        self.transition, self.inference = Layers(WIDTH, 2 * LATENT), Layers(WIDTH + FEATURES, 2 * LATENT)
        self.emission = Layers(WIDTH + LATENT, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """Return minus the bound of sequences [T, n, d]."""
        h = cell = x.new_zeros(x.shape[1], WIDTH)
        h, cell = self.past(x.new_zeros(x.shape[1], FEATURES + LATENT), (h, cell))
        loss = x.new_zeros(())
        for now in x:
            prior, posterior = self.transition(h).chunk(2, -1), self.inference(now, h).chunk(2, -1)
            z = reparameterize(posterior[0], posterior[1], torch.randn_like(posterior[0]))
            loss = loss + step_loss(now, self.emission(h, z), posterior, prior)
            h, cell = self.past(torch.cat([now, z], -1), (h, cell))
        return loss


class PlainSrnn(nn.Module):
    """The model of `srnn`, a step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.past, self.future = nn.LSTMCell(FEATURES, WIDTH), nn.LSTMCell(WIDTH + FEATURES, WIDTH)
        self.transition, self.correction = Layers(WIDTH + LATENT, 2 * LATENT), Layers(WIDTH + LATENT, 2 * LATENT)
        self.emission = Layers(WIDTH + LATENT, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        """Return minus the bound of sequences [T, n, d]."""
        h = cell = x.new_zeros(x.shape[1], WIDTH)
        before, d = x.new_zeros(x.shape[1], FEATURES), []
        for now in x:
            h, cell = self.past(before, (h, cell))
            d.append(h)
            before = now
        h = cell = x.new_zeros(x.shape[1], WIDTH)
        a: list[Tensor] = []
        for now, known in zip(x.flip(0), reversed(d), strict=True):
            h, cell = self.future(torch.cat([known, now], -1), (h, cell))
            a.insert(0, h)
        z, loss = x.new_zeros(x.shape[1], LATENT), x.new_zeros(())
        for now, past, evidence in zip(x, d, a, strict=True):
            prior = self.transition(past, z).chunk(2, -1)
            shift, log_sd = self.correction(evidence, z).chunk(2, -1)
            posterior = (prior[0] + shift, log_sd)
            z = reparameterize(posterior[0], posterior[1], torch.randn_like(shift))
            loss = loss + step_loss(now, self.emission(past, z), posterior, prior)
        return loss


def step_loss(x: Tensor, outputs: Tensor, posterior: tuple[Tensor, ...], prior: tuple[Tensor, ...]) -> Tensor:
    """Return KL − log p(x|z) of a step."""
    every = torch.ones_like(x, dtype=torch.bool)
    return kl(posterior[0], posterior[1], prior[0], prior[1]).sum() - Bernoulli().log_prob(x, outputs, every).sum()


def plain_loop(model: nn.Module, batches: list[Tensor]) -> Turn:
    """Return a turn of training a plain model."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def turn() -> None:
        for x in batches:
            loss = model(x.transpose(0, 1)) / x.shape[:2].numel()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return turn


def poise_loop(variant: Any, precision: str, batches: list[Tensor]) -> Turn:
    """Return a turn of Poise's training."""
    torch.manual_seed(0)
    facts = Facts(tuple(map(str, range(FEATURES))), T, float(T))
    game = build(RvaeConfig(variant=variant, width=WIDTH, latent=LATENT, likelihood="bernoulli"), facts)
    training = Training(game, Simultaneous(), {"rvae": Adam}, autocast=autocast("cpu", precision))

    def turn() -> None:
        for x in batches:
            training.play([Batch(x)], progress=0.5)

    turn()
    compiler.wait()  # as it would be after the first seconds of a training
    return turn


class Rnn(Game):
    """A recurrent network without latents: p(x_t | x_<t), with the networks of the model of `srnn`."""

    players = averaged = ("rnn",)

    def __init__(self, features: int, width: int, steps: int) -> None:
        super().__init__()
        past, emission = Lstm(features, width, steps), mlp(width, width, features, layers=1)
        self.rnn = nn.ModuleDict({"past": past, "emission": emission})

    def per_step(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return −log p of each sequence [n, T, d] in all, nats [n], and their steps."""
        x = x.nan_to_num().transpose(0, 1)
        valid = torch.arange(len(x)).unsqueeze(1) < lengths
        h = self.rnn["past"](torch.cat([torch.zeros_like(x[:1]), x[:-1]]))[0]
        outputs = full_precision(self.rnn["emission"](h))
        return -Bernoulli().log_prob(x, outputs, valid.unsqueeze(-1).expand_as(x)).sum(0), lengths

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return the mean over steps."""
        assert batch.lengths is not None
        nll, steps = self.per_step(batch.x, batch.lengths)
        return Loss(nll.sum() / steps.sum())

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Of no use here."""
        raise AssertionError


@torch.no_grad()
def score_rnn(game: Rnn, pieces: Windows) -> float:
    """Return −log p, nats a step."""
    totals = [
        torch.stack([part.sum().double() for part in game.per_step(torch.from_numpy(pieces[rows]), lengths)])
        for rows, lengths in (
            (np.arange(i, min(i + 20, len(pieces))), torch.from_numpy(pieces.lengths[i : i + 20]))
            for i in range(0, len(pieces), 20)
        )
    ]
    nll, steps = torch.stack(totals).sum(0).tolist()
    return float(nll / steps)


def train_rnn(config: Config, dataset: Dataset, width: int) -> dict[str, float]:
    """Train a network without latents as `poise train` trains the rest; return test scores of its best weights."""
    assert isinstance(dataset.train, Windows)
    assert isinstance(dataset.valid, Windows)
    assert isinstance(dataset.test, Windows)
    assert config.minutes is not None
    torch.manual_seed(config.seed)
    game, player = Rnn(dataset.train.shape[2], width, dataset.train.steps), config.players["rvae"]
    training = Training(
        game,
        Simultaneous(),
        {"rnn": lambda weights: Adam(weights, betas=(player.beta1 or 0.9, player.beta2 or 0.999))},
        schedules={"rnn": lambda progress: {"lr": anneal(player.lr, player.lr_end, progress)}},
        clips={"rnn": make_clip(player)},
        autocast=autocast("cpu", config.precision),
        half_life=config.average_half_life,
        ramp=config.average_ramp,
    )
    best, found, valid, test = math.inf, {}, dataset.valid, dataset.test

    def validate(training: Training, losses: object) -> None:
        nonlocal best, found
        with training.sampling():
            if (score := score_rnn(game, valid)) < best:
                best, found = score, {"bound": -score_rnn(game, test), "valid": -score, "step": training.step}

    batches = Batches(dataset, config.batch, config.seed)
    fit(
        training,
        batches,
        progress=by_minutes(config.minutes),
        every=[at_multiples(CHORALES["evaluate_every"], validate)],
    )
    return {**found, "weights": sum(p.numel() for p in game.parameters()), "steps": training.step}


def speed(rounds: int, sizes: list[int]) -> list[dict[str, Any]]:
    """Time the loops turn by turn and print."""
    rows = []
    print(f"{'batch':>5}  {'loop':<18}{'ms a step':>10}{'× plain':>9}{'× plain vrnn':>14}", flush=True)
    for size in sizes:
        generator = torch.Generator().manual_seed(0)
        batches = [(torch.rand(size, T, FEATURES, generator=generator) < 0.05).float() for _ in range(STEPS)]
        loops: dict[str, Turn] = {
            "plain vrnn": plain_loop(PlainVrnn(), batches),
            "plain srnn": plain_loop(PlainSrnn(), batches),
        }
        for variant in ("vrnn", "srnn", "fast"):
            for precision in ("float32", "bfloat16"):
                loops[f"{variant} {precision}"] = poise_loop(variant, precision, batches)
        times: dict[str, list[float]] = {name: [] for name in loops}
        for turn in range(rounds + 1):
            for name, play in loops.items():
                began = time.perf_counter()
                play()
                if turn:  # the first warms caches up
                    times[name].append((time.perf_counter() - began) / STEPS)
        for name in loops:
            kind = name.replace("plain ", "").split()[0].replace("fast", "vrnn")  # fast has the model of vrnn
            ratios = [
                statistics.median(p / t for p, t in zip(times[peer], times[name], strict=True))
                for peer in (f"plain {kind}", "plain vrnn")
            ]
            took = 1e3 * statistics.median(times[name])
            rows.append({"batch": size, "loop": name, "ms": took, "times_plain": ratios[0], "times_vrnn": ratios[1]})
            print(f"{size:>5}  {name:<18}{took:>10.1f}{ratios[0]:>9.2f}{ratios[1]:>14.2f}", flush=True)
    return rows


def chorales(data: str, recipes: list[str], minutes: float, seeds: list[int], extra: list[str]) -> list[dict[str, Any]]:
    """Train recipes and networks without latents for equal minutes; print what the best weights of each reach."""
    rows: list[dict[str, Any]] = []
    print(
        f"{'model':<16}{'seed':>5}{'weights':>11}{'bound':>9}{'KL':>7}{'FIVO':>9}{'steps':>7}{'best at':>9}", flush=True
    )
    for seed in seeds:
        given = {"minutes": minutes, "seed": seed}
        given |= {name: json.loads(value) for name, _, value in (word.partition("=") for word in extra)}
        for recipe in recipes:
            with tempfile.TemporaryDirectory() as folder:
                settings: dict[str, Any] = {**CHORALES, **given, "sample_every": 10**6, "checkpoint_every": 10**6}
                run = poise.train(recipe, data, out=Path(folder) / "run", progress=False, **settings)
                rows.append({"model": recipe, "seed": seed, **score_rvae(run)})
            tell(rows[-1])
        config, dataset = resolve(run.config)
        for name, width in (("rnn", WIDTH), ("rnn, as large", width_of(rows[-1]["weights"]))):
            rows.append({"model": name, "seed": seed, "kl": 0.0, **train_rnn(config, dataset, width)})
            tell(rows[-1])
    return rows


def tell(row: dict[str, Any]) -> None:
    """Print a row of the table."""
    fivo = f"{row['fivo']:>9.3f}" if "fivo" in row else f"{'':>9}"
    numbers = f"{row['weights']:>11,}{row['bound']:>9.3f}{row['kl']:>7.3f}{fivo}{row['steps']:>7}{row['step']:>9}"
    print(f"{row['model']:<16}{row['seed']:>5}{numbers}", flush=True)


def width_of(weights: int) -> int:
    """Return the width at which `Rnn` has as many weights."""
    width = 8
    while sum(p.numel() for p in Rnn(FEATURES, width, 2).parameters()) < weights:
        width += 8
    return width


@torch.no_grad()
def score_rvae(run: poise.Run) -> dict[str, Any]:
    """Return the test bound in nats a step, its KL and the estimate by 32 particles, of the best weights."""
    game, (_, dataset), generator = run.game(), resolve(run.config), torch.Generator().manual_seed(0)
    test = dataset.test
    assert isinstance(game, Rvae)
    assert isinstance(test, Windows)
    reconstruction, kl = halves(game, test, generator)
    fivo = torch.zeros(())
    for row in range(len(test)):
        reading = game.reading(torch.from_numpy(test[np.array([row])][:, : test.lengths[row]]))
        fivo += particle_filter(game, reading, 32, generator).log_likelihood.sum()
    scores = {line["step"]: line["valid.bound"] for line in run.metrics() if "valid.bound" in line}
    best = max(scores, key=lambda step: scores[step])
    found = {"bound": -reconstruction - kl, "kl": kl, "fivo": float(fivo) / int(test.lengths.sum())}
    weights = sum(p.numel() for p in game.parameters())
    return {**found, "valid": scores[best], "step": best, "steps": run.metrics()[-1]["step"], "weights": weights}


def judged(names: list[str], minutes: float, seeds: list[int]) -> list[dict[str, Any]]:
    """Train `rvae` on series and let classifiers tell samples, and other data, from data; print both."""
    rows: list[dict[str, Any]] = []
    heading = f"{'data':<10}{'seed':>5}{'minutes':>9}{'bound':>9}{'KL':>7}"
    print(f"{heading}{'told apart':>12}{'real floor':>12}{'chance':>8}{'shuffled':>10}", flush=True)
    for name in names:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                settings: dict[str, Any] = {"window": 24, "minutes": minutes, "seed": seed, "progress": False}
                run = poise.train("rvae", name, out=Path(folder) / "run", **settings)
                rows.append({"data": name, "seed": seed, **judge(run)})
            row = rows[-1]
            first = f"{name:<10}{seed:>5}{row['minutes']:>9.1f}{row['bound']:>9.3f}{row['kl']:>7.3f}"
            rest = f"{row['fake']:>12.3f}{row['floor']:>12.3f}{row['chance']:>8.3f}{row['shuffled']:>10.3f}"
            print(first + rest, flush=True)
    return rows


@torch.no_grad()
def halves_of(run: poise.Run) -> tuple[float, float]:
    """Return the test bound and its KL, nats a step in standardized units."""
    game, (_, dataset) = run.game(), resolve(run.config)
    assert isinstance(game, Rvae)
    assert isinstance(dataset.test, Windows)
    reconstruction, kl = halves(game, dataset.test, torch.Generator().manual_seed(0))
    return -reconstruction - kl, kl


def judge(run: poise.Run) -> dict[str, float]:
    """Return accuracies of classifiers: of samples, of other data (the floor) and of data shuffled in time."""
    (real, other), samples = quarters(resolve(run.config)[1]), run.sample(2 * PIECES, seed=1)
    shuffled = [np.random.default_rng(0).permuted(part, axis=1) for part in other]
    kinds = {"fake": np.split(samples, 2), "floor": other, "shuffled": shuffled}
    found = {name: two_sample((real[0], kind[0]), (real[1], kind[1])) for name, kind in kinds.items()}
    bound, kl = halves_of(run)
    accuracies = {name: result.accuracy for name, result in found.items()}
    minutes = run.metrics()[-1]["seconds"] / 60
    return {**accuracies, "chance": found["fake"].chance, "bound": bound, "kl": kl, "minutes": minutes}


def quarters(dataset: Dataset) -> tuple[list[Any], list[Any]]:
    """Return data to train and to test a classifier with, and other data for both, in their own units.

    Of whole series, they are different ones. A long series is cut into blocks of 240 steps, dealt to the four in turn.
    """
    train = dataset.train
    assert isinstance(train, Windows)
    if len(np.unique(train.series)) > 1:
        chosen = np.random.default_rng(0).permutation(len(train))[: 4 * PIECES].reshape(4, -1)
    else:
        block, last = np.divmod(train.starts - train.starts.min(), 240)
        inside = last + train.steps <= 240
        of = [np.flatnonzero(inside & (block % 4 == k)) for k in range(4)]
        chosen = np.stack([own[np.linspace(0, len(own) - 1, PIECES).astype(int)] for own in of])
    pieces = Windows(train.values, train.starts, train.lengths, train.series, train.steps)
    a, b, c, d = (pieces[np.sort(rows)] for rows in chosen)
    return [a, b], [c, d]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "chorales", "judged"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--data", default="bach")
    parser.add_argument("--recipes", nargs="+", default=["rvae"])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--settings", nargs="*", default=[], help="of recipes, as in: width=128")
    args = parser.parse_args()
    name = args.what
    if args.what == "speed":
        rows = speed(args.rounds, args.batches)
    elif args.what == "judged":
        rows = judged(["stocks", "sines"], args.minutes, args.seeds)
    else:
        name = args.data
        rows = chorales(args.data, args.recipes, args.minutes, args.seeds, args.settings)
    path = Path(f"benchmarks/results/rvae_{name}.json")
    path.write_text(json.dumps({**vars(args), "threads": torch.get_num_threads(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
