"""From words to optimizers: what the command line and `poise.train` make of optimizer, rule and their options."""

import re
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from poise import checkpoint
from poise.build import build, make_rule, optimizer_settings, resolve
from poise.cli import main
from poise.config import USUAL_LR, Config, PlayerConfig, override
from poise.errors import PoiseError
from poise.optim import OPTIMIZERS, Adam, ClipPercentile, ClipUnits
from poise.recipes import from_recipe
from poise.rules import Lookahead

TINY: dict[str, Any] = {"width": 8, "batch": 16, "log_every": 1, "progress": False, "device": "cpu"}


def config(**changes: Any) -> Config:
    return override(from_recipe("gan", "ring"), changes)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_usual_learning_rates_are_the_optimizers_own(name: str) -> None:
    assert signature(OPTIMIZERS[name]).parameters["lr"].default == USUAL_LR.get(name, 1e-3)


def test_another_optimizer_begins_with_its_own_settings_and_a_fitting_rate() -> None:
    recipe = from_recipe("gan", "ring").players["generator"]
    assert recipe.lr_end is not None
    sgd = config(optimizer="sgd").players["generator"]
    assert (sgd.lr, sgd.lr_end) == pytest.approx((10 * recipe.lr, 10 * recipe.lr_end))
    assert (sgd.beta1, sgd.beta2) == (None, None)
    amsgrad = config(optimizer="amsgrad").players["generator"]
    assert (amsgrad.lr, amsgrad.beta1, amsgrad.beta2) == (recipe.lr, recipe.beta1, recipe.beta2)
    slow = {"optimizer": "muon", "vector_rate": 0.1, "momentum": 0.0, "weight_decay": 0.1}
    muon = override(config(discriminator=slow), {"optimizer": "adam"}).players["discriminator"]
    assert muon.lr == pytest.approx(0.1 * from_recipe("gan", "ring").players["discriminator"].lr)
    assert (muon.momentum, muon.vector_rate, muon.weight_decay) == (None, None, None)
    own = config(optimizer="sgd", lr=0.3, generator={"optimizer": "lion", "momentum": None}).players
    assert own["discriminator"].lr == 0.3
    assert own["generator"].lr == pytest.approx(0.3 / 100)


def test_the_default_gan_by_adam_has_what_muon_leaves_to_adam() -> None:
    player = override(from_recipe("gan", "fashion-mnist"), {"optimizer": "adam"}).players["generator"]
    assert player.lr_end is not None
    assert (player.lr, player.lr_end) == pytest.approx((2e-3, 2e-5))
    assert (player.beta1, player.beta2, player.momentum, player.weight_decay) == (0.0, 0.999, None, None)


