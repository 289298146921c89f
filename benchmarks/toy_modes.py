"""How many modes of the toys does a recipe find? Prints modes, high-quality share and the KL of the modes' shares.

A sample is of high quality within three standard deviations of a mode (a perfect sampler: 98.9 %).

    python benchmarks/toy_modes.py                  # recipe gan on ring and grid, seed 0, some five minutes each
    python benchmarks/toy_modes.py --toys grid --rules alternating extragradient --optimizers adam optimistic-adam
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

import torch

import poise
from poise.data.toys import TOYS
from poise.metrics import modes

SAMPLES = 2_500


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
            centers, sigma = TOYS[toy]()
            found = modes(torch.from_numpy(run.sample(SAMPLES)), torch.from_numpy(centers), sigma)
            seconds = run.metrics()[-1]["seconds"]
        share = (
            f"{found['modes']:>5.0f}/{len(centers):<2}{found['high_quality']:>8.1%}{found['kl']:>8.3f}{seconds:>9.0f}"
        )
        print(f"{toy:<6}{rule:<20}{optimizer:<18}{seed:>5}{share}", flush=True)


if __name__ == "__main__":
    main()
