"""Variational autoencoders as games: every objective, prior and likelihood, and what they learn."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise import checkpoint
from poise.cli import main
from poise.config import VaeConfig
from poise.errors import PoiseError
from poise.game import Batch
from poise.models import build
from poise.models.vae import Vae
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Alternating, Simultaneous
from poise.training import Training

SMALL = VaeConfig(network="mlp", width=16, latent=3)
IMAGES = VaeConfig(width=4, latent=3)


def trained(config: VaeConfig, x: torch.Tensor, steps: int, lr: float = 1e-2) -> tuple[Training, list[float]]:
    torch.manual_seed(0)
    game = build(config, tuple(x.shape[1:]))
    training = Training(game, Simultaneous(), {"vae": partial(Adam, lr=lr)}, rng=Rng(1))
    losses = [training.play([Batch(x)], i / steps)["vae"].total.item() for i in range(steps)]
    return training, losses


def eight_bit(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)) / 127.5 - 1


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic"])
@pytest.mark.parametrize("prior", ["normal", "mixture", "vamp"])
@pytest.mark.parametrize("objective", ["elbo", "stl", "iwae", "dreg"])
def test_every_combination_learns(objective: str, prior: str, likelihood: str) -> None:
    changes: dict[str, Any] = {"objective": objective, "prior": prior, "likelihood": likelihood}
    config = replace(IMAGES, samples=2, components=5, **changes)
    training, losses = trained(config, eight_bit(8, 1, 8, 8), 12)
    assert all(np.isfinite(losses))
    assert np.mean(losses[-3:]) < losses[0]
    game = training.game
    assert isinstance(game, Vae)
    assert game.sample(2, Rng(0)).shape == (2, 1, 8, 8)
    assert game.reconstruct(eight_bit(3, 1, 8, 8)).shape == (3, 1, 8, 8)


@pytest.mark.parametrize("deviation", ["fixed", "learned", "optimal"])
def test_the_loss_is_minus_the_bound_and_its_parts_add_up(deviation: str) -> None:
    torch.manual_seed(0)
    changes: dict[str, Any] = {"deviation": deviation}
    game = build(replace(SMALL, **changes), (4,))
    loss = game.loss("vae", Batch(torch.randn(16, 4)), Rng(0))
    values = loss.values()
    assert values["loss"] == pytest.approx(values["reconstruction"] + values["kl"], rel=1e-5)
    assert values["bound"] == pytest.approx(-values["loss"], rel=1e-5)


def test_weights_of_the_divergence() -> None:
    x = Batch(torch.randn(16, 4))

    def loss(progress: float, **changes: Any) -> tuple[float, dict[str, float]]:
        torch.manual_seed(0)
        game = build(replace(SMALL, **changes), (4,))
        game.progress = progress
        found = game.loss("vae", x, Rng(0)).values()
        return found["loss"], found

    total, parts = loss(0.05, beta=4.0, warm_up=0.1)
    assert total == pytest.approx(parts["reconstruction"] + 2.0 * parts["kl"], rel=1e-5)
    total, parts = loss(0.0625, schedule="cyclical")
    assert total == pytest.approx(parts["reconstruction"] + 0.5 * parts["kl"], rel=1e-5)
    total, parts = loss(1.0, free_bits=5.0)
    assert total == pytest.approx(parts["reconstruction"] + 3 * 5.0, rel=1e-5)


def test_a_constraint_goes_with_warm_up_and_free_bits() -> None:
    """The Lagrangian is the weighted, floored divergence plus λ times the excess error."""
    torch.manual_seed(0)
    game = build(replace(SMALL, tolerance=0.5, warm_up=1.0, free_bits=2.0), (4,)).eval()
    assert isinstance(game, Vae)
    game.progress, x = 0.25, torch.randn(16, 4)
    found = game.loss("vae", Batch(x), Rng(0)).values()
    game.config = replace(game.config, warm_up=0.0)
    game.progress = 1.0
    whole = game.loss("vae", Batch(x), Rng(0)).values()
    assert whole["loss"] - found["loss"] == pytest.approx(0.75 * 3 * 2.0, rel=1e-5)  # all three units below the floor


def test_geco_moves_its_multiplier_once_a_step_in_training_only() -> None:
    config = replace(SMALL, tolerance=0.01)
    training, _ = trained(config, torch.randn(32, 4), 5)
    game = training.game
    assert isinstance(game, Vae)
    constraint = game.vae.decoder.constraint
    assert constraint is not None
    assert constraint.get_buffer("steps").item() == 5
    assert constraint.state().multiplier > 1  # the reconstruction is not good enough yet
    with training.sampling():
        game.loss("vae", Batch(torch.randn(32, 4)), Rng(0))
    assert constraint.get_buffer("steps").item() == 5


def test_unusable_combinations_are_refused() -> None:
    with pytest.raises(PoiseError, match="use --network mlp"):
        build(VaeConfig(), (2,))
    with pytest.raises(PoiseError, match="logistic is for 8-bit images"):
        build(replace(SMALL, likelihood="logistic"), (2,))
    with pytest.raises(PoiseError, match="--tolerance constrains the elbo, not --objective iwae"):
        build(replace(SMALL, tolerance=0.1, objective="iwae"), (2,))
    unfit: list[dict[str, Any]] = [{"prior": "vamp"}, {"objective": "stl"}]
    for changes in unfit:
        with pytest.raises(PoiseError, match="--free-bits needs each dimension's divergence"):
            build(replace(SMALL, free_bits=0.5, **changes), (3,))
    with pytest.raises(PoiseError, match="--latent 4 is more than the 3 values of a sample"):
        build(replace(SMALL, latent=4), (3,))
    with pytest.raises(PoiseError, match="--conditional needs labels, and the data have none; name a table's"):
        build(replace(SMALL, conditional=True), (3,))
    with pytest.raises(PoiseError, match="the data have none; put each class of images into a subfolder"):
        build(replace(IMAGES, conditional=True), (1, 28, 28))
    with pytest.raises(PoiseError, match="--network deepobs is a benchmark's and fixed: gray images of 28 pixels"):
        build(replace(IMAGES, network="deepobs"), (3, 28, 28))
    game = build(replace(SMALL, likelihood="bernoulli"), (3,))
    with pytest.raises(PoiseError, match=r"needs data in \[0, 1\], but they reach"):
        game.check(torch.tensor([[0.0, 1.5, 1.0]]))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels, labels=np.arange(60) % 3)
    return tmp_path / "images.npz"


TINY: dict[str, Any] = {"width": 4, "latent": 3, "batch": 8, "log_every": 1, "progress": False}


@pytest.mark.parametrize("recipe", ["vae", "vae-mlp", "beta-vae", "iwae", "vamp"])
def test_every_recipe_trains_samples_and_goes_on_bit_for_bit(recipe: str, images: Path, tmp_path: Path) -> None:
    settings = {**TINY, "vae": {"lr_end": None}, "warm_up": 0.0}
    whole = poise.train(recipe, images, steps=5, out=tmp_path / "whole", **settings)
    poise.train(recipe, images, steps=2, out=tmp_path / "parts", **settings)
    parts = poise.train(recipe, images, steps=5, out=tmp_path / "parts", **settings)
    assert files(whole) == files(parts)
    assert whole.sample(3).shape == (3, 28, 28, 1)
    again = whole.game().reconstruct(torch.zeros(2, 1, 28, 28))
    assert again is not None
    assert again.shape == (2, 1, 28, 28)
    assert (whole.samples / "reconstructed-0000005.png").exists()
    assert {"vae.kl", "vae.reconstruction", "vae.bound"} <= set(whole.metrics()[-1])


SCHEDULES: list[dict[str, Any]] = [
    {"warm_up": 0.8, "free_bits": 0.1, "prior": "normal"},
    {"schedule": "cyclical"},
    {"tolerance": 0.05},
    {"aggressive": 0.6, "encoder_steps": 2},
    {"conditional": True},
    {"network": "deepobs"},
    {"rule": "extragradient", "optimizer": "optimistic-adam"},
]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("options", SCHEDULES, ids=str)
def test_every_schedule_goes_on_bit_for_bit(options: dict[str, Any], images: Path, tmp_path: Path) -> None:
    """What a schedule does depends on the whole training, so the same training is cut, not a shorter one prolonged."""
    settings = {**TINY, **options, "steps": 5, "checkpoint_every": 3, "out": tmp_path / "run"}
    whole = poise.train("vae", images, **settings)
    expected, lines = files(whole), [{**line, "seconds": 0} for line in whole.metrics()]
    shutil.rmtree(whole.checkpoints / "step-0000005")
    again = poise.train("vae", images, **settings)
    assert files(again) == expected
    assert [{**line, "seconds": 0} for line in again.metrics()] == lines


def files(run: poise.Run) -> dict[str, bytes]:
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    return {file.name: file.read_bytes() for file in path.glob("*.safetensors")}


def test_from_the_command_line(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "run"), "--width", "4", "--batch", "8"]
    assert main(["train", "vae", str(images), "--steps", "2", "--beta", "2", "--vae.lr", "1e-3", *out]) == 0
    assert main(["train", "vae", "ring", "--steps", "2", "--out", str(tmp_path / "ring")]) == 0
    assert main(["sample", str(tmp_path / "ring"), "-n", "5", "--out", str(tmp_path / "s.npz")]) == 0
    capsys.readouterr()
    assert main(["train", "vae", str(images), "--gamma", "2", *out]) == 2
    assert "--gamma" in capsys.readouterr().err
    assert main(["train", "vea", str(images), "--beta", "2"]) == 2
    assert "no recipe 'vea'; did you mean vae?" in capsys.readouterr().err


CLASSES = replace(SMALL, network="mlp", latent=1, conditional=True)


def test_a_conditional_one_makes_what_its_label_says() -> None:
    """Two far apart classes and one code: what the class says is not in the code, and a label chooses the class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(256) % 2
    x = torch.where(labels == 0, -3.0, 3.0).unsqueeze(1) + 0.1 * torch.randn(256, 2, generator=generator)
    torch.manual_seed(0)
    game = build(CLASSES, (2,), classes=2)
    assert isinstance(game, Vae)
    training = Training(game, Simultaneous(), {"vae": partial(Adam, lr=1e-2)}, rng=Rng(1))
    for i in range(300):
        training.play([Batch(x, labels)], i / 300)
    with torch.no_grad():
        ones = game.sample(50, Rng(0), torch.ones(50, dtype=torch.int64))
        turns = game.sample(50, Rng(0))
        again = game.reconstruct(x, 1 - labels)
    assert bool((ones > 2).all())
    assert torch.equal(turns.mean(1) > 0, torch.arange(50) % 2 == 1)
    assert bool(((again > 0).all(1) == (labels == 0)).all())  # the same code, told the other class


