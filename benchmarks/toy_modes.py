"""How many modes of the toys does a recipe find? Prints modes, high-quality share and the KL of the modes' shares.

A sample is of high quality within three standard deviations of a mode (a perfect sampler: 98.9 %).

    python benchmarks/toy_modes.py                  # recipe gan on ring and grid, seed 0, a minute each
    python benchmarks/toy_modes.py --toys grid --rules alternating extragradient --optimizers adam optimistic-adam
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch

import poise
from poise.data.toys import grid_modes, ring_modes

SAMPLES = 2_500
TOYS = {"ring": ring_modes, "grid": grid_modes}


def score(points: np.ndarray, toy: str) -> tuple[int, float, float]:
    """Return modes found, the share of points near one, and the KL of the modes' shares from equal ones."""
    centers, sigma = TOYS[toy]()
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)
    near = distances.min(1) < 3 * sigma
    counts = np.bincount(distances.argmin(1)[near], minlength=len(centers))
    shares = counts[counts > 0] / counts.sum()
    return len(shares), float(near.mean()), float((shares * np.log(shares * len(centers))).sum())


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="gan")
    parser.add_argument("--toys", nargs="+", default=list(TOYS))
    parser.add_argument("--rules", nargs="+", default=["alternating"])
    parser.add_argument("--optimizers", nargs="+", default=["own"], help="own: the recipe's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small: a second thread costs more than it does
    print(f"{'toy':<6}{'rule':<20}{'optimizer':<18}{'seed':>5}{'modes':>8}{'near':>8}{'KL':>8}{'seconds':>9}")
    for toy, rule, optimizer, seed in product(args.toys, args.rules, args.optimizers, args.seeds):
        settings = {"rule": rule, "seed": seed, **({} if optimizer == "own" else {"optimizer": optimizer})}
        with tempfile.TemporaryDirectory() as folder:
            run = poise.train(args.recipe, toy, out=Path(folder) / "run", progress=False, **settings)
            found, near, divergence = score(run.sample(SAMPLES), toy)
            seconds = run.metrics()[-1]["seconds"]
        share = f"{found:>5}/{len(TOYS[toy]()[0]):<2}{near:>8.1%}{divergence:>8.3f}{seconds:>9.0f}"
        print(f"{toy:<6}{rule:<20}{optimizer:<18}{seed:>5}{share}", flush=True)


if __name__ == "__main__":
    main()
