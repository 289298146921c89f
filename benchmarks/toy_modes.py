"""How many modes of the toys does a recipe find? Prints modes, high-quality share and the KL of the modes' shares.

A sample is of high quality within three standard deviations of a mode (a perfect sampler: 98.9 %).

    python benchmarks/toy_modes.py                  # recipe gan on ring and grid, seed 0, two minutes each
"""

import argparse
import tempfile
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
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small: a second thread costs more than it does
    print(f"{'toy':<6}{'seed':>5}{'modes':>8}{'near':>8}{'KL':>8}")
    for toy, modes in TOYS.items():
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                run = poise.train(args.recipe, toy, seed=seed, out=Path(folder) / "run", progress=False)
                found, near, divergence = score(run.sample(SAMPLES), toy)
            print(f"{toy:<6}{seed:>5}{found:>5}/{len(modes()[0]):<2}{near:>8.1%}{divergence:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
