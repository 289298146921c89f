"""Scores while training, and the best checkpoint by a named one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poise
from poise import checkpoint
from poise.data import load
from poise.errors import PoiseError

POINTS: dict[str, Any] = {"width": 16, "batch": 32, "progress": False, "checkpoint_every": 10}


def best_step(run: poise.Run) -> int:
    path, _ = checkpoint.latest(run.best)
    assert path is not None
    return int(path.name.removeprefix("step-"))


@pytest.mark.parametrize("score", [None, "frechet", "recall"])
def test_the_best_checkpoint_of_a_gan_is_kept(tmp_path: Path, score: str | None) -> None:
    run = poise.train("gan", "ring", steps=60, evaluate_every=20, score=score, out=tmp_path / "run", **POINTS)
    name = f"valid.{score or 'coverage'}"
    scores = {line["step"]: line[name] for line in run.metrics() if name in line}
    assert sorted(scores) == [20, 40, 60]
    best = min(scores.values()) if score == "frechet" else max(scores.values())
    assert scores[best_step(run)] == best


def test_the_bound_of_a_vae_is_logged_in_halves(tmp_path: Path) -> None:
    run = poise.train("vae", "ring", steps=40, evaluate_every=20, out=tmp_path / "run", **POINTS)
    lines = [line for line in run.metrics() if "valid.bound" in line]
    assert [line["step"] for line in lines] == [20, 40]
    for line in lines:
        assert line["valid.bound"] == pytest.approx(-line["valid.reconstruction"] - line["valid.kl"])


def test_nothing_is_scored_unless_asked_for(tmp_path: Path) -> None:
    run = poise.train("vae", "ring", steps=20, out=tmp_path / "run", **POINTS)
    assert not any("valid.bound" in line for line in run.metrics())
    assert not run.best.exists()


def test_scoring_does_not_change_training(tmp_path: Path) -> None:
    """A run that scores every 10 steps ends at the weights of one that scores once."""
    ends = []
    for every in (10, 1_000):
        run = poise.train("gan", "ring", steps=30, evaluate_every=every, out=tmp_path / str(every), **POINTS)
        path, _ = checkpoint.latest(run.checkpoints)
        assert path is not None
        ends.append(checkpoint.load(path).tensors["weights"])
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_rows_set_aside_are_not_trained_on_and_keep_their_place() -> None:
    ring = load("ring")
    split = ring.with_validation()
    assert split.valid is not None
    assert (len(split.train), len(split.valid)) == (48_000, 2_000)
    assert np.array_equal(split.in_source_order()[:], ring.in_source_order()[:])
    assert split.fingerprint == ring.fingerprint
    assert split.with_validation() is split


def test_a_run_cannot_begin_to_set_rows_aside_halfway(tmp_path: Path) -> None:
    poise.train("gan", "ring", steps=20, out=tmp_path / "run", **POINTS)
    with pytest.raises(PoiseError, match=r"evaluate_every None → 10"):
        poise.train("gan", "ring", steps=30, evaluate_every=10, out=tmp_path / "run", **POINTS)


def test_a_gan_has_no_bound(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="--score bound is of VAEs"):
        poise.train("gan", "ring", steps=20, score="bound", out=tmp_path / "run", **POINTS)


def test_too_few_rows_to_compare_samples_with_are_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.zeros((50, 28, 28), np.uint8))
    with pytest.raises(PoiseError, match=r"sets only 4 of the training samples of few\.npy aside, and 10 are needed"):
        poise.train(
            "gan",
            tmp_path / "few.npy",
            steps=2,
            width=4,
            batch=8,
            evaluate_every=1,
            out=tmp_path / "run",
            progress=False,
        )
