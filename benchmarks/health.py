"""Does Poise notice that a run goes wrong, name the cause, and mend it? Planted failures beside healthy twins.

Every run is short and seeded. Its signals are kept in a file of JSON lines, one a run, so that the benchmark goes
on where it was stopped, and so that checks whose thresholds have changed are judged again without training anything
again: a check is a function of the signals alone. Thresholds are fitted on even seeds; what is reported is of odd
ones. Twelve seeds are six a half: 102 failing runs and 90 healthy ones in each, three kinds of them the default recipe
in its full length (--short leaves those out, which take most of the time).

    export PYTHONPATH=tests
    python benchmarks/health.py --seeds {0..11} --workers 2 --out health.jsonl    # train what is not there yet, report
    python benchmarks/health.py --report --out health.jsonl                       # judge what is there
    python benchmarks/health.py --cure --kinds ring-hot --seeds 1 3
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import poise
from planted import constant_noise
from poise.data import load
from poise.data.batches import Batches
from poise.data.toys import TOYS, ring
from poise.errors import NonFinite, PoiseError
from poise.health import History, findings
from poise.metrics import modes
from poise.run import Run

Plant = Callable[[], AbstractContextManager[object]]


# Data that are made for a run, by its seed.
FILES: Mapping[str, Callable[[int], np.ndarray]] = {
    "fewer images": lambda seed: np.asarray(load("fashion-mnist").train[60 * seed : 60 * seed + 60]),
    "many points": lambda seed: ring(2_000, seed=seed)[0],
    "few images": lambda seed: np.asarray(load("fashion-mnist").train[300 * seed : 300 * seed + 300]),
}


@dataclass(frozen=True)
class Kind:
    """One kind of run.

    Attributes:
        codes: of which one must be found; none of a healthy one.
        recipe: as for `poise.train`.
        data: a name, or one of `FILES`.
        settings: changes to the recipe.
        plant: makes the context in which the failure happens; a cure cannot reach it.
        twin: the healthy kind that a cured run is compared with, if there is one.
        long: whether it is a default in its full length.
    """

    codes: tuple[str, ...]
    recipe: str
    data: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    plant: Plant = nullcontext
    twin: str = ""
    long: bool = False


@contextmanager
def shuffled_time() -> Iterator[None]:
    """Let a model train on series whose steps are in no order."""
    deal = Batches.__getitem__

    def shuffled(batches: Batches, index: int) -> Any:
        x, labels, lengths = deal(batches, index)
        return x[:, torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(index))], labels, lengths

    with mock.patch.object(Batches, "__getitem__", shuffled):
        yield


@contextmanager
def decoder_without_codes() -> Iterator[None]:
    """Let a recurrent model get zeros for its latents."""
    with mock.patch("poise.models.rvae.fast.reparameterize", lambda mean, log_sd, eps: torch.zeros_like(mean)):
        yield


PLAYER = {"optimizer": "adam", "lr": 2e-3, "lr_end": 2e-5, "beta1": 0.0, "beta2": 0.99}


def spectral(**players: Any) -> dict[str, Any]:
    """Return the settings of a GAN with spectral normalization, short enough for hundreds of runs.

    The default recipe for points is changed now and then, and these kinds should stay what they are.
    """
    model = {"norm": "spectral", "score_scale": 4.0, "penalties": (), "average_half_life": 20_000}
    return {**GAN, **model, **{name: {**PLAYER, **players.get(name, {})} for name in ("generator", "discriminator")}}


def constant(lr: float) -> dict[str, Any]:
    """Return settings of a player whose learning rate stays."""
    return {"lr": lr, "lr_end": None}


GAN = {"steps": 1_000, "batch": 64, "watch_every": 50}
POINTS = {**GAN, "batch": 256}  # with 64 a VAE so short may really lose its codes: seed 5 does
SERIES = {"steps": 500, "width": 32, "latent": 8, "watch_every": 25}
IMAGES = {"width": 8, "steps": 400, "watch_every": 20, "precision": "float32"}
FIFTY = {"loss": "minimax", "discriminator_steps": 50, "steps": 160, "watch_every": 10, "batch": 64}
DEFAULT = {"steps": 1_500, "watch_every": 50}
SIMULTANEOUS = {"loss": "wasserstein", "rule": "simultaneous"}
SGD = {"optimizer": "sgd", "lr": 0.05, "norm": "spectral", "score_scale": 4.0, "penalties": ()}
COLLAPSE, AUTO = ("mode-collapse",), ("posterior-collapse",)
CHAOS = (*COLLAPSE, "rotation", "divergence")
FAILING: dict[str, Kind] = {
    "ring-constant": Kind(COLLAPSE, "gan", "ring", spectral(), constant_noise),
    "grid-constant": Kind(COLLAPSE, "gan", "grid", spectral(), constant_noise),
    "grid-bare": Kind(CHAOS, "gan-textbook", "grid", {**GAN, "lr": 5e-2}, twin="grid"),
    "fashion-one-number": Kind(COLLAPSE, "gan-textbook", "fashion-mnist", {**IMAGES, "latent": 1}),
    "ring-fifty": Kind(("discriminator-overpowers",), "gan-textbook", "ring", FIFTY, twin="ring"),
    "ring-hot": Kind(
        CHAOS, "gan-r3", "ring", {**GAN, "generator": constant(9e-2), "discriminator": constant(9e-2)}, twin="ring-r3"
    ),
    "ring-still-generator": Kind(("generator-idle",), "gan", "ring", spectral(generator=constant(1e-8)), twin="ring"),
    "ring-still-discriminator": Kind(
        ("discriminator-idle",), "gan", "ring", spectral(discriminator=constant(1e-8)), twin="ring"
    ),
    "ring-unbounded": Kind(("divergence",), "gan-textbook", "ring", {**GAN, **SIMULTANEOUS, "lr": 1e-3}, twin="ring"),
    "ring-circling": Kind(("rotation",), "gan", "ring", {**GAN, **SIMULTANEOUS, **SGD}, twin="ring"),
    "few-overfit": Kind(
        ("discriminator-overfits",),
        "gan-textbook",
        "few images",
        {**IMAGES, "lr": 2e-3, "steps": 800, "watch_every": 40},
    ),
    "few-copies": Kind(
        ("memorization",),
        "vae-mlp",
        "fewer images",
        {**IMAGES, "width": 200, "beta": 0.1, "prior": "vamp", "components": 54, "batch": 32, "lr": 2e-3, "steps": 800},
    ),
    "grid-beta": Kind(AUTO, "vae", "grid", {**POINTS, "beta": 50.0}, twin="grid-vae"),
    "fashion-beta": Kind(AUTO, "vae-mlp", "fashion-mnist", {**IMAGES, "width": 64, "beta": 50.0}, twin="fashion-vae"),
    "sines-beta": Kind(AUTO, "rvae", "sines", {**SERIES, "beta": 50.0}, twin="sines"),
    "sines-no-codes": Kind(AUTO, "rvae-fast", "sines", SERIES, decoder_without_codes),
    "sines-shuffled": Kind(("decoder-ignores-time",), "rvae", "sines", SERIES, shuffled_time),
}
HEALTHY: dict[str, Kind] = {
    "ring": Kind((), "gan", "ring", spectral()),
    "grid": Kind((), "gan", "grid", spectral()),
    "ring-default": Kind((), "gan", "ring", DEFAULT),
    "grid-default": Kind((), "gan", "grid", DEFAULT),
    "ring-r3": Kind((), "gan-r3", "ring", GAN),
    "grid-r3": Kind((), "gan-r3", "grid", GAN),
    "ring-vae": Kind((), "vae", "ring", POINTS),
    "many": Kind((), "gan", "many points", {**spectral(), "batch": 256}),
    "fashion": Kind((), "gan", "fashion-mnist", IMAGES),
    "grid-vae": Kind((), "vae", "grid", POINTS),
    "fashion-vae": Kind((), "vae-mlp", "fashion-mnist", {**IMAGES, "width": 64}),
    "sines": Kind((), "rvae", "sines", SERIES),
    "ring-full": Kind((), "gan", "ring", long=True),
    "grid-full": Kind((), "gan", "grid", long=True),
    "fashion-full": Kind((), "gan", "fashion-mnist", long=True),
}
KINDS = FAILING | HEALTHY


def train(name: str, seed: int, folder: Path, **options: Any) -> Run:
    """Train one run of a kind; one that ends in numbers that are none is a run too."""
    kind = KINDS[name]
    settings = {"sample_every": 10**9, "checkpoint_every": 10**9, **kind.settings, **options}
    data = kind.data
    if data in FILES:
        path = folder / f"{data.replace(' ', '-')}.npy"
        np.save(path, FILES[data](seed))
        data = str(path)
    with kind.plant():
        try:
            return poise.train(kind.recipe, data, out=folder / "run", seed=seed, progress=False, **settings)
        except NonFinite:
            return Run(folder / "run")


def record(name: str, seed: int, cure: bool = False) -> dict[str, Any]:
    """Train one run and return its signals and cures."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(name, seed, Path(folder), cure=cure)
        signals = [line for line in run.metrics() if "health.step" in line]
        cures = [entry["name"] for entry in run.cures]
        found = covered(run, KINDS[name].data)
    return {"kind": name, "seed": seed, "cure": cure, "signals": signals, "cures": cures, **found}


