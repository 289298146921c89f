"""Batch normalization of averaged weights: the mean scale of batches of their samples, and no trace in training."""

import pytest
import torch
from torch import Tensor, nn

from poise.config import GanConfig
from poise.game import Batch, Game
from poise.models import build
from poise.models.gan import Gan
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Alternating
from poise.statistics import AT_ONCE, SAMPLES
from poise.training import Training

CONFIG = GanConfig(network="dcgan", width=4, latent=3, norm="batch")


@pytest.fixture
def state() -> Training:
    torch.manual_seed(0)
    game = build(CONFIG, (1, 28, 28))
    quick = {player: lambda p: Adam(p, lr=1e-2) for player in game.players}
    training = Training(game, Alternating(), quick, rng=Rng(3), half_life=30, ramp=1.0)
    for step in range(4):
        x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(step)) * 2 - 1
        training.play([Batch(x)], progress=0.0)
    return training


def running(game: Game) -> dict[str, Tensor]:
    return {name: b.clone() for name, b in game.named_buffers() if name.endswith(("running_mean", "running_var"))}


def test_averaged_weights_scale_samples_as_batches_of_them_do_on_average(state: Training) -> None:
    reference = build(CONFIG, (1, 28, 28)).double()
    assert isinstance(reference, Gan)
    averaged = state.checkpoint().tensors["average"]
    reference.generator.load_state_dict({name.removeprefix("generator."): t for name, t in averaged.items()})
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for name, layer in reference.named_modules():
        if isinstance(layer, nn.BatchNorm2d):

            def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                values = inputs[0].transpose(0, 1).flatten(1)
                seen.setdefault(name, []).append((values.mean(1), (values.var(1) + 1e-5) ** -0.5))

            layer.register_forward_hook(note)
    reference.generator.train()
    for part in range(1, SAMPLES // AT_ONCE + 1):
        reference.generator(reference.noise(AT_ONCE, Rng(3).at(0, part)).double())
    with state.sampling() as game:
        found = running(game)
    assert seen
    for name, batches in seen.items():
        means, scales = (torch.stack(values).mean(0).float() for values in zip(*batches, strict=True))
        torch.testing.assert_close(found[f"{name}.running_mean"], means, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close((found[f"{name}.running_var"] + 1e-5) ** -0.5, scales, rtol=1e-5, atol=0)
        assert torch.equal(averaged[f"{name}.running_var"], found[f"{name}.running_var"])


def test_training_and_what_samples_do_not_pass_go_on_as_before(state: Training) -> None:
    before, momenta = running(state.game), [getattr(m, "momentum", None) for m in state.game.modules()]
    with state.sampling() as game:
        inside = running(game)
    saved = state.checkpoint().tensors["weights"]
    after = running(state.game)
    for name, value in before.items():
        assert torch.equal(after[name], value)
        assert torch.equal(saved[name], value)
        assert torch.equal(inside[name], value) == name.startswith("discriminator")
    assert [getattr(m, "momentum", None) for m in state.game.modules()] == momenta
    assert all(m.training for m in state.game.modules())


def test_samples_that_fail_and_layers_out_of_training_are_left_as_they_were(
    state: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(n: int, rng: Rng) -> Tensor:
        raise KeyboardInterrupt

    frozen = next(m for m in state.game.modules() if isinstance(m, torch.nn.BatchNorm2d))
    frozen.eval()
    before, modes = running(state.game), [(m.training, getattr(m, "momentum", None)) for m in state.game.modules()]
    with monkeypatch.context() as patch:
        patch.setattr(state.game, "sample", interrupted)
        with pytest.raises(KeyboardInterrupt), state.sampling():
            pass
    assert all(torch.equal(before[name], value) for name, value in running(state.game).items())
    assert [(m.training, getattr(m, "momentum", None)) for m in state.game.modules()] == modes


def test_a_restored_state_has_both_kinds_of_statistics(state: Training) -> None:
    game = build(CONFIG, (1, 28, 28))
    second = Training(game, Alternating(), dict.fromkeys(game.players, Adam), rng=Rng(3), half_life=30, ramp=1.0)
    with second.sampling():
        pass  # statistics found before must not be kept
    second.restore(state.checkpoint())
    first, again = state.checkpoint().tensors, second.checkpoint().tensors
    for file in ("weights", "average"):
        assert all(torch.equal(first[file][name], again[file][name]) for name in first[file])


def test_without_an_average_samples_come_from_the_running_statistics(state: Training) -> None:
    state.averages.clear()
    before = running(state.game)
    with state.sampling() as game:
        assert all(torch.equal(before[name], value) for name, value in running(game).items())
