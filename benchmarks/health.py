"""Does Poise notice that a run goes wrong, name the cause, and mend it? Planted failures beside healthy twins.

Every run is short and seeded. Its signals are kept in a file of JSON lines, one a run, so that the benchmark goes
on where it was stopped, and so that checks whose thresholds have changed are judged again without training anything
again: a check is a function of the signals alone. Thresholds are fitted on even seeds; what is reported is of odd
ones.

    python benchmarks/health.py --seeds 0 1 2 3           # train what is not there yet, then report
    python benchmarks/health.py --report                  # judge what is there
    python benchmarks/health.py --cure --kinds ring-hot --seeds 1 3
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import poise
from poise.data import load
from poise.data.batches import Batches
from poise.data.toys import ring
from poise.errors import NonFinite
from poise.health import History, findings
from poise.models.gan import Gan
from poise.models.rvae.parts import Head
from poise.run import Run

Plant = Callable[[], AbstractContextManager[object]]

# Data that are made for a run, by its seed.
FILES: Mapping[str, Callable[[int], np.ndarray]] = {
    "few points": lambda seed: ring(64, seed=seed)[0],
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
        plant: makes the context in which the failure happens.
    """

    codes: tuple[str, ...]
    recipe: str
    data: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    plant: Plant = nullcontext


@contextmanager
def constant_noise() -> Iterator[None]:
    """Let a generator get the same noise for the whole batch."""
    noise = Gan._noise
    with mock.patch.object(Gan, "_noise", lambda game, n, rng: noise(game, 1, rng).expand(n, -1)):
        yield


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
    """Let a recurrent decoder see nothing of its latents."""
    forward = Head.forward
    with mock.patch.object(Head, "forward", lambda head, known, z: forward(head, known, torch.zeros_like(z))):
        yield


GAN = {"steps": 1_000, "batch": 64, "watch_every": 50}
SERIES = {"steps": 500, "width": 32, "latent": 8, "watch_every": 25}
IMAGES = {"width": 8, "steps": 400, "watch_every": 20, "precision": "float32"}
COLLAPSE, AUTO = ("mode-collapse",), ("posterior-collapse",)
FAILING: dict[str, Kind] = {
    "ring-constant": Kind(COLLAPSE, "gan", "ring", GAN, constant_noise),
    "grid-constant": Kind(COLLAPSE, "gan", "grid", GAN, constant_noise),
    "grid-bare": Kind(
        (*COLLAPSE, "rotation", "divergence"),
        "gan-textbook",
        "grid",
        {**GAN, "lr": 1e-2},
    ),
    "fashion-one-number": Kind(COLLAPSE, "gan-textbook", "fashion-mnist", {**IMAGES, "latent": 1}),
    "ring-fifty": Kind(
        ("discriminator-overpowers",),
        "gan-textbook",
        "ring",
        {"loss": "minimax", "discriminator_steps": 50, "steps": 160, "watch_every": 10, "batch": 64},
    ),
    "ring-hot": Kind(("divergence", *COLLAPSE, "rotation"), "gan-r3", "ring", {**GAN, "lr": 9e-2}),
    "ring-still-generator": Kind(
        ("generator-idle",), "gan", "ring", {**GAN, "generator": {"lr": 1e-8, "lr_end": None}}
    ),
    "ring-still-discriminator": Kind(
        ("discriminator-idle",), "gan", "ring", {**GAN, "discriminator": {"lr": 1e-8, "lr_end": None}}
    ),
    "ring-unbounded": Kind(
        ("divergence",), "gan-textbook", "ring", {**GAN, "loss": "wasserstein", "rule": "simultaneous", "lr": 1e-3}
    ),
    "ring-circling": Kind(
        ("rotation",),
        "gan",
        "ring",
        {**GAN, "loss": "wasserstein", "rule": "simultaneous", "optimizer": "sgd", "lr": 0.05},
    ),
    "few-overfit": Kind(
        ("discriminator-overfits",),
        "gan-textbook",
        "few images",
        {**IMAGES, "lr": 2e-3, "steps": 800, "watch_every": 40},
    ),
    "few-copies": Kind(
        ("memorization",),
        "vae",
        "few points",
        {"beta": 1e-3, "batch": 48, "prior": "vamp", "components": 57, "steps": 2_000},
    ),
    "grid-beta": Kind(AUTO, "vae", "grid", {**GAN, "beta": 50.0}),
    "fashion-beta": Kind(AUTO, "vae-mlp", "fashion-mnist", {**IMAGES, "width": 64, "beta": 50.0}),
    "sines-beta": Kind(AUTO, "rvae", "sines", {**SERIES, "beta": 50.0}),
    "sines-no-codes": Kind(AUTO, "rvae", "sines", SERIES, decoder_without_codes),
    "sines-shuffled": Kind(("decoder-ignores-time",), "rvae", "sines", SERIES, shuffled_time),
}
HEALTHY: dict[str, Kind] = {
    "ring": Kind((), "gan", "ring", GAN),
    "grid": Kind((), "gan", "grid", GAN),
    "ring-r3": Kind((), "gan-r3", "ring", GAN),
    "ring-wgan-gp": Kind((), "gan-wgan-gp", "ring", {**GAN, "gamma": 1.0}),
    "many": Kind((), "gan", "many points", {"steps": 1_000, "watch_every": 50}),
    "fashion": Kind((), "gan", "fashion-mnist", IMAGES),
    "grid-vae": Kind((), "vae", "grid", GAN),
    "fashion-vae": Kind((), "vae-mlp", "fashion-mnist", {**IMAGES, "width": 64}),
    "sines": Kind((), "rvae", "sines", SERIES),
}
KINDS = FAILING | HEALTHY


def train(name: str, seed: int, folder: Path, **options: Any) -> Run:
    """Train one run of a kind; one that ends in numbers that are none is a run too."""
    kind = KINDS[name]
    settings = {"sample_every": 10**9, "checkpoint_every": 10**9, "evaluate_every": 10**9, **kind.settings, **options}
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


def record(name: str, seed: int) -> dict[str, Any]:
    """Train one run and return its signals."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(name, seed, Path(folder))
        signals = [line for line in run.metrics() if "health.step" in line]
        raised = [finding.to_json() for finding in run.findings()]
    return {"kind": name, "seed": seed, "signals": signals, "raised": raised}


def judge(signals: list[dict[str, float]]) -> list[tuple[str, str, int]]:
    """Return code, level and step of each finding, the first time that it is raised, as the watch would have."""
    found: dict[str, tuple[str, str, int]] = {}
    for end in range(1, len(signals) + 1):
        for finding in findings(History(signals[:end])):
            found.setdefault(finding.code, (finding.code, finding.level, finding.step))
    return list(found.values())
