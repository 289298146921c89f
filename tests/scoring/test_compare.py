"""Scores beside floors: whole tables on points and images, their cache, their errors."""

import json
import math
import re
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import poise
from poise import checkpoint, scoring
from poise.cli import main
from poise.data import load
from poise.data.windows import Windows
from poise.errors import PoiseError
from poise.scoring import Score, Sets
from poise.scoring.table import METRICS


def ring_sets(fake: np.ndarray, n: int = 300) -> Sets:
    ring = load("ring")
    return Sets("points", "ring", ring.test[:n], fake, ring.train[:n])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def by_name(scores: list[Score]) -> dict[str, Score]:
    return {score.name: score for score in scores}


def test_real_points_score_like_the_floor() -> None:
    found = by_name(scoring.compare(ring_sets(load("ring").train[1000:1300])))
    for name in ("precision", "recall", "coverage", "high quality"):
        assert found[name].value == pytest.approx(found[name].floor, abs=0.12)
        assert found[name].low <= found[name].value <= found[name].high
    assert found["modes"].value == 8
    assert found["modes KL"].value < 0.05
    assert found["KID-points"].low <= 0 <= found["KID-points"].high
    assert found["FD-points ∞"].value == pytest.approx(0, abs=0.02)


def test_missing_modes_and_noise_are_seen() -> None:
    ring = np.asarray(load("ring").train[:])
    half = ring[ring[:, 0] > 0.1][:300]
    missing, noisy = (by_name(scoring.compare(ring_sets(x))) for x in (half, ring[:300] + np.float32(0.3)))
    assert missing["modes"].value == 3
    assert missing["recall"].high < missing["recall"].floor
    assert missing["precision"].value > 0.9
    assert noisy["precision"].value < 0.1
    assert noisy["high quality"].value < 0.1
    assert missing["NDB"].value > missing["NDB"].floor


def test_copies_are_seen() -> None:
    sets = ring_sets(load("ring").train[:300])  # the training points themselves
    found = by_name(scoring.compare(sets))
    assert found["copied"].value == 1
    assert found["copied"].floor < 0.2
    assert found["authentic"].value == 0
    assert found["copying C_T"].value < -5


def test_scores_repeat_and_floors_come_from_disk(own_cache: Path) -> None:
    first = scoring.compare(ring_sets(load("ring").train[500:800]), seed=3)
    assert list((own_cache / "floors").glob("*.json"))
    again = scoring.compare(ring_sets(load("ring").train[500:800]), seed=3)
    assert [s.cells() for s in first] == [s.cells() for s in again]
    for file in (own_cache / "floors").glob("*.json"):
        file.write_text("{half")  # damaged: found anew
    once_more = scoring.compare(ring_sets(load("ring").train[500:800]), seed=3)
    assert [s.cells() for s in first] == [s.cells() for s in once_more]


def test_every_metric_of_the_table_is_taken_somewhere() -> None:
    rng, kinds = np.random.default_rng(0), set()
    garments = load("fashion-mnist")
    series = [rng.normal(size=(60, 12, 2)).cumsum(1).astype(np.float32) for _ in range(3)]
    some = [
        ring_sets(load("ring").train[:300]),
        Sets("images", "fashion-mnist", garments.test[:210], garments.train[-210:], garments.train[:210]),
        Sets("series", "walks", *series),
    ]
    for sets in some:
        scores = scoring.compare(sets, "pixels" if sets.kind == "images" else None)
        kinds |= {score.name for score in scores}
        assert all(math.isfinite(score.value) or score.name == "support" for score in scores)
    left_out = {"stacked"}  # takes a classifier: tests/metrics/test_stacked.py
    endings = [{"distance": f"FD-{by}", "judge": f"-{by}"} for by in ("pixels", "points", "random-convolution")]
    for name, metric in METRICS.items():
        for entry in metric.entries:
            assert name in left_out or kinds & {entry.name.format(**ending) for ending in endings}


