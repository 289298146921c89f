"""Cures: what helps is kept, what does not is undone, and a kill changes nothing."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import poise
from planted import constant_noise
from poise import checkpoint, curing
from poise.config import Config, GanConfig, RvaeConfig, VaeConfig, override
from poise.errors import NonFinite
from poise.health import CHECKS, Finding
from poise.health.cures import CURES, MOST, RESHAPING, next_cure
from poise.run import Run

from .test_watch import IDLE, TOY, killed_at, tensors, written

pytestmark = pytest.mark.usefixtures("undrawn")

SLOW: dict[str, Any] = {**TOY, "watch_every": 40, "log_every": 40, "checkpoint_every": 80, "steps": 320}
CURED: dict[str, Any] = {**IDLE, **SLOW, "cure": True}
CONFIGS = {
    "gan": Config("gan", "ring", GanConfig()),
    "penalized": Config("gan", "cats", GanConfig(penalties=("r1",), gamma_end=0.1), size=64),
    "vae": Config("vae", "ring", VaeConfig(beta=50.0)),
    "mixture": Config("vae", "ring", VaeConfig(prior="mixture")),
    "rvae": Config("rvae", "sines", RvaeConfig()),
}


@pytest.mark.parametrize("code", CURES)
@pytest.mark.parametrize("kind", CONFIGS)
def test_cures_come_in_order_each_once_and_change_something(kind: str, code: str) -> None:
    config, tried = CONFIGS[kind], list[str]()
    while (found := next_cure(code, config, tried)) is not None:
        name, change = found
        assert override(config, change) != config, name
        assert json.loads(json.dumps(change)), "config.json can remember it"
        tried.append(name)
    assert len(tried) <= MOST
    order = [cure.name for cure in CURES[code]]
    assert tried == [name for name in order if name in tried]


def test_cures_are_of_failures_that_there_are() -> None:
    assert set(CURES) <= set(CHECKS)


def test_a_cure_that_helps_is_kept(tmp_path: Path) -> None:
    run = poise.train("gan", "ring", out=tmp_path / "run", **CURED)
    (entry,) = run.cures
    assert (entry["name"], entry["code"], entry["found"], entry["start"]) == ("even rates", "generator-idle", 200, 0)
    assert run.asked.players["generator"].lr == 1e-9
    assert run.config.players["generator"].lr == run.asked.players["discriminator"].lr
    note = run.findings()[0]
    assert (note.code, note.level, note.step) == ("cure", "note", 0)
    assert "generator-idle at step 200: back to step 0 with" in note.sentence
    assert [line["step"] for line in run.metrics() if "generator.loss" in line] == list(range(40, 321, 40))
    assert "generator-idle" not in [finding.code for finding in poise.diagnose(run).standing]
    assert run.sample(3).shape == (3, 2)


def test_a_cured_run_is_the_run_with_that_setting_from_the_start(tmp_path: Path) -> None:
    cured = poise.train("gan", "ring", out=tmp_path / "cured", **CURED)
    plain = poise.train("gan", "ring", out=tmp_path / "plain", **{**SLOW, "generator": {"lr": 4e-3}})
    assert tensors(cured) == tensors(plain)


def test_a_kill_while_curing_changes_nothing(tmp_path: Path) -> None:
    whole = poise.train("gan", "ring", out=tmp_path / "whole", **CURED)
    for step in (240, 160):  # 160 is passed twice, and the first time nothing has been found yet
        with killed_at(step):
            poise.train("gan", "ring", out=tmp_path / f"cut-{step}", **CURED)
        again = poise.train("gan", "ring", out=tmp_path / f"cut-{step}", **CURED)
        assert tensors(again) == tensors(whole)
        assert written(again)[0] == written(whole)[0]
        assert again.cures == whole.cures


def test_cures_that_do_not_help_are_undone(tmp_path: Path) -> None:
    with constant_noise():
        run = poise.train("gan", "ring", out=tmp_path / "run", steps=40, cure=True, checkpoint_every=10, **TOY)
    assert [entry["name"] for entry in run.cures] == [
        "raise gamma",
        "relativistic pairs with R1 and R2",
        "packs of two",
        "minibatch deviation",
        "lower learning rates",
        "as asked",
    ]
    assert run.config == run.asked
    assert run.metrics()[-1]["step"] == 40
    assert poise.diagnose(run).verdict == "mode-collapse"
    assert sum(finding.code == "cure" for finding in run.findings()) == 6
    newest, _ = checkpoint.latest(run.checkpoints)
    assert newest is not None
    assert json.loads((newest / "state.json").read_text())["cures"] == 6
    with constant_noise():
        plain = poise.train("gan", "ring", out=tmp_path / "plain", steps=40, checkpoint_every=10, **TOY)
    assert tensors(run) == tensors(plain)


def test_it_goes_back_to_the_last_checkpoint_from_before_the_failure(tmp_path: Path) -> None:
    """The generator learns, then noise is taken from it: signals go bad from the next look on."""
    first = {**SLOW, "cure": True}
    run = poise.train("gan", "ring", out=tmp_path / "run", **first)
    assert not run.cures
    with constant_noise():
        run = poise.train("gan", "ring", out=tmp_path / "run", **{**first, "steps": 600})
    assert run.cures[0]["code"] == "mode-collapse"
    assert run.cures[0]["start"] == 320
    reshaping = ("packs of two", "minibatch deviation")
    assert {entry["name"]: entry["start"] for entry in run.cures} == {
        entry["name"]: 0 if entry["name"] in reshaping else 320 for entry in run.cures
    }
    assert set(reshaping) <= {entry["name"] for entry in run.cures}
    assert (run.checkpoints / "healthy" / "step-0000320" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("mode-collapse", {"packing": 2}),
        ("mode-collapse", {"minibatch_deviation": True}),
        ("discriminator-overfits", {"augment": 0.6}),
        ("rotation", {"rule": "lookahead", "inner_rule": "alternating"}),
    ],
)
def test_a_change_of_the_game_goes_on_from_a_checkpoint_or_anew(
    code: str, change: dict[str, Any], tmp_path: Path
) -> None:
    """New shapes begin anew and are the run that had them from the start; all else takes the checkpoint up."""
    run = poise.train("gan", "ring", out=tmp_path / "run", **{**SLOW, "cure": True})
    finding = Finding(code, "failure", 320, 300, "planted", {})
    with mock.patch("poise.curing.next_cure", return_value=("planted", change)):
        curing.attempt(run, finding)
    again = poise.train("gan", "ring", out=tmp_path / "run", **{**SLOW, "cure": True})
    start = 0 if RESHAPING & set(change) else 240
    assert again.cures[0]["start"] == start
    assert [line["step"] for line in again.metrics() if "generator.loss" in line] == list(range(40, 321, 40))
    if not start:
        plain = poise.train("gan", "ring", out=tmp_path / "plain", **{**SLOW, **change})
        assert tensors(again) == tensors(plain)
    assert again.sample(3).shape == (3, 2)


def test_numbers_that_are_none_are_cured_too_or_raised_in_the_end(tmp_path: Path) -> None:
    with pytest.raises(NonFinite):
        poise.train("gan-wgan-gp", "ring", out=tmp_path / "run", steps=50, generator={"lr": 1e30}, cure=True, **TOY)
    assert [entry["name"] for entry in Run(tmp_path / "run").cures][-1] == "as asked"


def test_without_being_asked_nothing_is_changed(tmp_path: Path) -> None:
    run = poise.train("gan", "ring", out=tmp_path / "run", **IDLE)
    assert run.findings()
    assert not run.cures
    assert run.config == run.asked
