"""How long a step of an optimizer takes, beside the time that memory alone takes, and beside other libraries.

    make bench-optimizers        or: python benchmarks/optimizer_step.py

Two networks: 24 matrices of a million weights each, and 400 small tensors of .83 million in all; and for Muon, which is
about matrices, those of the networks of the recipe `gan`. Everything is measured turn by turn in one process; figures
are medians over rounds. The floor of a step is the number of bytes that must be read and written for each weight, over
the bandwidth of an in-place multiplication measured in the same round.
Kernels are compiled first, and kept (the first time this takes minutes). pytorch_optimizer, heavyball and cooper are
measured where they are installed (pip install '.[bench]').
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poise import optim
from poise.optim import Average, Flat, compiler

Shapes = list[tuple[int, ...]]
LARGE: Shapes = [(1000, 1000)] * 24
SMALL: Shapes = [(2080,)] * 400
GAN: Shapes = [(9408, 64), (64, 1728), (32, 576), (16, 288), (32, 36), (128, 288), (128, 1152)]
Step = Callable[[], object]
Made = Callable[[Any], torch.optim.Optimizer]


@dataclass
class Row:
    """An optimizer of some library, and the bytes that its step must move for each weight (0: no floor is stated)."""

    library: str
    name: str
    make: Callable[[Shapes], Step]
    floor: int = 0


def network(shapes: Shapes) -> nn.ParameterList:
    """Return parameters with gradients."""
    parameters = nn.ParameterList([nn.Parameter(torch.randn(shape) * 0.1) for shape in shapes])
    for p in parameters:
        p.grad = torch.randn_like(p)
    return parameters


def poise_step(make: Made, average: bool, half: bool, shapes: Shapes) -> Step:
    """Return a step of Poise over one flat buffer; with `half`, the half step and the step of extragradient."""
    flat = Flat(network(shapes))
    flat.gradient.normal_()
    optimizer = make(flat)
    assert isinstance(optimizer, optim.Base)
    if average:
        optimizer.keep_average(Average(flat, half_life=10_000))
    extrapolate = optimizer.extrapolate

    def both() -> None:
        extrapolate()
        optimizer.step()

    return both if half else optimizer.step


def plain_step(make: Made, shapes: Shapes) -> Step:
    """Return a step of another library over plain parameters."""
    return make(list(network(shapes))).step


def plain_and_average(make: Made, shapes: Shapes) -> Step:
    """Return such a step followed by an average of the weights, the fast way (foreach)."""
    parameters = list(network(shapes))
    averages = [p.detach().clone() for p in parameters]
    optimizer = make(parameters)

    def step() -> None:
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 0.01)

    return step


def heavyball_step(shapes: Shapes) -> Step:
    """Return a step of heavyball's AdamW, which takes the gradients away and must be given them again."""
    parameters = list(network(shapes))
    gradients = [p.grad for p in parameters]
    optimizer = importlib.import_module("heavyball").AdamW(parameters, lr=1e-4)

    def step() -> None:
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = g
        optimizer.step()

    return step


def cooper_step(shapes: Shapes) -> Step:
    """Return a half step and a step of cooper's ExtraAdam."""
    made = importlib.import_module("cooper.optim").ExtraAdam(list(network(shapes)), lr=1e-4)

    def both() -> None:
        made.extrapolation()
        made.step()

    return both


def rows() -> list[Row]:
    """Return everything there is to measure on this machine."""
    adam = partial(optim.Adam, lr=1e-4)
    own: list[tuple[str, Made, int]] = [
        ("sgd", partial(optim.SGD, lr=1e-4), 12),
        ("sgd momentum", partial(optim.SGD, lr=1e-4, momentum=0.9), 20),
        ("sgd complex momentum", partial(optim.SGD, lr=1e-4, momentum=0.9, angle=0.4), 28),
        ("lion", optim.Lion, 20),
        ("rmsprop", optim.RMSprop, 20),
        ("adam", adam, 28),
        ("textbook-adam", partial(optim.TextbookAdam, lr=1e-4), 28),
        ("adamw", optim.AdamW, 28),
        ("amsgrad", optim.AMSGrad, 36),
        ("radam", optim.RAdam, 28),
        ("adabelief", optim.AdaBelief, 28),
        ("adopt", optim.ADOPT, 28),
        ("optimistic-sgd", optim.OptimisticSGD, 20),
        ("optimistic-adam", optim.OptimisticAdam, 36),
        ("schedule-free", optim.ScheduleFree, 28),
    ]
    table = [Row("poise", name, partial(poise_step, make, False, False), floor) for name, make, floor in own]
    table.append(Row("poise", "adam + average", partial(poise_step, adam, True, False), 36))
    table.append(Row("poise", "extragradient adam", partial(poise_step, adam, False, True), 60))
    for label in ("loop", "foreach", "fused"):
        made = partial(torch.optim.Adam, foreach=label == "foreach", fused=label == "fused")
        table.append(Row(f"torch {label}", "adam", partial(plain_step, made)))
        table.append(Row(f"torch {label}", "adam + average", partial(plain_and_average, made)))
    table.append(
        Row("torch fused", "sgd momentum", partial(plain_step, partial(torch.optim.SGD, momentum=0.9, fused=True)))
    )
    return table + installed()