@pytest.mark.parametrize(
    ("player", "expected"),
    [
        (PlayerConfig("adam", 0.1, beta1=0.3), {"lr": 0.1, "betas": (0.3, 0.999)}),
        (PlayerConfig("adam", 0.1, beta2=0.9), {"lr": 0.1, "betas": (0.9, 0.9)}),
        (PlayerConfig("sgd", 0.1, momentum=-0.3, weight_decay=0.0), {"lr": 0.1, "momentum": -0.3, "weight_decay": 0.0}),
        (PlayerConfig("rmsprop", 0.1, beta2=0.9), {"lr": 0.1, "alpha": 0.9}),
        (PlayerConfig("nadam", 0.1, eps=1e-3), {"lr": 0.1, "eps": 1e-3}),
        (PlayerConfig("muon", 0.1, momentum=0.0, vector_rate=0.2), {"lr": 0.1, "momentum": 0.0, "vector_rate": 0.2}),
    ],
)
def test_options_become_arguments(player: PlayerConfig, expected: dict[str, object]) -> None:
    assert optimizer_settings("generator", player) == expected
    OPTIMIZERS[player.optimizer]([torch.nn.Parameter(torch.zeros(1))], **expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--discriminator.momentum .9", r"--discriminator.momentum is of no use to adam; leave it out"),
        ("--optimizer sgd --discriminator.beta1 .5", r"--discriminator.beta1 is of no use to sgd"),
        ("--optimizer adamm", r"no discriminator.optimizer 'adamm'; did you mean adam"),
        ("--rule extragradiant", r"no rule 'extragradiant'; did you mean extragradient\?"),
        ("--rule lookahead --inner-rule alternate", r"no rule 'alternate'; did you mean alternating\?"),
        ("--rule lookahead --rule-weight .1", r"--rule-weight is of no use to the rule alternating"),
        ("--rule lookahead --inner-rule lookahead", r"--inner-rule lookahead in itself"),
        ("--rule extragradient --discriminator-steps 2", r"--discriminator-steps needs --rule alternating"),
        ("--lookahead-k 3", r"--lookahead-k is of no use to the rule alternating"),
        ("--rule lookahead --lookahead-alpha 2", r"lookahead with k = 5 and alpha = 2.0; give k from 1 on"),
        ("--rule competitive", r"the competitive rule needs a zero-sum game; use --loss minimax"),
        ("--rule unrolled --optimizer adagrad", r"which Adagrad does not allow; use sgd or adam"),
        ("--generator.clip-limit 3", r"--generator.clip-limit limits nothing without --generator.clip"),
        ("--generator.clip norm --generator.clip-limit 0", r"--clip norm: the limit of clipping is 0.0; give"),
        ("--optimizer schedule-free --generator.beta1 0", r"--generator.optimizer schedule-free: beta1 is 0.0; give"),
        ("--optimizer adagrad --generator.eps -1", r"--generator.optimizer adagrad: Invalid epsilon value: -1.0"),
        ("--discriminator.vector-rate .1", r"--discriminator.vector-rate is of no use to adam; leave it out"),
        ("--generator.vector-rate -1", r"--generator.optimizer muon: vector_rate is -1.0; give"),
        ("--generator.beta2 1.5", r"--generator.beta2 is 1.5; give a number from 0 to below 1"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_left(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "gan", "ring", "--out", str(tmp_path / "run"), "--steps", "2", *options.split()]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, said[-1])
    assert not (tmp_path / "run").exists()


def test_one_player_may_have_another_optimizer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "gan", "ring", "--generator.optimizer", "optimistic-adam", "--discriminator.optimizer", "sgd"]
    assert main([*command, "--discriminator.momentum", "-.3", "--out", str(tmp_path), "--dry-run"]) == 0
    assert '"momentum": -0.3' in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "options",
    [
        {"rule": "past-extragradient"},
        {"rule": "lookahead", "inner_rule": "past-extragradient", "lookahead_k": 4},
        {"rule": "competitive", "loss": "minimax", "optimizer": "adam"},
        {"optimizer": "sgd", "generator": {"momentum": 0.9, "angle": 0.4}},
        {"optimizer": "optimistic-adam", "discriminator": {"clip": "percentile", "clip_limit": 50}},
        {"optimizer": "schedule-free", "generator": {"clip": "unit"}},
        {"optimizer": "muon"},
        {"optimizer": "nadam", "rule": "extragradient", "generator": {"clip": "percentile"}},
    ],
    ids=lambda options: "-".join(map(str, options.values()))[:40],
)
def test_runs_go_on_as_if_they_had_never_stopped(options: dict[str, Any], tmp_path: Path) -> None:
    constant = {"lr_end": None}
    players = {name: {**constant, **options.get(name, {})} for name in ("generator", "discriminator")}
    settings = {**TINY, **options, **players, "gamma_end": None}
    whole = poise.train("gan", "ring", steps=7, out=tmp_path / "whole", **settings)
    poise.train("gan", "ring", steps=3, out=tmp_path / "parts", **settings)
    parts = poise.train("gan", "ring", steps=7, out=tmp_path / "parts", **settings)

    def tensors(run: poise.Run) -> dict[str, bytes]:
        path, _ = checkpoint.latest(run.checkpoints)
        assert path is not None
        return {file.name: file.read_bytes() for file in path.glob("*.safetensors")}

    assert tensors(whole) == tensors(parts)


def test_any_torch_optimizer_can_be_handed_over(tmp_path: Path) -> None:
    adamax = partial(torch.optim.Adamax, weight_decay=0.1)
    settings: dict[str, Any] = {**TINY, "optimizer": torch.optim.NAdam, "generator": {"optimizer": adamax}}
    run = poise.train("gan", "ring", steps=2, out=tmp_path / "run", **settings)
    assert run.config.players["discriminator"].optimizer == "torch.optim.nadam.NAdam"
    assert run.config.players["generator"].optimizer == "torch.optim.adamax.Adamax{'weight_decay': 0.1}"
    assert poise.train("gan", "ring", steps=4, out=tmp_path / "run", **settings).metrics()[-1]["step"] == 4
    with pytest.raises(PoiseError, match=r"holds another configuration .*RAdam"):
        poise.train("gan", "ring", steps=4, out=tmp_path / "run", **{**settings, "optimizer": torch.optim.RAdam})
    with pytest.raises(PoiseError, match=r"--discriminator.momentum is of no use"):
        poise.train("gan", "ring", out=tmp_path / "new", **settings, discriminator={"momentum": 0.1})


def test_clips_and_rules_are_made_as_asked() -> None:
    asked = config(
        optimizer="adam",
        rule="lookahead",
        inner_rule="extragradient",
        generator={"clip": "unit"},
        discriminator={"clip": "percentile", "clip_limit": 20},
    )
    assert isinstance(make_rule(asked), Lookahead)
    within = make_rule(config(rule="lookahead", inner_rule="consensus", rule_weight=0.1))
    assert within.second_order
    asked, dataset = resolve(asked)
    training = build(asked, dataset)
    generator, discriminator = (training.optimizers[name] for name in ("generator", "discriminator"))
    assert isinstance(generator, Adam)
    assert isinstance(generator.clip, ClipUnits)
    assert isinstance(discriminator, Adam)
    assert isinstance(discriminator.clip, ClipPercentile)
    assert discriminator.clip.percentile == 20
