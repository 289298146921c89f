"""Plays: whose gradient is taken, what is shared, and what must not leak."""

import pytest
import torch
from torch import Tensor, nn

from poise.config import GanConfig
from poise.errors import NonFinite
from poise.game import Batch, Game, Loss
from poise.models import build
from poise.optim import Adam
from poise.play import Play
from poise.rng import Rng
from poise.rules import Alternating, Simultaneous
from poise.training import Training

CONFIG = GanConfig(network="mlp", width=8, latent=3)


def training(config: GanConfig = CONFIG, shape: tuple[int, ...] = (2,), **options: object) -> Training:
    torch.manual_seed(0)
    game = build(config, shape)
    return Training(game, Alternating(), dict.fromkeys(game.players, Adam), **options)  # type: ignore[arg-type]


def play(training: Training, *batches: Batch) -> Play:
    training.statistics.begin()
    return Play(training.game, training.seats, batches, Rng(0, 1))


def test_a_gradient_goes_to_the_player_who_asked_and_to_nobody_else() -> None:
    state = training()
    losses = play(state, Batch(torch.randn(4, 2))).gradients("generator")
    assert set(losses) == {"generator"}
    assert state.flats["generator"].gradient.any()
    assert not state.flats["discriminator"].gradient.any()


def test_a_gradient_asked_for_twice_is_the_same_gradient() -> None:
    state = training()
    same = play(state, Batch(torch.randn(4, 2)))
    same.gradients("generator")
    first = state.flats["generator"].gradient.clone()
    same.gradients("generator")
    assert torch.equal(state.flats["generator"].gradient, first)


def test_fakes_are_shared_until_the_generator_moves() -> None:
    state, batch = training(), Batch(torch.randn(4, 2))
    one = play(state, batch)
    one.gradients("discriminator")
    shared = batch.made["generator"]
    one.move("discriminator")
    assert batch.made["generator"] is shared
    one.gradients("generator")
    assert "generator" not in batch.made
    one.gradients("discriminator")
    one.move("generator")
    assert "generator" not in batch.made


def test_sharing_fakes_changes_no_gradient() -> None:
    shared, fresh = training(), training()
    x = torch.randn(4, 2)
    play(shared, Batch(x)).gradients("discriminator", "generator")
    for player in ("discriminator", "generator"):
        play(fresh, Batch(x)).gradients(player)
        torch.testing.assert_close(shared.flats[player].gradient, fresh.flats[player].gradient)


class Broken(Game):
    players = ("only",)

    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Linear(1, 1)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        return Loss((self.only.weight / 0).sum())

    def sample(self, n: int, rng: Rng) -> Tensor:
        return torch.zeros(n, 1)


def test_a_loss_that_is_no_number_names_the_player_and_moves_nobody() -> None:
    game = Broken()
    state = Training(game, Simultaneous(), {"only": Adam})
    before = state.flats["only"].vector.clone()
    with pytest.raises(NonFinite, match=r"the only's loss became -?inf at step 1"):
        state.play([Batch(torch.zeros(1, 1))], progress=0.0)
    assert torch.equal(state.flats["only"].vector, before)
    assert state.step == 0


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_running_statistics_move_once_a_step_whatever_is_asked(norm: str) -> None:
    config = GanConfig(network="dcgan", width=4, latent=3, norm=norm)  # type: ignore[arg-type]
    x = torch.rand(6, 1, 28, 28) * 2 - 1
    once, often = training(config, (1, 28, 28)), training(config, (1, 28, 28))
    play(once, Batch(x)).gradients("discriminator")
    busy = play(often, Batch(x))
    for _ in range(3):
        busy.gradients("discriminator", "generator")
    buffers = list(zip(once.game.buffers(), often.game.buffers(), strict=True))
    assert buffers
    assert all(torch.equal(a, b) for a, b in buffers)


def test_alternating_gives_each_discriminator_step_a_batch_of_its_own() -> None:
    torch.manual_seed(0)
    game = build(CONFIG, (2,))
    rule = Alternating({"discriminator": 3, "generator": 1})
    assert rule.batches == 3
    state = Training(game, rule, dict.fromkeys(game.players, Adam))
    state.play([Batch(torch.randn(4, 2)) for _ in range(3)], progress=0.0)
    counts = {player: state.optimizers[player].state_dict()["state"][0]["step"] for player in game.players}
    assert counts == {"discriminator": 3, "generator": 1}
    assert state.examples == 12
