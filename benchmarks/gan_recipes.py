"""Which recipe gives the best images for equal minutes? The default `gan` is the one that wins here.

Every recipe trains for the same minutes on the same machine, turn by turn and seed by seed, and is scored by
the Fréchet distance on EfficientNet-Lite0 features (FD-lite0) between 3,000 samples of the averaged generator
and 3,000 held-out images. The floor is what 3,000 training images score.

    python benchmarks/gan_recipes.py --minutes 3 --seeds 0 1 2
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np

import poise
from poise.data import load
from poise.features import efficientnet_lite0
from poise.metrics import frechet
from poise.recipes import RECIPES

SAMPLES = 3_000
SIZE = 64  # pixels at which EfficientNet-Lite0 sees the images


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gan_recipes.json"))
    args = parser.parse_args()

    dataset = load(args.data)
    real = efficientnet_lite0(np.asarray(dataset.test[:SAMPLES]), SIZE)
    floor = frechet(real, efficientnet_lite0(np.asarray(dataset.train[:SAMPLES]), SIZE))["frechet"]
    scores: dict[str, list[float]] = {recipe: [] for recipe in args.recipes}
    speeds: dict[str, list[float]] = {recipe: [] for recipe in args.recipes}
    for seed in args.seeds:
        for recipe in args.recipes:
            with tempfile.TemporaryDirectory() as folder:
                run = poise.train(
                    recipe, args.data, minutes=args.minutes, seed=seed, out=Path(folder) / "run", progress=False
                )
                fake = efficientnet_lite0(run.sample(SAMPLES), SIZE)
                last = run.metrics()[-1]
            scores[recipe].append(frechet(real, fake)["frechet"])
            speeds[recipe].append(last["examples"] / last["seconds"])
            print(f"seed {seed}  {recipe:<14}{scores[recipe][-1]:8.0f}  {speeds[recipe][-1]:6.0f} images/s", flush=True)

    print(f"\n{dataset.name}, {args.minutes:g} minutes each; FD-lite0 of {len(real):,} images: floor {floor:.0f}")
    print(f"{'recipe':<14}{'FD-lite0':>10}{'lowest':>8}{'highest':>8}{'images/s':>10}")
    for recipe in sorted(scores, key=lambda name: statistics.median(scores[name])):
        found = scores[recipe]
        print(
            f"{recipe:<14}{statistics.median(found):>10.0f}{min(found):>8.0f}{max(found):>8.0f}"
            f"{statistics.median(speeds[recipe]):>10.0f}"
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"data": dataset.name, "minutes": args.minutes, "seeds": args.seeds, "floor": floor}
    args.out.write_text(json.dumps({**result, "scores": scores, "images_per_second": speeds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
