"""Variational autoencoders as games: every objective, prior and likelihood, and what they learn."""

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
from poise.rules import Simultaneous
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
    constraint = game.vae.constraint
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
            build(replace(SMALL, free_bits=0.5, **changes), (2,))
    game = build(replace(SMALL, likelihood="bernoulli"), (2,))
    with pytest.raises(PoiseError, match=r"needs data in \[0, 1\], but they reach"):
        game.check(torch.tensor([[0.0, 1.5]]))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8))
    return tmp_path / "images.npy"


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


@pytest.mark.parametrize("options", [{"tolerance": 0.05}, {"rule": "extragradient", "optimizer": "optimistic-adam"}])
def test_geco_and_other_rules_go_on_bit_for_bit(options: dict[str, Any], images: Path, tmp_path: Path) -> None:
    settings = {**TINY, **options, "vae": {"lr_end": None}, "warm_up": 0.0}
    whole = poise.train("vae", images, steps=5, out=tmp_path / "whole", **settings)
    poise.train("vae", images, steps=2, out=tmp_path / "parts", **settings)
    assert files(poise.train("vae", images, steps=5, out=tmp_path / "parts", **settings)) == files(whole)


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


def test_a_known_line_is_learned() -> None:
    """Points on a line in three dimensions: one unit is active, and the noise is found."""
    generator = torch.Generator().manual_seed(0)
    t = torch.randn(512, 1, generator=generator)
    x = t * torch.tensor([[2.0, -1.0, 0.5]]) + 0.1 * torch.randn(512, 3, generator=generator)
    training, _ = trained(replace(SMALL, width=32), x, 800)
    game = training.game
    assert isinstance(game, Vae)
    with torch.no_grad():
        mean, _ = game.vae.posterior(x)
        error = (game.reconstruct(x) - x).square().mean().sqrt().item()
    assert sorted((mean.var(0) > 0.01).tolist()) == [False, False, True]
    assert error < 0.2
