"""What every rule must do: go on from a checkpoint bit for bit, touch statistics once, refuse what it cannot."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.utils.parametrizations import _SpectralNorm

from poise.config import GanConfig
from poise.errors import PoiseError
from poise.game import Batch
from poise.models import build
from poise.models.plane import bilinear
from poise.optim import SGD, Adam
from poise.rng import Rng
from poise.rules import (
    RULES,
    Alternating,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    PastExtragradient,
    Rule,
    Simultaneous,
    Symplectic,
    Unrolled,
)
from poise.training import MakeOptimizer, Training

TABLE: dict[str, Callable[[], Rule]] = {
    "simultaneous": Simultaneous,
    "alternating": lambda: Alternating({"discriminator": 2}),
    "extragradient": Extragradient,
    "past-extragradient": PastExtragradient,
    "lookahead": lambda: Lookahead(PastExtragradient(), k=2),
    "consensus": lambda: Consensus(0.1),
    "symplectic": lambda: Symplectic(0.1),
    "competitive": Competitive,
    "unrolled": lambda: Unrolled(3),
}
POINTS = GanConfig(network="mlp", width=8, latent=3, loss="minimax")
sgd, adam = partial(SGD, lr=0.05), partial(Adam, lr=1e-3, betas=(0.0, 0.9))


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(RULES)


def train(rule: Rule, optimizer: MakeOptimizer, config: GanConfig = POINTS, shape: tuple[int, ...] = (2,)) -> Training:
    torch.manual_seed(0)
    game = build(config, shape)
    return Training(game, rule, dict.fromkeys(game.players, optimizer), rng=Rng(3), half_life=30, ramp=1.0)


def deal(state: Training, *shape: int) -> list[Batch]:
    rng = torch.Generator().manual_seed(state.step)
    return [Batch(torch.rand(*shape, generator=rng) * 2 - 1) for _ in range(state.rule.batches)]


def tensors(state: Training) -> dict[str, Tensor]:
    checkpoint = state.checkpoint()
    return {f"{file}/{name}": t.clone() for file, parts in checkpoint.tensors.items() for name, t in parts.items()}


@pytest.mark.parametrize("optimizer", [sgd, adam], ids=["sgd", "adam"])
@pytest.mark.parametrize("rule", TABLE)
def test_going_on_from_a_checkpoint_is_as_if_nothing_had_happened(rule: str, optimizer: MakeOptimizer) -> None:
    whole = train(TABLE[rule](), optimizer)
    first, second = train(TABLE[rule](), optimizer), train(TABLE[rule](), optimizer)
    for _ in range(7):
        whole.play(deal(whole, 6, 2), progress=0.0)
    for _ in range(3):
        first.play(deal(first, 6, 2), progress=0.0)
    second.restore(first.checkpoint())
    for _ in range(4):
        second.play(deal(second, 6, 2), progress=0.0)
    expected, found = tensors(whole), tensors(second)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("rule", TABLE)
def test_both_players_and_the_average_move(rule: str) -> None:
    state = train(TABLE[rule](), adam)
    before = {player: flat.vector.detach().clone() for player, flat in state.flats.items()}
    average = state.averages["generator"].vector.clone()
    for _ in range(2):
        losses = state.play(deal(state, 6, 2), progress=0.0)
    assert set(losses) == {"discriminator", "generator"}
    assert all(not torch.equal(before[player], flat.vector) for player, flat in state.flats.items())
    assert not torch.equal(average, state.averages["generator"].vector)
    assert state.averages["generator"].seen == 12


@pytest.mark.parametrize("norm", ["batch", "spectral"])
@pytest.mark.parametrize("rule", TABLE)
def test_running_statistics_are_touched_once_a_step(rule: str, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = GanConfig(network="dcgan", width=4, latent=3, norm=norm, loss="minimax")  # type: ignore[arg-type]
    state = train(TABLE[rule](), adam, config, (1, 28, 28))
    iterations: list[object] = []
    iterate = _SpectralNorm._power_method

    def counting(self: _SpectralNorm, weight: Tensor, n: int) -> None:
        iterations.append(self)
        iterate(self, weight, n)

    monkeypatch.setattr(_SpectralNorm, "_power_method", counting)
    for _ in range(3):
        state.play(deal(state, 4, 1, 28, 28), progress=0.0)
    counts = [b.item() for name, b in state.game.named_buffers() if name.endswith("num_batches_tracked")]
    layers = [m for m in state.game.modules() if isinstance(m, _SpectralNorm)]
    assert counts
    assert set(counts) == {3}
    assert sorted(map(id, iterations)) == sorted(3 * list(map(id, layers)))
    assert bool(layers) == (norm == "spectral")
    with state.sampling() as game:  # sampling leaves no trace either
        buffers = [b.clone() for b in game.buffers()]
        game.sample(4, Rng(0))
        assert all(torch.equal(a, b) for a, b in zip(buffers, game.buffers(), strict=True))
        assert not game.training
    assert all(m.training for m in state.game.modules())


def test_competitive_play_needs_a_zero_sum_game_and_mere_step_sizes() -> None:
    for config in (
        GanConfig(network="mlp", latent=2),
        GanConfig(network="mlp", latent=2, loss="wasserstein", penalties=("wgan-gp",)),
        GanConfig(network="mlp", latent=2, loss="hinge"),
    ):
        with pytest.raises(PoiseError, match="zero-sum game; use --loss minimax"):
            train(Competitive(), sgd, config)
    train(Competitive(), sgd, GanConfig(network="mlp", latent=2, loss="wasserstein", penalties=("r1",)))
    for optimizer in (Adam, partial(SGD, momentum=0.9), partial(SGD, weight_decay=0.1)):
        with pytest.raises(PoiseError, match=r"takes only step sizes from the discriminator's optimizer"):
            train(Competitive(), optimizer)
        with pytest.raises(PoiseError, match=r"takes only step sizes"):
            train(Lookahead(Competitive()), optimizer)


def test_unrolling_needs_an_optimizer_that_can_be_differentiated() -> None:
    with pytest.raises(PoiseError, match="which Adagrad does not allow; use sgd or adam"):
        train(Unrolled(), torch.optim.Adagrad)


@pytest.mark.parametrize("make", [lambda: Lookahead(Simultaneous(), 0), lambda: Consensus(-1.0), lambda: Unrolled(0)])
def test_senseless_settings_are_refused(make: Callable[[], Rule]) -> None:
    with pytest.raises(PoiseError, match="give"):
        make()


@pytest.mark.parametrize("rule", [Extragradient, PastExtragradient, Simultaneous, lambda: Lookahead(Extragradient())])
def test_any_torch_optimizer_will_do(rule: Callable[[], Rule]) -> None:
    state = train(rule(), partial(torch.optim.NAdam, lr=1e-3))
    for _ in range(5):
        state.play(deal(state, 6, 2), progress=0.0)
    assert state.averages["generator"].seen == 30


def test_extragradient_is_the_same_with_torch_s_optimizer_and_with_poise_s() -> None:
    def end(optimizer: MakeOptimizer) -> Tensor:
        game = bilinear()
        state = Training(game, Extragradient(), dict.fromkeys(game.players, optimizer))
        for _ in range(20):
            state.play([Batch(torch.zeros(1, 1))], progress=0.0)
        return torch.cat([game.x.value, game.y.value]).detach()

    torch.testing.assert_close(end(partial(Adam, lr=0.1)), end(partial(torch.optim.Adam, lr=0.1)), rtol=1e-12, atol=0)


def test_extragradient_adam_is_algorithm_4_of_gidel() -> None:
    lr, b1, b2, eps = 0.1, 0.5, 0.9, 1e-8
    game = bilinear(1.0, 0.5)
    state = Training(game, Extragradient(), dict.fromkeys(game.players, partial(Adam, lr=lr, betas=(b1, b2), eps=eps)))
    w = torch.tensor([1.0, 0.5], dtype=torch.float64)
    m, v = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)

    def field(at: Tensor) -> Tensor:
        return torch.stack([at[1], -at[0]])

    for t in range(1, 11):
        here, point = w, w
        for half in (2 * t - 1, 2 * t):
            g = field(point)
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            point = here - lr * (m / (1 - b1**half)) / ((v / (1 - b2**half)).sqrt() + eps)
        w = point
        state.play([Batch(torch.zeros(1, 1))], progress=0.0)
        torch.testing.assert_close(torch.cat([game.x.value, game.y.value]).detach(), w, rtol=1e-10, atol=0)


def test_lookahead_averages_the_slow_weights_only() -> None:
    state = train(Lookahead(Simultaneous(), k=2), sgd)
    generator, average = state.flats["generator"], state.averages["generator"]
    start = average.vector.clone()
    state.play(deal(state, 6, 2), progress=0.0)
    assert torch.equal(average.vector, start)
    state.play(deal(state, 6, 2), progress=0.0)
    assert average.seen == 12
    keep = 0.5 ** (12 / 12)  # the ramp: half-life as long as the run so far
    torch.testing.assert_close(average.vector, keep * start + (1 - keep) * generator.vector.detach())
