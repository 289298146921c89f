"""Recurrent VAEs trained into a folder: carried states, going on bit for bit, the best checkpoint, bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import poise
from poise import checkpoint
from poise.build import resolve
from poise.config import override
from poise.data import load
from poise.data.chunks import Chunks
from poise.data.options import SeriesOptions
from poise.errors import PoiseError
from poise.recipes import from_recipe
from poise.run import Run

SMALL: dict[str, Any] = {"width": 8, "latent": 2, "batch": 4, "log_every": 1, "progress": False, "evaluate_every": 3}
ROUTES: list[dict[str, Any]] = [
    {"carry": True, "window": 10},
    {"scheduled": 0.5, "schedule": "cyclical"},
    {"variant": "fast", "warm_up": 0.5, "free_bits": 0.1, "rule": "extragradient"},
    {"rule": "consensus", "window": 10},
    {"variant": "vrnn", "likelihood": "student-t", "carry": True, "window": 10, "rule": "lookahead", "lookahead_k": 2},
]


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A long series of two features, one of them with gaps."""
    path = tmp_path / "walk.csv"
    values = np.random.default_rng(0).normal(size=(400, 2)).cumsum(0)
    lines = [f"{a:.4f},{'' if i % 17 == 0 else f'{b:.4f}'}" for i, (a, b) in enumerate(values)]
    path.write_text("\n".join(["heat,load", *lines]) + "\n")
    return path


def weights(run: Run) -> dict[str, np.ndarray]:
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    return {f"{file.stem}.{k}": v for file in path.glob("*.safetensors") for k, v in load_file(file).items()}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: "-".join(map(str, route.values())))
def test_a_run_that_was_stopped_goes_on_bit_for_bit(route: dict[str, Any], walk: Path, tmp_path: Path) -> None:
    settings = {**SMALL, **route}
    whole = poise.train("rvae", walk, steps=7, out=tmp_path / "whole", **settings)
    poise.train("rvae", walk, steps=7, out=tmp_path / "parts", **settings | {"checkpoint_every": 4})
    run = Run(tmp_path / "parts")
    newest, _ = checkpoint.latest(run.checkpoints)
    assert newest is not None
    assert newest.name == "step-0000007"
    (newest / "weights.safetensors").write_bytes(b"damaged by a crash")  # so that it goes on from step 4
    parts = poise.train("rvae", walk, steps=7, out=tmp_path / "parts", **settings | {"checkpoint_every": 4})
    first, second = weights(whole), weights(parts)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    plain = [{k: v for k, v in line.items() if k != "seconds"} for line in whole.metrics()]
    assert plain == [{k: v for k, v in line.items() if k != "seconds"} for line in parts.metrics()]


@pytest.mark.usefixtures("undrawn")
def test_the_best_checkpoint_is_kept_and_sampled_from(walk: Path, tmp_path: Path) -> None:
    run = poise.train("rvae", walk, steps=12, lr=0.05, out=tmp_path / "run", **SMALL)  # soon gets worse
    scores = {line["step"]: line["valid.bound"] for line in run.metrics() if "valid.bound" in line}
    assert sorted(scores) == [3, 6, 9, 12]
    best = max(scores, key=lambda step: scores[step])
    found, _ = checkpoint.latest(run.best)
    assert found is not None
    assert found.name == f"step-{best:07d}"
    kept = load_file(found / "average.safetensors")
    game = run.game().state_dict()
    assert all(np.array_equal(game[name].numpy(), value) for name, value in kept.items())
    last = run.game(averaged=False).state_dict()
    assert best == 12 or any(not np.array_equal(last[name].numpy(), value) for name, value in kept.items())


