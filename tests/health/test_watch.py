"""The watch on real runs: it changes nothing, forgets nothing, and sees what was planted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

import poise
from planted import constant_noise
from poise import checkpoint
from poise.errors import NonFinite, PoiseError
from poise.game import Loss
from poise.loop import fit
from poise.run import Run
from poise.training import Training

NEVER = 10**9
QUICK: dict[str, Any] = {"sample_every": NEVER, "progress": False}
TOY: dict[str, Any] = {**QUICK, "width": 16, "batch": 32, "watch_every": 5}
IDLE: dict[str, Any] = {**TOY, "steps": 40, "generator": {"lr": 1e-9, "lr_end": None}}


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Let training end at a step as a power cut would: nothing is saved."""

    def cut(training: Training, *given: Any, **options: Any) -> None:
        def die(training: Training, losses: Mapping[str, Loss]) -> None:
            if training.step == step:
                raise KeyboardInterrupt

        fit(training, *given, **{**options, "every": [*options["every"], die]})

    with mock.patch("poise.loop.fit", cut), pytest.raises(KeyboardInterrupt):
        yield


def tensors(run: Run) -> dict[str, bytes]:
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    return {file.name: file.read_bytes() for file in path.glob("*.safetensors")}


def written(run: Run) -> tuple[list[Any], list[Any]]:
    metrics = [{name: value for name, value in line.items() if name != "seconds"} for line in run.metrics()]
    return metrics, [finding.to_json() for finding in run.findings()]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("recipe", ["gan", "gan-textbook", "vae", "vamp", "rvae"])
def test_training_is_the_same_with_and_without_the_watch(recipe: str, images: Path, tmp_path: Path) -> None:
    series = tmp_path / "series.npy"
    np.save(series, np.random.default_rng(0).normal(size=(80, 12, 2)))
    data = series if recipe == "rvae" else images
    options = {**QUICK, "steps": 5, "width": 4, "latent": 4, "batch": 8}
    seen = poise.train(recipe, data, out=tmp_path / "seen", watch_every=2, **options)
    blind = poise.train(recipe, data, out=tmp_path / "blind", watch_every=NEVER, **options)
    assert tensors(seen) == tensors(blind)
    signals = [line for line in seen.metrics() if "health.step" in line]
    assert [line["step"] for line in signals] == [2, 4]
    assert all(np.isfinite(value) for line in signals for value in line.values())
    assert not any("health.step" in line for line in blind.metrics())


def test_the_watch_leaves_the_global_randomness_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    poise.train("gan", "ring", steps=10, out=tmp_path / "run", **TOY)
    assert torch.equal(before, torch.get_rng_state())


def test_findings_survive_a_kill_as_if_it_had_not_been(tmp_path: Path) -> None:
    options = {**IDLE, "checkpoint_every": 15}
    whole = poise.train("gan", "ring", out=tmp_path / "whole", **options)
    assert [finding.code for finding in whole.findings()] == ["generator-idle"]
    for step in (22, 38):
        with killed_at(step):
            poise.train("gan", "ring", out=tmp_path / f"cut-{step}", **options)
        path = tmp_path / f"cut-{step}" / "findings.jsonl"
        if path.exists():
            path.write_bytes(path.read_bytes() + b'{"code": "generator-id')
        again = poise.train("gan", "ring", out=tmp_path / f"cut-{step}", **options)
        expected = [{**f, "advice": ""} for f in written(whole)[1]]
        assert written(again)[0] == written(whole)[0]
        assert [{**f, "advice": ""} for f in written(again)[1]] == expected
        assert tensors(again) == tensors(whole)


def test_planted_failures_are_found_while_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {**IDLE, "progress": True}
    idle = poise.train("gan", "ring", out=tmp_path / "idle", **shown)
    with constant_noise():
        collapsed = poise.train("gan", "ring", out=tmp_path / "collapsed", steps=60, **TOY)
    ignored = poise.train("vae", "ring", out=tmp_path / "ignored", steps=300, beta=50.0, warm_up=0.0, **TOY)
    found = {run.path.name: {finding.code for finding in run.findings()} for run in (idle, collapsed, ignored)}
    assert "generator-idle" in found["idle"]
    assert "mode-collapse" in found["collapsed"]
    assert "posterior-collapse" in found["ignored"]
    said = capsys.readouterr().err
    assert "failure: generator-idle at step 25: between looks" in said
    assert said.rstrip().endswith("generator-idle"), "the last progress line ends with the verdict"


def test_a_run_that_ends_in_no_number_has_a_finding(tmp_path: Path) -> None:
    with pytest.raises(NonFinite):
        poise.train("gan-wgan-gp", "ring", out=tmp_path / "run", steps=50, generator={"lr": 1e30}, **TOY)
    (found,) = [finding for finding in Run(tmp_path / "run").findings() if not finding.evidence.get("finite", 1)]
    assert (found.code, found.level) == ("divergence", "failure")
    assert poise.diagnose(tmp_path / "run").failed


def test_signals_of_a_set_without_held_out_samples_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "few.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8))
    run = poise.train("gan", path, out=tmp_path / "run", **{**TOY, "steps": 5, "batch": 4, "width": 4})
    (signals,) = [line for line in run.metrics() if "health.step" in line]
    assert "health.separation" in signals
    assert "health.r_v" not in signals


def test_watch_every_is_checked(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="--watch-every is 0; give a number above 0"):
        poise.train("gan", "ring", out=tmp_path / "run", **{**TOY, "watch_every": 0})