def covered(run: Run, data: str) -> dict[str, float]:
    """Return the share of the modes of ring or grid that 2,500 samples cover, of the weights as they are trained."""
    if data not in TOYS:
        return {}
    centers, sigma = TOYS[data]()
    try:
        samples = torch.from_numpy(run.sample(2_500, averaged=False))  # as the watch sees them
    except PoiseError:  # it ended before its first checkpoint
        return {"modes": 0.0}
    return {"modes": modes(samples, torch.from_numpy(centers), sigma)["modes"] / len(centers)}


def judge(signals: list[dict[str, float]]) -> dict[str, int]:
    """Return the step of each failure or warning, the first time that the watch would have raised it."""
    found: dict[str, int] = {}
    for end in range(1, len(signals) + 1):
        for finding in findings(History(signals[:end])):
            if finding.level != "note":
                found.setdefault(finding.code, finding.step)
    return found


def score(signals: list[dict[str, float]]) -> float:
    """Return what a cure should restore: coverage of the data, or what codes tell, over the last three looks."""
    name = next(name for name in ("separation", "information", "kl") if f"health.{name}" in signals[-1])
    name = "overlap" if name == "separation" else name
    return float(np.mean([line[f"health.{name}"] for line in signals[-3:]]))


def report(records: list[dict[str, Any]]) -> None:
    """Print how many failures were found with the right code, how late, and how often there was none."""
    plain = [record for record in records if not record["cure"]]
    print(f"{'kind':<26}{'runs':>5}{'right':>7}{'delay':>8}{'looks':>7}  also raised")
    for odd in (False, True):
        print("odd seeds" if odd else "even seeds, on which thresholds were fitted")
        right, failing, alarms, healthy, late = 0, 0, 0, 0, list[float]()
        for name, kind in KINDS.items():
            runs = [judge(r["signals"]) for r in plain if r["kind"] == name and r["seed"] % 2 == odd]
            if not runs:
                continue
            hits = [min(run[code] for code in kind.codes if code in run) for run in runs if set(kind.codes) & set(run)]
            every = kind.settings.get("watch_every", 100)
            also = sorted({code for run in runs for code in run} - set(kind.codes))
            good = len(hits) if kind.codes else sum(not run for run in runs)
            delay = (
                f"{statistics.median(hits):>8.0f}{statistics.median(hits) / every:>7.0f}"
                if hits
                else f"{'-':>8}{'-':>7}"
            )
            print(f"{name:<26}{len(runs):>5}{good:>7}{delay}  {' '.join(also)}")
            late += [hit / every for hit in hits]
            right, failing = right + len(hits), failing + len(runs) * bool(kind.codes)
            alarms, healthy = alarms + (len(runs) - good) * (not kind.codes), healthy + len(runs) * (not kind.codes)
        if failing and healthy:
            print(
                f"found {right} of {failing} ({right / failing:.1%}), false alarms {alarms} of {healthy} "
                f"({alarms / healthy:.1%}), median delay {statistics.median(late):.0f} looks\n"
            )
    report_cures(records)


