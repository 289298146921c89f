"""Which recipe gives the best images for equal minutes? The default `gan` is the one that wins here.

Every recipe trains for the same minutes on the same machine, turn by turn and seed by seed, and is scored by the
Fréchet distance on EfficientNet-Lite0 features at 96 pixels (FD-lite0), precision, recall and coverage, between 5,000
samples of the averaged generator and 5,000 held-out images. The floor is what 5,000 training images score.

On a machine that has other things to do, minutes are no measure: --images trains as many as fit into the minutes on
an idle one, which --speed finds.

    python benchmarks/gan_recipes.py --minutes 3 --seeds 0 1 2
    python benchmarks/gan_recipes.py --speed --recipes gan           # images a second
    python benchmarks/gan_recipes.py --images 200000 --recipes gan
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import poise
from poise.data import load
from poise.features import cached, judge
from poise.metrics import frechet, prdc
from poise.recipes import RECIPES, from_recipe

SAMPLES, SECONDS = 5_000, 40
COLUMNS = ("frechet", "precision", "recall", "recall_3", "coverage")


def scores(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return distances of samples from data; precision and recall by the fifth neighbor, and recall by the third."""
    return {**frechet(real, fake), **prdc(real, fake), "recall_3": prdc(real, fake, 3)["recall"]}


def trained(recipe: str, data: str, budget: dict[str, Any], seed: int, out: Path) -> poise.Run:
    """Train for minutes, or for the steps that a number of images makes."""
    settings = dict(budget)
    if images := settings.pop("images", None):
        config = from_recipe(recipe, data)
        turns = max(getattr(config.model, "turns", {}).values(), default=1)
        settings["steps"] = images // (config.batch * turns)
    return poise.train(recipe, data, seed=seed, out=out, progress=False, **settings)


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--images", type=int, help="instead of minutes")
    parser.add_argument("--speed", action="store_true", help="only measure images a second")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=[name for name in RECIPES if name.startswith("gan")])
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gan_recipes.json"))
    args = parser.parse_args()

    dataset, by = load(args.data), judge("efficientnet-lite0")
    budget = {"images": args.images} if args.images else {"minutes": args.minutes}
    if args.speed:
        budget = {"minutes": SECONDS / 60}
    real = cached(by, np.asarray(dataset.test[:SAMPLES]))
    floor = scores(real, cached(by, np.asarray(dataset.train[:SAMPLES])))
    rows: list[dict[str, Any]] = []
    print(f"{'recipe':<14}{'seed':>5}{'images':>10}{'images/s':>10}" + "".join(f"{name:>11}" for name in COLUMNS))
    for seed in args.seeds:
        for recipe in args.recipes:
            with tempfile.TemporaryDirectory() as folder:
                run = trained(recipe, args.data, budget, seed, (args.runs or Path(folder)) / f"{recipe}-{seed}")
                last = run.metrics()[-1]
                row = {"recipe": recipe, "seed": seed, "images": last["examples"]}
                row["images_per_second"] = last["examples"] / last["seconds"]
                line = f"{recipe:<14}{seed:>5}{row['images']:>10,.0f}{row['images_per_second']:>10.0f}"
                if not args.speed:
                    row |= scores(real, by.features(run.sample(SAMPLES)))
                    line += "".join(f"{row[name]:>11.3f}" for name in COLUMNS)
            rows.append(row)
            print(line, flush=True)
    if args.speed:
        return
    print(f"{'(real)':<39}" + "".join(f"{floor[name]:>11.3f}" for name in COLUMNS))
    for recipe in args.recipes:
        found = [row["frechet"] for row in rows if row["recipe"] == recipe]
        print(f"{recipe}: FD-lite0 median {statistics.median(found):.0f}, from {min(found):.0f} to {max(found):.0f}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"data": dataset.name, **budget, "floor": floor, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