def test_a_run_remembers_its_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = poise.train("gan", "ring", steps=20, out=tmp_path / "ring", progress=False)
    assert main(["evaluate", str(run.path), "--samples", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (remembered,) = run.evaluations()
    assert remembered["scores"] == found["scores"]
    assert remembered["step"] == 20
    assert main(["evaluate", str(run.path), "--samples", "200"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "200 samples beside 200 held-out ones, as points sees them"
    heading = lines[1]
    assert [word for word in heading.split() if word != "%"] == ["score", "model", "95", "real"]
    assert sum(bool(re.match(r"recall +↑ ", line)) for line in lines) == 1


def test_two_sets_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=(400, 2)).astype(np.float32))
    np.save(tmp_path / "b.npy", 3 + rng.normal(size=(200, 2)).astype(np.float32))
    assert main(["evaluate", "--real", str(tmp_path / "a.npy"), "--fake", str(tmp_path / "b.npy"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["FD-points"]["value"] == pytest.approx(18, rel=0.25)  # both columns are 3 deviations off
    assert scores["FD-points"]["floor"] < 0.1


def test_too_few_samples_are_one_line() -> None:
    with pytest.raises(PoiseError, match="scores need at least 10 samples of each kind, and there are 5 held-out, 300"):
        scoring.compare(
            Sets("points", "ring", load("ring").test[:5], load("ring").train[:300], load("ring").train[:300])
        )


@pytest.mark.parametrize("value", [0, 77])
def test_samples_that_are_all_alike_still_get_every_score_there_is(value: int) -> None:
    garments = load("fashion-mnist")
    alike = np.full((220, 28, 28, 1), value, np.uint8)
    found = by_name(
        scoring.compare(Sets("images", "garments", garments.test[:220], alike, garments.train[:220]), "pixels")
    )
    assert found["recall"].value == 0
    assert found["FD-pixels"].value > 5 * found["FD-pixels"].floor
    if value == 0:  # black pixels have no direction
        assert math.isnan(found["Vendi"].value)
        assert found["Vendi"].about.startswith("not taken: ")
        assert found["Vendi"].cells()[2] == "–"
    else:
        assert found["Vendi"].value == pytest.approx(1)
    assert found["support"].value == pytest.approx(1, abs=0.01)


def test_samples_get_the_lengths_and_gaps_of_the_series_beside_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(80, 12, 2)).cumsum(1), rng.integers(6, 13, 80)
    np.savez(tmp_path / "walks.npz", train=x[:50], train_lengths=lengths[:50], test=x[50:], test_lengths=lengths[50:])
    run = poise.train("rvae", tmp_path / "walks.npz", steps=5, width=8, latent=2, out=tmp_path / "run", progress=False)
    with mock.patch.object(scoring, "compare", side_effect=scoring.compare) as seen:
        poise.evaluate(run, samples=30, draws=2, limit=10)
    sets = seen.call_args.args[0]
    assert np.array_equal(np.isnan(sets.fake), np.isnan(sets.real))
    assert np.isnan(sets.fake).any()


def test_series_without_a_run_are_parted_in_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{name}.npy" for name in "ab"]
    for path, scale in zip(paths, (1.0, 3.0), strict=True):
        np.save(path, scale * rng.normal(size=(400, 12, 2)))
    with mock.patch.object(scoring, "compare", side_effect=scoring.compare) as seen:
        found = poise.evaluate_sets(*paths, series=True, samples=40)
    assert isinstance(seen.call_args.args[0].real, Windows)
    assert found["values"] > 1


def test_what_is_remembered_names_the_weights_that_were_scored(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"evaluate_every": 10, "score": "precision", "batch": 32, "width": 8}
    run = poise.train("gan", "ring", steps=30, out=tmp_path / "run", progress=False, **settings)
    for averaged in (True, False):
        poise.evaluate(run, samples=50, averaged=averaged)
    best, _ = checkpoint.latest(run.best)
    assert best is not None
    assert [line["step"] for line in run.evaluations()] == [int(best.name.removeprefix("step-")), 30]


def test_a_run_with_nothing_held_out_is_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.zeros((20, 28, 28), np.uint8))
    run = poise.train("gan", tmp_path / "few.npy", steps=2, width=4, batch=8, out=tmp_path / "run", progress=False)
    with pytest.raises(PoiseError, match="scores need at least 10 samples of each kind, and there are 2 held-out"):
        poise.evaluate(run)
