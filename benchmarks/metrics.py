"""How long metrics over features take and how much memory, beside other libraries, on one core.

    make bench-metrics           or: python benchmarks/metrics.py frechet|prdc|large|all

frechet  d = 2048, n = m = 10,000: the distance of two known means and covariances ("trace"), and all from features on
         ("whole"), beside torch-fidelity, torchmetrics and pytorch-fid (SciPy's matrix root); white features, and
         features with standard deviations 1, 1/2, 1/3, ...
prdc     n = m = 10,000, d = 2048, beside the package prdc: seconds and memory
large    n = m = 50,000, d = 2048, Poise alone; a quarter of an hour

Times are processor seconds of one core, to which the process is pinned: what a quiet machine would take, and a busy
one hardly changes. They are medians over rounds in which the libraries take turns. Memory is that of a
process of its own: its greatest resident size less that before the call, when features and libraries were loaded.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from poise.metrics import distance, frechet, moments, prdc

Call = Callable[[], float]
D, N, LARGE, K = 2048, 10_000, 50_000, 5


def features(n: int, seed: int, decay: float = 0.0) -> Tensor:
    """Return features with standard deviations 1, 2^−decay, 3^−decay, ... in random directions, float32 [n, D]."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, D, generator=draw)
    if decay:
        directions = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(0))).Q
        x = (x * torch.arange(1, D + 1) ** -decay) @ directions
    return x + 0.01 * seed


def in_turn(calls: dict[str, Call], rounds: int) -> dict[str, Any]:
    """Time calls turn by turn and return medians of their seconds and of their ratios to Poise's, and their values."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    values = {}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            values[name] = call()
            times[name].append(time.process_time() - start)
    found = {}
    for name in calls:
        ratios = [peer / own for peer, own in zip(times[name], times["poise"], strict=True)]
        seconds, ratio = statistics.median(times[name]), statistics.median(ratios)
        found[name] = {"seconds": seconds, "poise_is_faster": ratio, "value": values[name]}
        print(f"    {name:<16}{seconds:>9.2f} s{ratio:>8.2f} ×    {values[name]:.10g}", flush=True)
    return found


def measure_frechet(rounds: int) -> dict[str, Any]:
    """Measure the Fréchet distance from statistics and from features."""
    sys.path[0] = str(Path(__file__).parents[1] / "tests")  # in place of this folder, which has a metrics.py as well
    from metrics.peers import load

    fidelity, torchmetrics = load("torch_fidelity.metric_fid"), load("torchmetrics.image.fid")
    root = load("pytorch_fid.fid_score").calculate_frechet_distance
    results = {}
    for label, decay in (("white", 0.0), ("decaying", 1.0)):
        real, fake = features(N, 1, decay), features(N, 2, decay)
        own = moments(real), moments(fake)
        stats = [fidelity.fid_features_to_statistics(x.double()) for x in (real, fake)]
        arrays = [array for stat in stats for array in (stat["mu"], stat["sigma"])]
        tensors = [torch.from_numpy(array) for array in arrays]
        trace: dict[str, Call] = {
            "poise": lambda own=own: distance(*own),  # type: ignore[misc]
            "torch-fidelity": lambda s=stats: next(iter(fidelity.fid_statistics_to_metric(*s, False).values())),  # type: ignore[misc]
            "torchmetrics": lambda t=tensors: torchmetrics._compute_fid(*t).item(),  # type: ignore[misc]
        }
        if not decay:
            trace["pytorch-fid"] = lambda a=arrays: float(root(*a))  # type: ignore[misc]

        def whole(real: Tensor = real, fake: Tensor = fake) -> float:
            statistics_ = [fidelity.fid_features_to_statistics(x.double()) for x in (real, fake)]
            return float(next(iter(fidelity.fid_statistics_to_metric(*statistics_, False).values())))

        print(f"Fréchet, {label}, trace")
        results[f"{label} trace"] = in_turn(trace, rounds)
        print(f"Fréchet, {label}, whole")
        own_whole: Call = lambda real=real, fake=fake: frechet(real, fake)["frechet"]  # type: ignore[misc]  # noqa: E731
        results[f"{label} whole"] = in_turn({"poise": own_whole, "torch-fidelity": whole}, rounds)
    return results


def package(real: Tensor, fake: Tensor) -> float:
    """Return density by the package prdc, which prints."""
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return float(compute_prdc(real.numpy(), fake.numpy(), K)["density"])


def poise_density(real: Tensor, fake: Tensor) -> float:
    """Return density by Poise."""
    return prdc(real, fake, K)["density"]


def measure_prdc(rounds: int) -> dict[str, Any]:
    """Measure precision, recall, density and coverage of 10,000 samples."""
    real, fake = features(N, 1), features(N, 2)
    print("precision, recall, density, coverage")
    results = in_turn({"poise": lambda: poise_density(real, fake), "prdc": lambda: package(real, fake)}, rounds)
    for name in results:
        results[name] |= in_own_process(name, N)
        print(f"    {name:<16}{results[name]['megabytes']:>9.0f} MB beyond features and libraries")
    return results


def in_own_process(library: str, n: int) -> dict[str, float]:
    """Return seconds, and megabytes beyond what the process held before, of one call in a process of its own."""
    command = [sys.executable, __file__, "alone", "--library", library, "--samples", str(n)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said)
    return found


def alone(library: str, n: int) -> None:
    """Call once, and print what in_own_process returns."""
    real, fake = features(n, 1), features(n, 2)
    call = {"poise": poise_density, "prdc": package}[library]
    call(real[:100], fake[:100])
    Path("/proc/self/clear_refs").write_text("5")  # the greatest size begins anew
    before, start = resident("VmRSS"), time.process_time()
    value = call(real, fake)
    seconds, after = time.process_time() - start, resident("VmHWM")
    print(json.dumps({"seconds_alone": seconds, "megabytes": after - before, "value": value}))


def resident(which: str) -> float:
    """Return the resident size of this process, now (VmRSS) or at its greatest (VmHWM), in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / 1024


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["frechet", "prdc", "large", "all", "alone"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--library", default="poise", help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=int, default=N, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/metrics.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)  # of NumPy's library: threads that wait for one another on one core count twice
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the package prdc asks for eight workers
    warnings.simplefilter("ignore")  # of other libraries
    if args.what == "alone":
        alone(args.library, args.samples)
        return
    results: dict[str, Any] = json.loads(args.out.read_text()) if args.out.exists() else {}
    machine = {"cpu": torch.backends.cpu.get_cpu_capability(), "torch": torch.__version__, "numpy": np.__version__}
    parts: dict[str, Callable[[], Any]] = {
        "frechet": lambda: measure_frechet(args.rounds),
        "prdc": lambda: measure_prdc(args.rounds),
        "large": lambda: {"poise": in_own_process("poise", LARGE)},
    }
    for name, measure in parts.items():
        if args.what in (name, "all"):
            results[name] = {**machine, "rounds": 1 if name == "large" else args.rounds, **measure()}
            args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
