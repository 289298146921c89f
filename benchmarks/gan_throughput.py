"""Speed and memory of Poise beside the loop that a person would write.

The plain loop is the one of every tutorial: a DataLoader over tensors, `torch.optim.Adam` over the
parameters, float32, one generator forward for both players. Both train the same networks from the same
weights at the same batch size, on real images, in one process, turn by turn; figures are medians of
alternating rounds, so that a machine that slows down slows both. Peak memory is that of a process of its own
for each loop.

    python benchmarks/gan_throughput.py            # a table, and JSON beside it
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from poise import models
from poise.build import build, resolve, sample_shape
from poise.config import Config, GanConfig, Precision
from poise.data import load
from poise.data.batches import Batches, to_floats
from poise.device import choose_precision
from poise.game import Batch
from poise.recipes import from_recipe

RECIPE = "gan-textbook"  # the textbook's losses need no penalty, so the plain loop is as short as it gets
Step = Callable[[], None]


def plain_loop(config: Config) -> Step:
    """Return the tutorial loop's step."""
    dataset = load(config.data)
    assert isinstance(config.model, GanConfig)
    game = models.build(config.model, sample_shape(dataset))
    generator, discriminator = game.get_submodule("generator"), game.get_submodule("discriminator")
    images = to_floats(torch.from_numpy(np.array(dataset.train))).contiguous()
    loader = DataLoader(TensorDataset(images), config.batch, shuffle=True, drop_last=True)
    players = config.players
    noise = int(getattr(generator, "noise", config.model.latent))
    optimize_g = torch.optim.Adam(generator.parameters(), players["generator"].lr, (0.5, 0.999))
    optimize_d = torch.optim.Adam(discriminator.parameters(), players["discriminator"].lr, (0.5, 0.999))
    weight, ones, zeros = config.model.real_weight, torch.ones(config.batch), torch.zeros(config.batch)

    def batches() -> Iterator[torch.Tensor]:
        while True:
            for (real,) in loader:
                yield real

    stream = batches()

    def step() -> None:
        real = next(stream)
        fake = generator(torch.randn(len(real), noise))
        optimize_d.zero_grad()
        loss_d = weight * cross_entropy(discriminator(real), ones)
        loss_d = loss_d + cross_entropy(discriminator(fake.detach()), zeros)
        loss_d.backward()
        optimize_d.step()
        optimize_g.zero_grad()
        loss_g = cross_entropy(discriminator(fake), ones)
        loss_g.backward()
        optimize_g.step()
        loss_d.item(), loss_g.item()  # a loop that shows its losses

    return step


def poise_loop(config: Config) -> Step:
    """Return Poise's step for the same configuration, with its average of weights."""
    config, dataset = resolve(config)
    training = build(config, dataset)
    batches = Batches(dataset, config.batch, config.seed)

    def step() -> None:
        training.play([Batch(*batches[training.step])], progress=0.0)

    return step


LOOPS: dict[str, Callable[[Config], Step]] = {
    "plain": plain_loop,
    "float32": poise_loop,
    "bfloat16": poise_loop,
}


def configure(loop: str, batch: int, width: int, data: str) -> Config:
    """Return the configuration that a loop of this name trains."""
    config = from_recipe(RECIPE, data)
    precision: Precision = "bfloat16" if loop == "bfloat16" else "float32"
    return replace(config, batch=batch, precision=precision, model=replace(config.model, width=width))


def seconds(step: Step, steps: int) -> float:
    """Time so many steps and return seconds a step."""
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps


def memory(loop: str, options: tuple[int, int, str], steps: int, queue: "multiprocessing.Queue[float]") -> None:
    """Put the peak memory of a process that trains so many steps, in MiB, less what it held before."""
    step = LOOPS[loop](configure(loop, *options))
    for _ in range(steps):
        step()
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=8, help="steps a round")
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gan_throughput.json"))
    args = parser.parse_args()
    options = (args.batch, args.width, args.data)

    # before anything is loaded here: a process starts with its parent's peak as its own
    context = multiprocessing.get_context("spawn")
    peaks = {}
    for name in LOOPS:
        queue: multiprocessing.Queue[float] = context.Queue()
        process = context.Process(target=memory, args=(name, options, 12, queue))
        process.start()
        peaks[name] = queue.get()
        process.join()

    loops = {name: make(configure(name, *options)) for name, make in LOOPS.items()}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for step in loops.values():
        seconds(step, 3)  # first steps warm caches up
    for _ in range(args.rounds):
        for name, step in loops.items():
            times[name].append(seconds(step, args.steps))

    print(
        f"{args.data}, {RECIPE} networks of width {args.width}, batch {args.batch}, {torch.get_num_threads()} threads"
    )
    print(f"bfloat16 is {'' if choose_precision('auto', 'cpu') == 'bfloat16' else 'not '}the default on this processor")
    print(f"{'loop':<16}{'ms a step':>10}{'images/s':>10}{'× plain':>9}{'peak MiB':>10}{'× plain':>9}")
    rows = []
    for name in loops:
        ratio = statistics.median(p / t for p, t in zip(times["plain"], times[name], strict=True))
        step_time = statistics.median(times[name])
        row = {"loop": name, "ms": step_time * 1e3, "images_per_second": args.batch / step_time}
        row |= {"speedup": ratio, "peak_mib": peaks[name], "memory_ratio": peaks[name] / peaks["plain"]}
        rows.append(row)
        label = name if name == "plain" else f"Poise {name}"
        print(
            f"{label:<16}{step_time * 1e3:>10.1f}{args.batch / step_time:>10.0f}{ratio:>9.2f}"
            f"{peaks[name]:>10.0f}{peaks[name] / peaks['plain']:>9.2f}"
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "options": options,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }
    args.out.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
