"""The GAN against the loop that a person would write by hand."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from poise.config import GanConfig
from poise.errors import PoiseError
from poise.game import Batch
from poise.models import build
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Alternating
from poise.training import Training

IMAGES = (1, 28, 28)


def test_three_steps_equal_the_textbook_loop() -> None:
    config = GanConfig(width=4, latent=5, norm="batch", real_weight=0.9)
    torch.manual_seed(0)
    game, plain = build(config, IMAGES), build(config, IMAGES)
    plain.load_state_dict(game.state_dict())
    training = Training(game, Alternating(), dict.fromkeys(game.players, Adam))
    generator, discriminator = plain.get_submodule("generator"), plain.get_submodule("discriminator")
    optimize_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
    optimize_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    for step in range(1, 4):
        real = torch.rand(6, *IMAGES) * 2 - 1
        losses = training.play([Batch(real)], progress=0.0)
        z = torch.randn(6, int(getattr(generator, "noise", 5)), generator=Rng(0, step)("latents"))
        fake = generator(z)
        optimize_d.zero_grad()
        real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        loss_d = 0.9 * cross_entropy(real_logits, torch.ones(6)) + cross_entropy(fake_logits, torch.zeros(6))
        loss_d.backward()
        optimize_d.step()
        optimize_g.zero_grad()
        loss_g = cross_entropy(discriminator(fake), torch.ones(6))
        loss_g.backward()
        optimize_g.step()
        torch.testing.assert_close(losses["discriminator"].total, loss_d.detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(losses["generator"].total, loss_g.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "hinge", "wasserstein", "relativistic"])
@pytest.mark.parametrize("penalties", [(), ("r1",), ("r1", "r2"), ("wgan-gp",)])
@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_every_combination_takes_a_step(loss: str, penalties: tuple[str, ...], norm: str) -> None:
    config = GanConfig(width=4, latent=3, loss=loss, penalties=penalties, norm=norm)  # type: ignore[arg-type]
    game = build(config, IMAGES)
    training = Training(game, Alternating(), dict.fromkeys(game.players, Adam))
    before = {player: flat.vector.clone() for player, flat in training.flats.items()}
    losses = training.play([Batch(torch.rand(4, *IMAGES) * 2 - 1)], progress=0.0)
    named = {"r1": "r1", "r2": "r2", "wgan-gp": "wgan_gp"}
    assert {named[penalty] for penalty in penalties} <= set(losses["discriminator"].parts)
    for player, flat in training.flats.items():
        assert not torch.equal(flat.vector, before[player])


def test_the_penalty_weight_goes_along_half_a_cosine() -> None:
    config = GanConfig(network="mlp", width=8, latent=2, penalties=("r1",), gamma=2.0, gamma_end=0.5)
    game = build(config, (2,))
    batch = Batch(torch.randn(8, 2))
    weights = []
    for progress in (0.0, 0.5, 1.0):
        game.progress = progress
        loss = game.loss("discriminator", batch, Rng(0))
        plain = build(GanConfig(network="mlp", width=8, latent=2), (2,))
        plain.load_state_dict(game.state_dict())
        unpenalized = plain.loss("discriminator", Batch(batch.x), Rng(0)).total
        weights.append(((loss.total - unpenalized) / loss.parts["r1"]).item())
    assert weights == pytest.approx([2.0, 1.25, 0.5], rel=1e-3)


def test_the_scale_of_scores_multiplies_what_the_losses_see() -> None:
    plain, scaled = (build(GanConfig(network="mlp", width=8, latent=2, score_scale=s), (2,)) for s in (1.0, 4.0))
    scaled.load_state_dict(plain.state_dict())
    x = torch.randn(8, 2)
    scores = [game.loss("discriminator", Batch(x), Rng(0)).parts["real_score"].item() for game in (plain, scaled)]
    assert scores[1] == pytest.approx(4 * scores[0], rel=1e-5)


def test_bfloat16_keeps_losses_penalties_and_weights_in_float32() -> None:
    config = GanConfig(width=8, latent=4, loss="relativistic", penalties=("r1", "r2"))
    torch.manual_seed(0)
    game = build(config, IMAGES)
    batch = Batch(torch.rand(8, *IMAGES) * 2 - 1)
    exact = game.loss("discriminator", Batch(batch.x), Rng(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = game.loss("discriminator", batch, Rng(0))
    for loss in (exact, rough):
        assert loss.total.dtype == torch.float32
        assert all(part.dtype == torch.float32 for part in loss.parts.values())
    assert rough.total.item() == pytest.approx(exact.total.item(), rel=0.02)
    assert rough.parts["r1"].item() == pytest.approx(exact.parts["r1"].item(), rel=0.05)
    rough.total.backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in game.parameters())


def test_networks_that_do_not_fit_the_data_are_refused() -> None:
    with pytest.raises(PoiseError, match="does not take points"):
        build(GanConfig(network="dcgan"), (2,))
    with pytest.raises(PoiseError, match="does not take images"):
        build(GanConfig(network="mlp"), IMAGES)
    with pytest.raises(PoiseError, match="--norm batch needs"):
        build(GanConfig(network="residual", norm="batch"), IMAGES)
    assert build(GanConfig(network="deep", width=4, norm="batch"), IMAGES).sample(2, Rng(0)).shape == (2, *IMAGES)


def test_spectral_normalization_reaches_every_layer() -> None:
    game = build(GanConfig(width=4, norm="spectral"), IMAGES)
    layers = [m for m in game.get_submodule("discriminator").modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert layers
    assert all(hasattr(layer, "parametrizations") for layer in layers)