def test_chunks_go_on_where_the_batch_before_ended(walk: Path) -> None:
    dataset = load(walk, series=SeriesOptions(window=10)).standardized()
    chunks = Chunks(dataset, batch=3, seed=0)
    before = chunks[0]
    values = dataset.train[:]  # every offset of the training part: piece i begins at step i
    line = np.concatenate([values[:, 0], values[-1, 1:]])
    assert not before.goes_on.any()
    for index in range(1, 6):
        now = chunks[index]
        for old, new, goes_on in zip(before.x.numpy(), now.x.numpy(), now.goes_on.tolist(), strict=True):
            if goes_on:
                joined = np.concatenate([old, new])
                starts = [i for i in range(len(line) - 19) if np.array_equal(line[i : i + 20], joined, equal_nan=True)]
                assert len(starts) == 1
        before = now
    again = Chunks(dataset, batch=3, seed=0)[5]
    assert np.array_equal(again.x, before.x, equal_nan=True)


def test_chunks_cover_an_epoch_without_overlap(walk: Path) -> None:
    dataset = load(walk, series=SeriesOptions(window=10)).standardized()
    chunks = Chunks(dataset, batch=3, seed=1)
    first = [chunks[i].x[:, :, 0].numpy() for i in range(chunks._per_epoch)]
    seen = np.concatenate([rows.reshape(-1) for rows in first])
    assert len(np.unique(seen)) == len(seen)
    assert not np.array_equal(first[0], chunks[chunks._per_epoch].x[:, :, 0])  # other cuts in the next epoch


def test_pieces_of_unequal_lengths_train(tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).integers(3, 12, 40)
    bits = (np.random.default_rng(1).random((40, 12, 3)) < 0.3).astype(np.uint8)
    np.savez(tmp_path / "rolls.npz", x=bits, lengths=lengths)
    run = poise.train("rvae", tmp_path / "rolls.npz", likelihood="bernoulli", steps=3, out=tmp_path / "run", **SMALL)
    samples = run.sample(5)
    assert samples.shape == (5, int(lengths.max()), 3)
    assert set(np.unique(samples)) <= {0.0, 1.0}


def test_samples_come_in_the_datas_own_units(walk: Path, tmp_path: Path) -> None:
    run = poise.train("rvae", walk, steps=2, out=tmp_path / "run", **SMALL)
    assert run.scaling is not None
    inside = (run.sample(200)[:, 0].mean(0) - run.scaling.center) / run.scaling.scale
    assert np.abs(inside).max() < 0.5


def test_whole_numbers_are_not_standardized(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).poisson(4, (300, 2)).astype(float)
    np.save(tmp_path / "visits.npy", rows)
    wish = override(from_recipe("rvae", str(tmp_path / "visits.npy")), {"likelihood": "counts", **_model_only(SMALL)})
    _, dataset = resolve(wish)
    assert dataset.scaling is not None
    assert dataset.scaling.scale.tolist() == [1.0, 1.0]
    assert dataset.scaling.center.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"likelihood": "bernoulli"}, "needs values of 0 or 1, but feature 'heat' holds"),
        ({"window": 1}, "--window 1 is too short"),
        ({"window": 5_000}, "--window 5000 is longer than every series"),
        ({"likelihood_of": ("lod=counts",)}, "no feature 'lod'; did you mean load"),
        ({"optimizer": "gradient-descent", "carry": True}, "--carry deals pieces in order"),
        ({"carry": True, "batch": 400}, "too few pieces of"),
        ({"series_id": "machine"}, "machine"),
        ({"time": "hat"}, "hat"),
    ],
)
def test_mistakes_are_told_in_one_line(changes: dict[str, Any], said: str, walk: Path, tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match=said) as told:
        poise.train("rvae", walk, steps=1, out=tmp_path / "run", **{**SMALL, **changes})
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()


def test_models_and_data_that_do_not_fit_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="only recurrent VAEs take"):
        poise.train("vae", "sines", steps=1, out=tmp_path / "run", progress=False)
    with pytest.raises(PoiseError, match="a series is"):
        poise.train("rvae", "ring", steps=1, out=tmp_path / "run", progress=False)
    with pytest.raises(PoiseError, match="--window is for series"):
        poise.train("vae", "ring", steps=1, window=3, out=tmp_path / "run", progress=False)
    with pytest.raises(PoiseError, match="--carry is for series"):
        poise.train("vae", "ring", steps=1, carry=True, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def _model_only(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "progress"}
