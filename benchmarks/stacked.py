"""Does the default recipe keep a thousand modes where the textbook GAN loses them? Stacked garments, counted.

Images of `stacked-fashion` show one of ten garments in each color channel. A classifier that is right of nine in ten
garments counts the modes of 26,000 samples of the averaged generator; its mistakes invent modes, so recipes are ranked
by the divergence of the modes' shares from equal ones, beside that of as many held-out images. Every recipe is given
the same number of training images; those of a run that was stopped are there again when the command is repeated.

    python benchmarks/stacked.py --images 1000000 --seeds 0 1 2
    python benchmarks/stacked.py --images 150000 --recipes gan --packing 2     # with an option of the game
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

import poise
from poise.counting import garment_counter
from poise.data import load
from poise.data.stacked import stack
from poise.metrics import stacked_modes
from poise.recipes import from_recipe

DATA = "stacked-fashion"
LEAST = 0.9  # of garments that the classifier must tell right


def held_out(n: int) -> torch.Tensor:
    """Return n stacked images made of garments that nothing was trained on."""
    garments = load("fashion-mnist")
    return torch.from_numpy(stack(np.asarray(garments.test), np.asarray(garments.test_labels), n, seed=1)[0])


def main() -> None:
    """Train, count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000, help="training images that each run sees")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", default=["gan-textbook", "gan"])
    parser.add_argument("--samples", type=int, default=26_000, help="samples that are counted")
    parser.add_argument("--packing", type=int, default=1)
    parser.add_argument("--minibatch-deviation", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/stacked"), help="where runs go on from")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/stacked.json"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    counter = garment_counter()
    print(f"the classifier is right of {counter.accuracy:.1%} of held-out garments")
    if counter.accuracy < LEAST:
        raise SystemExit(f"it must be of {LEAST:.0%}; find all of Fashion-MNIST with `poise data fetch`")
    real = held_out(args.samples)
    options: dict[str, Any] = {"packing": args.packing, "minibatch_deviation": args.minibatch_deviation}
    rows: list[dict[str, Any]] = []
    print(f"{'recipe':<14}{'seed':>5}{'images':>12}{'modes':>8}{'KL':>8}{'of real':>9}{'KL':>8}", flush=True)
    for seed in args.seeds:
        for recipe in args.recipes:
            config = from_recipe(recipe, DATA)
            steps = args.images // (config.batch * max(config.model.turns.values()))
            name = f"{recipe}-{steps}-{args.packing}-{args.minibatch_deviation:d}-{seed}"
            run = poise.train(recipe, DATA, steps=steps, seed=seed, out=args.runs / name, **options)
            found = stacked_modes(real, torch.from_numpy(run.sample(args.samples)), counter)
            rows.append({"recipe": recipe, "seed": seed, "images": run.metrics()[-1]["examples"], **options, **found})
            print(
                f"{recipe:<14}{seed:>5}{rows[-1]['images']:>12,.0f}{found['modes']:>8.0f}{found['kl']:>8.3f}"
                f"{found['modes_real']:>9.0f}{found['kl_real']:>8.3f}",
                flush=True,
            )
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps({"accuracy": counter.accuracy, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
