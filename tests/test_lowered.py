"""Matrices cast in one pass compute what autocast alone computes, bit for bit."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from poise.config import GanConfig, VaeConfig
from poise.game import Batch
from poise.lowered import Lowered
from poise.models import build
from poise.optim import Adam, Flat
from poise.rng import Rng
from poise.rules import Alternating
from poise.training import Training

GAMES: list[tuple[Any, tuple[int, ...]]] = [
    (VaeConfig(network="mlp", width=32, latent=4, likelihood="bernoulli"), (1, 28, 28)),
    (VaeConfig(width=8, latent=4, prior="vamp", components=5), (1, 28, 28)),
    (GanConfig(width=8, latent=4, penalties=("r1",)), (1, 28, 28)),
    (GanConfig(width=8, latent=4, norm="spectral"), (3, 32, 32)),
]


@pytest.mark.parametrize(("config", "shape"), GAMES, ids=["vae-mlp", "vamp", "gan-r1", "gan-spectral"])
def test_equals_autocast_alone(config: Any, shape: tuple[int, ...]) -> None:
    def weights(lowered: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        game = build(config, shape)
        autocast = partial(torch.autocast, "cpu", torch.bfloat16)
        training = Training(
            game, Alternating(), dict.fromkeys(game.players, partial(Adam, lr=1e-3)), rng=Rng(1), autocast=autocast
        )
        if not lowered:
            for seat in training.seats.values():
                assert seat.lowered is not None
                seat.lowered = None
        x = torch.rand(8, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        for _ in range(3):
            training.play([Batch(x)], progress=0.5)
        return [p.detach().clone() for p in game.parameters()]

    for one, two in zip(weights(True), weights(False), strict=True):
        assert torch.equal(one, two)


def test_the_layers_have_their_own_weights_again_whatever_happens() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Conv1d(4, 2, 1))
    own, lowered = dict(net.named_parameters()), Lowered(Flat(net))
    kinds: list[torch.dtype] = []

    def fail() -> None:
        with lowered.applied():
            kinds.extend(weight.dtype for weight in net.parameters())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    half, full = [torch.bfloat16] * 2, [torch.float32] * 2  # autocast normalizes in full precision
    assert kinds == [*half, *full, *half]
    assert all(p is own[name] for name, p in net.named_parameters())


def test_a_tied_matrix_has_one_gradient() -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    flat = Flat(net)
    lowered = Lowered(flat)
    with lowered.applied():
        y = net(torch.ones(1, 2, dtype=torch.bfloat16)).sum()
    y.backward(inputs=lowered.inputs)
    lowered.collect()
    exact = torch.autograd.grad(net(torch.ones(1, 2)).sum(), first.weight)[0]
    assert torch.allclose(flat.parameters[0].grad, exact, rtol=0.02)  # type: ignore[arg-type]