def report_cures(records: list[dict[str, Any]]) -> None:
    """Print how many cured runs came to 95 % of the modes, and of what their healthy twins score."""
    cured = [record for record in records if record["cure"]]
    good, whole = 0, 0
    for name in dict.fromkeys(record["kind"] for record in cured):
        twins = [score(r["signals"]) for r in records if r["kind"] == KINDS[name].twin and not r["cure"]]
        if not twins:
            continue
        runs = [record for record in cured if record["kind"] == name]
        share = [score(run["signals"]) / statistics.median(twins) for run in runs]
        near = [value >= 0.95 for value in share]
        healed = [run.get("modes", value) >= 0.95 for run, value in zip(runs, share, strict=True)]
        good, whole = good + sum(healed), whole + sum(near)
        print(
            f"cured {name:<26}{sum(healed)} of {len(runs)}; {sum(near)} to .95 of the twin's score, "
            f"{statistics.median(share):.2f} of it in the middle; {runs[0]['cures']}"
        )
    if cured:
        print(
            f"{good} of {len(cured)} ({good / len(cured):.0%}) have 95 % of the modes, or of the twin's score "
            f"where no modes can be counted; {whole} ({whole / len(cured):.0%}) have 95 % of the twin's score"
        )


Job = tuple[str, int, bool]  # kind, seed, whether to cure


def recorded(jobs: list[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Train runs side by side, in a process of one thread each, and give each as it ends."""
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        for done in as_completed([pool.submit(record, *job) for job in jobs]):
            yield done.result()


def main() -> None:
    """Train what is missing, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--short", action="store_true", help="leave out defaults in their full length")
    parser.add_argument("--cure", action="store_true", help="train with --cure those failing kinds that have a twin")
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--workers", type=int, default=1, help="runs side by side, one thread each")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results/health.jsonl"), help="signals, a run a line"
    )
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    lines = args.out.read_text().splitlines(keepends=True) if args.out.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    if lines and not lines[-1].endswith("\n"):  # cut short by a kill
        args.out.write_text("".join(lines[:-1]))
    there = {(record["kind"], record["seed"], record["cure"]) for record in records}
    every = [(name, seed, args.cure) for seed in args.seeds for name in args.kinds]
    jobs = [
        job
        for job in every
        if job not in there
        and not (args.cure and not KINDS[job[0]].twin)
        and not (args.short and KINDS[job[0]].long)
        and not args.report
    ]
    for number, new in enumerate(recorded(jobs, args.workers) if jobs else (), 1):
        records.append(new)
        with args.out.open("a") as file:
            file.write(json.dumps(new) + "\n")
        found = judge(new["signals"])
        print(f"{number}/{len(jobs)}  seed {new['seed']}  {new['kind']:<26}{found}", flush=True)
    report(records)


if __name__ == "__main__":
    main()