@pytest.mark.parametrize("network", ["mlp", "conv", "residual"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 40)])
@pytest.mark.parametrize("prior", ["normal", "vamp"])
def test_every_network_takes_classes(network: str, shape: tuple[int, ...], prior: str) -> None:
    changes: dict[str, Any] = {"network": network, "prior": prior, "conditional": True, "components": 7}
    game = build(replace(IMAGES, **changes), shape, classes=5)
    batch = Batch(eight_bit(4, *shape), torch.arange(4))
    loss = game.loss("vae", batch, Rng(0)).total
    loss.backward()
    assert all(p.grad is not None for p in game.parameters())
    assert game.sample(3, Rng(0)).shape == (3, *shape)


def test_an_aggressive_encoder_moves_more_often_then_both_at_once() -> None:
    """He et al. 2019: five steps of the encoder for each of the decoder, on new batches, then the usual training."""
    torch.manual_seed(0)
    config = replace(SMALL, aggressive=0.5, encoder_steps=5)
    game = build(config, (4,))
    make = dict.fromkeys(config.turns, partial(Adam, lr=1e-2))
    training = Training(game, Alternating(config.turns, 0.5), make, rng=Rng(1))
    before = {name: flat.vector.detach().clone() for name, flat in training.flats.items()}
    assert training.rule.batches_at(0.49) == 5
    assert training.rule.batches_at(0.5) == 1
    batches = [Batch(torch.randn(8, 4)) for _ in range(5)]
    training.play(batches, progress=0.0)
    steps = {name: optimizer.state_dict()["state"][0]["step"] for name, optimizer in training.optimizers.items()}
    assert {name: int(step) for name, step in steps.items()} == {"vae.encoder": 5, "vae.decoder": 1}
    assert all(not torch.equal(before[name], flat.vector) for name, flat in training.flats.items())
    assert (training.dealt, training.examples) == (5, 40)
    gradients = training.gradients
    losses = training.play(batches[:1], progress=0.6)
    assert losses["vae.encoder"].values() == losses["vae.decoder"].values()
    assert training.gradients == gradients + 1  # one pass for both
    assert training.dealt == 6


