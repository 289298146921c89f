"""Recurrent VAEs: speed beside a plain loop over time, and what they reach on chorales, prices and sines.

    python benchmarks/rvae.py speed       # ms a step beside the same model written as a loop over time, turn by turn

T = 100 steps of 88 features, 256 units, 64 latent dimensions, Adam; the plain loops are float32, one call of a cell and
of every layer for each step of time, as in the code that accompanies publications.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from poise.config import RvaeConfig
from poise.device import autocast
from poise.game import Batch
from poise.gaussian import kl, reparameterize
from poise.losses.features import Bernoulli
from poise.models.rvae import Facts, build
from poise.optim import Adam, compiler
from poise.rules import Simultaneous
from poise.training import Training

T, FEATURES, WIDTH, LATENT = 100, 88, 256, 64
STEPS = 6  # of a turn

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64])
    args = parser.parse_args()
    rows = speed(args.rounds, args.batches)
    path = Path(f"benchmarks/results/rvae_{args.what}.json")
    path.write_text(json.dumps({**vars(args), "threads": torch.get_num_threads(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
