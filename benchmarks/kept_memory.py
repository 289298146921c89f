"""What keeping freed memory saves (`poise.memory`): the time of a step, its page faults, and the peak of memory.

Each figure is of a process of its own, since the switch is for a whole process; those with and without it take turns,
and the table has medians. Judging is features of real images by EfficientNet-Lite0.

    python benchmarks/kept_memory.py
    python benchmarks/kept_memory.py --recipes vae --rounds 9
"""

import argparse
import ctypes
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from poise import build, data
from poise.data.batches import Batches
from poise.features import judge
from poise.game import Batch
from poise.recipes import from_recipe

DATA = {"rvae": "sines"}
WARM = 20  # steps that are not counted
JUDGED = 64  # images a step of judging


def stepper(recipe: str) -> Callable[[int], object]:
    """Return a function of the step's number that does it."""
    if recipe == "judging":
        images = np.asarray(data.load("fashion-mnist").test)
        by = judge("efficientnet-lite0")
        return lambda step: by.features(images[step * JUDGED : (step + 1) * JUDGED])
    config, dataset = build.resolve(from_recipe(recipe, DATA.get(recipe, "fashion-mnist")))
    training, batches = build.build(config, dataset), Batches(dataset, config.batch, config.seed)
    return lambda step: training.play([Batch(*batches[step])], progress=0.0)


def measure(recipe: str, steps: int) -> dict[str, float]:
    """Do the steps in this process; return milliseconds and page faults of one, and peak MiB."""
    step = stepper(recipe)
    for i in range(WARM):
        step(i)
    before, times = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, []
    for i in range(WARM, WARM + steps):
        start = time.perf_counter()
        step(i)
        times.append(1e3 * (time.perf_counter() - start))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "ms": statistics.median(times),
        "faults": (used.ru_minflt - before) / steps,
        "peak_mib": used.ru_maxrss / 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["gan", "vae", "rvae", "judging"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/kept_memory.json"))
    parser.add_argument("--one", choices=["kept", "returned"], help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args()
    if args.one:
        # without ctypes it is as if the C library had no such switch
        switch = patch.object(ctypes, "CDLL", None) if args.one == "returned" else nullcontext()
        with switch:
            print(json.dumps(measure(args.recipes[0], args.steps)))
        return
    print(f"{'':<10}{'freed memory':<14}{'ms a step':>10}{'faults a step':>15}{'peak MiB':>10}{'× faster':>10}")
    rows = []
    for recipe in args.recipes:
        found: dict[str, list[dict[str, float]]] = {"returned": [], "kept": []}
        for _ in range(args.rounds):
            for way, results in found.items():
                command = [sys.executable, __file__, "--one", way, "--recipes", recipe, "--steps", str(args.steps)]
                results.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        for way, results in found.items():
            row = {key: statistics.median(result[key] for result in results) for key in results[0]}
            pairs = zip(found["returned"], results, strict=True)
            row["faster"] = statistics.median(before["ms"] / after["ms"] for before, after in pairs)
            rows.append({"recipe": recipe, "way": way, **row})
            line = f"{recipe:<10}{way:<14}{row['ms']:>10.1f}{row['faults']:>15.0f}{row['peak_mib']:>10.0f}"
            print(f"{line}{row['faster']:>10.2f}", flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"threads": torch.get_num_threads(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
