"""Packing, minibatch deviation and augmentation in the game: off they are nothing, on they go with everything."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise import checkpoint
from poise.api import Interrupted
from poise.config import Config, GanConfig, check, first_gamma
from poise.errors import PoiseError
from poise.game import Batch
from poise.models import build
from poise.models.gan import pack
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Alternating
from poise.run import Run
from poise.training import Training

TINY: dict[str, Any] = {"width": 8, "batch": 8, "log_every": 1, "progress": False, "sample_every": 10**9}
OPTIONS: dict[str, dict[str, Any]] = {
    "packing": {"packing": 2},
    "deviation": {"minibatch_deviation": True},
    "augment": {"augment": 0.6},
    "all": {"packing": 2, "minibatch_deviation": True, "augment": 0.6},
}


def weights(run: Run) -> dict[str, bytes]:
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    return {file.name: file.read_bytes() for file in path.glob("*.safetensors")}


def stopped_at(step: int, recipe: str, data: str, out: Path, options: dict[str, Any]) -> None:
    """Train, but be interrupted after a step."""
    import signal

    log = Run.log

    def log_and_stop(self: Run, now: int, *rest: Any) -> None:
        log(self, now, *rest)
        if now == step:
            signal.raise_signal(signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "log", log_and_stop)
        with pytest.raises(Interrupted):
            poise.train(recipe, data, out=out, **options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("network", ["dcgan", "deep", "residual", "mlp"])
@pytest.mark.parametrize("loss", ["non-saturating", "wasserstein", "relativistic"])
@pytest.mark.parametrize("penalties", [(), ("r1", "r2"), ("wgan-gp",)])
def test_they_go_with_every_network_loss_and_penalty(
    options: dict[str, Any], network: Any, loss: Any, penalties: Any
) -> None:
    shape = (2,) if network == "mlp" else (3, 12, 12)
    config = GanConfig(network=network, width=4, latent=3, loss=loss, penalties=penalties, **options)
    game = build(config, shape)
    training = Training(game, Alternating(), dict.fromkeys(game.players, Adam))
    before = {player: flat.vector.clone() for player, flat in training.flats.items()}
    training.play([Batch(torch.randn(8, *shape))], progress=0.0)
    for player, flat in training.flats.items():
        assert torch.isfinite(flat.vector).all()
        assert not torch.equal(flat.vector, before[player])
    assert game.sample(5, Rng(0)).shape == (5, *shape), "samples are not packed"


def test_packs_are_samples_side_by_side() -> None:
    x = torch.randn(6, 3, 4, 4)
    assert pack(x, 1) is x
    packed = pack(x, 3)
    assert packed.shape == (2, 9, 4, 4)
    for i in range(2):
        for j in range(3):
            assert torch.equal(packed[i, 3 * j : 3 * j + 3], x[3 * i + j])


def test_the_penalty_of_a_pack_is_of_all_of_it() -> None:
    """With D linear of slope v, ‖∇D‖² is ‖v‖² over all samples of a pack: R1 does not shrink with their number."""
    config = GanConfig(network="mlp", width=8, latent=2, penalties=("r1",), gamma=1.0, packing=2)
    game = build(config, (2,))
    line = torch.nn.Linear(4, 1)
    game.discriminator = torch.nn.Sequential(line, torch.nn.Flatten(0))
    loss = game.loss("discriminator", Batch(torch.randn(8, 2)), Rng(0))
    assert loss.parts["r1"].item() == pytest.approx(line.weight.square().sum().item() / 2, rel=1e-5)


def test_both_players_see_the_same_augmented_samples() -> None:
    game = build(GanConfig(network="mlp", width=8, latent=2, augment=0.6, loss="minimax"), (2,))
    game.get_submodule("ada").get_buffer("p").fill_(0.5)
    game.eval()  # p stays
    batch = Batch(torch.randn(8, 2))
    both = [game.loss(player, batch, Rng(0, 3)) for player in game.players]
    real = torch.nn.functional.softplus(-game._score(game._seen(batch.x, "real", Rng(0, 3)))).mean()  # type: ignore[operator]
    assert (both[0].total - real).item() == pytest.approx(-both[1].total.item(), rel=1e-5)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_runs_are_watched_and_go_on_as_if_never_stopped(options: dict[str, Any], tmp_path: Path) -> None:
    given = {**TINY, **options, "steps": 6, "checkpoint_every": 2, "watch_every": 2}
    whole = poise.train("gan", "ring", out=tmp_path / "whole", **given)
    stopped_at(3, "gan", "ring", tmp_path / "cut", given)
    cut = poise.train("gan", "ring", out=tmp_path / "cut", **given)
    assert weights(cut) == weights(whole)
    signals = [line for line in whole.metrics() if "health.step" in line]
    assert len(signals) == 3
    assert all({"health.separation", "health.r_t", "health.score.3"} <= set(line) for line in signals)
    assert "health.score.4" not in signals[0]
    assert whole.sample(5).shape == (5, 2)


@pytest.mark.parametrize("recipe", ["gan", "gan-r3", "gan-textbook"])
def test_written_out_as_off_they_change_nothing(recipe: str, tmp_path: Path) -> None:
    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (20, 12, 12), dtype=np.uint8))
    plain = poise.train(recipe, images, out=tmp_path / "plain", steps=3, **{**TINY, "width": 4})
    off: dict[str, Any] = {"packing": 1, "minibatch_deviation": False, "augment": 0.0}
    same = poise.train(recipe, images, out=tmp_path / "same", steps=3, **{**TINY, "width": 4}, **off)
    assert weights(plain) == weights(same)
    path, _ = checkpoint.latest(plain.checkpoints)
    assert path is not None
    assert not any(name.startswith("ada") for name in checkpoint.load(path).tensors["weights"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"packing": 3}, "--packing needs a multiple of 3 samples; --batch 32 is none"),
        ({"packing": 0}, "--packing is 0; give a number above 0"),
        ({"minibatch_deviation": True, "packing": 3}, "--packing needs a multiple of 12 samples"),
        ({"augment": 1.5}, "--augment is 1.5; give ADA's target"),
    ],
)
def test_what_does_not_fit_ends_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PoiseError, match=message):
        check(Config("gan", "ring", GanConfig(**settings), batch=32))


def test_a_batch_that_fills_no_pack_ends_in_one_line() -> None:
    game = build(GanConfig(network="mlp", width=8, latent=2, packing=3), (2,))
    with pytest.raises(PoiseError, match="judges 3 samples together, and 8 are no multiple"):
        game.loss("discriminator", Batch(torch.randn(8, 2)), Rng(0))


def test_the_weight_of_a_penalty_is_found_and_written_down(tmp_path: Path) -> None:
    run = poise.train("gan-textbook", "ring", out=tmp_path / "r1", steps=1, penalties=("r1",), **TINY)
    assert run.config.model.gamma == 0.1  # type: ignore[union-attr]
    given = poise.train("gan-textbook", "ring", out=tmp_path / "g", steps=1, penalties=("r1",), gamma=3.0, **TINY)
    assert given.config.model.gamma == 3.0  # type: ignore[union-attr]
    searched = poise.train("gan-r3", "ring", out=tmp_path / "r3", steps=1, **TINY)
    assert searched.config.model.gamma == 0.1  # type: ignore[union-attr]
    images = Config("gan", "cats/", GanConfig(penalties=("r1",)), batch=64, size=128)
    assert first_gamma(images) == pytest.approx(0.0512)
    assert first_gamma(Config("gan", "cats/", GanConfig(penalties=("wgan-gp",)), size=64)) == 10