def muons() -> list[Row]:
    """Return Muon of Poise and of torch, whose work is to orthogonalize matrices and not to move memory."""
    theirs = partial(torch.optim.Muon, lr=1e-4, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    return [
        Row("poise", "muon", partial(poise_step, partial(optim.Muon, lr=1e-4), False, False)),
        Row("torch", "muon", partial(plain_step, theirs)),
    ]


def installed() -> list[Row]:
    """Return rows of the other libraries that are here."""
    found = []
    if is_there("pytorch_optimizer"):
        module = importlib.import_module("pytorch_optimizer")
        for name in ("AdaBelief", "Lion"):
            made = partial(getattr(module, name), lr=1e-4)
            found.append(Row("pytorch_optimizer", name.lower(), partial(plain_step, made)))
    if is_there("heavyball"):
        found.append(Row("heavyball", "adamw", heavyball_step))
    if is_there("cooper"):
        found.append(Row("cooper", "extragradient adam", cooper_step))
    return found


def is_there(library: str) -> bool:
    """Whether a library can be imported."""
    try:
        importlib.import_module(library)
    except ImportError:
        return False
    return True


def seconds(step: Step, repeats: int) -> float:
    """Time so many steps and return seconds a step."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def measure(table: list[Row], shapes: Shapes, rounds: int, repeats: int) -> list[dict[str, Any]]:
    """Measure every row turn by turn, one at a time in memory, and return medians.

    Each row is timed alternately with the in-place multiplication; Poise's Adam with its average is timed beside each
    row as well, for the ratio to it.
    """
    weights = sum(torch.Size(shape).numel() for shape in shapes)
    memory = torch.randn(weights)

    def touch() -> None:
        memory.mul_(1.0)

    reference = poise_step(partial(optim.Adam, lr=1e-4), True, False, shapes)
    results = []
    for row in table:
        step = row.make(shapes)
        for _ in range(3):
            seconds(step, 1), seconds(reference, 1), seconds(touch, 1)
        compiler.wait()
        seconds(step, 1), seconds(reference, 1)
        own = row.library == "poise"
        often = max(1, min(repeats, int(0.2 / seconds(step, 1))))
        times, floors, references = [], [], []
        for _ in range(rounds if own else max(3, rounds // 3)):
            before = seconds(touch, repeats)
            times.append(seconds(step, often))
            # per byte and weight, around the step because the machine's memory is shared: it reads and writes four
            floors.append((before + seconds(touch, repeats)) / 2 / 8)
            references.append(seconds(reference, repeats))
        found: dict[str, Any] = {"library": row.library, "optimizer": row.name, "ms": 1e3 * statistics.median(times)}
        found["poise_is_faster"] = statistics.median(t / r for t, r in zip(times, references, strict=True))
        if row.floor:
            ratios = [t / (f * row.floor) for t, f in zip(times, floors, strict=True)]
            found |= {"bytes": row.floor, "floor_ms": 1e3 * row.floor * statistics.median(floors)}
            found["over_floor"] = statistics.median(ratios)
        found["gigabytes_per_second"] = weights / statistics.median(floors) / 1e9
        results.append(found)
        print_row(found)
    return results


def print_row(row: dict[str, Any]) -> None:
    """Print one line of the table."""
    floor = f"{row['bytes']:>6}{row['floor_ms']:>10.2f}{row['over_floor']:>9.2f}" if "bytes" in row else " " * 25
    line = f"{row['library']:<18}{row['optimizer']:<22}{row['ms']:>10.3f}{floor}{row['poise_is_faster']:>9.1f}"
    print(line, flush=True)


FIRST_STEP = """
import time, torch
from poise.optim import Adam, Flat, compiler
flat = Flat(torch.nn.ParameterList([torch.nn.Parameter(torch.randn({size}))]))
flat.gradient.normal_()
optimizer = Adam(flat)
began = time.perf_counter()
optimizer.step()
print(time.perf_counter() - began, len(compiler._running))
"""


def first_step(size: int, kernels: str | None) -> tuple[float, int]:
    """Return the seconds of the first step in a process of its own, and how many compilers it started."""
    environment = {**os.environ} | ({"POISE_KERNELS": kernels} if kernels else {})
    command = [sys.executable, "-c", FIRST_STEP.format(size=size)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), int(said[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tables", nargs="+", choices=["large", "small", "gan"], default=["large", "small", "gan"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/optimizer_step.json"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of other libraries
    results: dict[str, Any] = {"threads": torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability()}
    heading = f"{'library':<18}{'optimizer':<22}{'ms':>10}{'bytes':>6}{'floor ms':>10}{'× floor':>9}{'Poise ×':>9}"
    for name, table, shapes, repeats in (
        ("large", rows(), LARGE, 3),
        ("small", rows(), SMALL, 30),
        ("gan", muons(), GAN, 30),
    ):
        if name not in args.tables:
            continue
        weights = sum(torch.Size(shape).numel() for shape in shapes)
        print(f"\n{len(shapes)} tensors, {weights / 1e6:.2f} million weights\n{heading}")
        results[name] = measure(table, shapes, args.rounds, repeats)
    print("\nfirst step in a new process")
    results["first_step"] = []
    for label, size, kernels in (
        ("24 million weights, kernel kept", 24_000_000, None),
        ("100 thousand weights, no kernel", 100_000, "/nowhere"),
    ):
        took, compilers = first_step(size, kernels)
        results["first_step"].append({"what": label, "seconds": took, "compilers_started": compilers})
        print(f"{label:<36}{took:>8.3f} s, {compilers} compilers started")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