def test_players_of_a_common_loss_learn_as_one() -> None:
    """After the aggressive phase the two halves move as the one player does, bit for bit."""
    x = Batch(torch.randn(16, 4, generator=torch.Generator().manual_seed(0)))

    def weights(aggressive: float) -> list[torch.Tensor]:
        torch.manual_seed(0)
        config = replace(SMALL, aggressive=aggressive)
        game = build(config, (4,))
        rule = Alternating(config.turns, aggressive or 1.0)
        training = Training(game, rule, dict.fromkeys(config.turns, partial(Adam, lr=1e-2)), rng=Rng(1))
        for _ in range(3):
            training.play([x], progress=0.9)
        return [p.detach().clone() for p in game.parameters()]

    for two, one in zip(weights(0.5), weights(0.0), strict=True):
        assert torch.equal(two, one)


def test_a_known_line_is_learned() -> None:
    """Points on a line in three dimensions: one unit is active, and the noise is found."""
    generator = torch.Generator().manual_seed(0)
    t = torch.randn(512, 1, generator=generator)
    x = t * torch.tensor([[2.0, -1.0, 0.5]]) + 0.1 * torch.randn(512, 3, generator=generator)
    training, _ = trained(replace(SMALL, width=32), x, 800)
    game = training.game
    assert isinstance(game, Vae)
    with torch.no_grad():
        mean, _ = game.vae.encoder(x)
        error = (game.reconstruct(x) - x).square().mean().sqrt().item()
    assert sorted((mean.var(0) > 0.01).tolist()) == [False, False, True]
    assert error < 0.2
