"""What one backward pass for both players of a GAN saves (`Game.joint`).

The recipe `gan`, from the same weights on the same images, turn by turn in one process: players who move in turn, with
a pass of the discriminator for each kind of samples or one of both (joined), who move at once with a backward pass
each, and who move at once with one pass for both. Figures are medians of alternating rounds.

    python benchmarks/one_pass.py
    python benchmarks/one_pass.py --network residual --batch 64
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import torch

from poise.build import build, resolve
from poise.config import GanConfig
from poise.data.batches import Batches
from poise.game import Batch
from poise.recipes import from_recipe
from poise.training import Training

Network = Literal["deep", "dcgan", "residual"]
WAYS = {
    "in turn": ("alternating", False),
    "in turn, joined": ("alternating", True),
    "at once": ("simultaneous", False),
    "in one pass": ("simultaneous", True),
}


def made(way: str, network: Network, batch: int, data: str) -> tuple[Training, Batches]:
    """Return a training whose players move in this way, and its batches."""
    rule, one_pass = WAYS[way]
    config = from_recipe("gan", data)
    assert isinstance(config.model, GanConfig)
    norm = "none" if network == "residual" else config.model.norm
    config = replace(config, rule=rule, batch=batch, model=replace(config.model, network=network, norm=norm))
    config, dataset = resolve(config)
    training = build(config, dataset)
    training.game.one_pass = one_pass
    return training, Batches(dataset, batch, config.seed)


def seconds(training: Training, batches: Batches, steps: int) -> float:
    """Time so many steps and return seconds a step."""
    start = time.perf_counter()
    for _ in range(steps):
        training.play([Batch(*batches[training.step])], progress=0.0)
    return (time.perf_counter() - start) / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="deep", choices=get_args(Network))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/one_pass.json"))
    args = parser.parse_args()
    loops = {way: made(way, args.network, args.batch, args.data) for way in WAYS}
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for loop in loops.values():
        seconds(*loop, 3)  # first steps warm caches up
    for _ in range(args.rounds):
        for way, loop in loops.items():
            times[way].append(seconds(*loop, args.steps))
    print(f"{'players move':<17}{'ms a step':>10}{'images/s':>10}{'× in turn':>11}")
    rows = []
    for way, found in times.items():
        step = statistics.median(found)
        ratio = statistics.median(a / b for a, b in zip(times["in turn"], found, strict=True))
        rows.append({"way": way, "ms": step * 1e3, "images_per_second": args.batch / step, "speedup": ratio})
        print(f"{way:<17}{step * 1e3:>10.1f}{args.batch / step:>10.0f}{ratio:>11.2f}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    settings = {"network": args.network, "batch": args.batch, "threads": torch.get_num_threads()}
    args.out.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
