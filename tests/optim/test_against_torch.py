"""Optimizers that torch has too must equal torch's, to rounding."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from optim.problems import own
from poise.optim import Flat, Muon
from poise.optim.muon import orthogonalize

BETAS = (0.5, 0.95)
PAIRS: list[tuple[str, dict[str, Any], type[torch.optim.Optimizer], dict[str, Any]]] = [
    ("sgd", {}, torch.optim.SGD, {}),
    ("sgd", {"weight_decay": 0.1}, torch.optim.SGD, {}),
    ("sgd", {"momentum": 0.9, "weight_decay": 0.1}, torch.optim.SGD, {}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, torch.optim.SGD, {}),
    ("adam", {"betas": (0.0, 0.9)}, torch.optim.Adam, {}),
    ("adam", {"betas": BETAS, "weight_decay": 0.1}, torch.optim.Adam, {}),
    ("adam", {"eps": 1e-3}, torch.optim.Adam, {}),
    ("adamw", {}, torch.optim.AdamW, {}),
    ("adamw", {"betas": BETAS, "weight_decay": 0.3}, torch.optim.AdamW, {}),
    ("amsgrad", {"betas": BETAS, "weight_decay": 0.1}, torch.optim.Adam, {"amsgrad": True}),
    ("radam", {}, torch.optim.RAdam, {}),
    ("radam", {"betas": BETAS, "weight_decay": 0.1}, torch.optim.RAdam, {}),
    ("radam", {"betas": (0.5, 0.6)}, torch.optim.RAdam, {}),  # never certain enough
    ("rmsprop", {}, torch.optim.RMSprop, {}),
    ("rmsprop", {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}, torch.optim.RMSprop, {}),
]


def net() -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 16, 3)).double()
    convert_conv2d_weight_memory_format(layers, torch.channels_last)
    return layers


def train(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for step in range(100):
        x = torch.randn(8, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (module(x) - x.mean()).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize(("name", "settings", "theirs", "more"), PAIRS)
@pytest.mark.parametrize("kind", ["plain", "flat"])
def test_a_hundred_steps_equal_torchs(
    name: str, settings: dict[str, Any], theirs: type[torch.optim.Optimizer], more: dict[str, Any], kind: str
) -> None:
    module, other = net(), net()
    train(module, own(name, **settings)(module.parameters() if kind == "plain" else Flat(module), lr=1e-2))
    train(other, theirs(other.parameters(), lr=1e-2, **settings, **more))  # type: ignore[call-arg]
    for p, q in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 4), (4, 9), (5, 5)])
@pytest.mark.parametrize("half", [True, False])
def test_muon_equals_torchs(shape: tuple[int, int], half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the rounding of bfloat16, in which torch's orthogonalizes; with our way in its place, to float32's."""
    if not half:
        monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", lambda x, *_: orthogonalize(x))
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    mine = Muon([ours], lr=1e-2, weight_decay=0.1)
    reference = torch.optim.Muon([theirs], lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(30):
        gradient = torch.randn(shape)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=30 * 1e-2 * 2**-8 if half else 1e-6)


@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_muon_moves_kernels_as_matrices_and_vectors_by_adam(rate: float) -> None:
    kernel, matrix, bias = nn.Parameter(torch.randn(4, 2, 3, 3)), nn.Parameter(torch.empty(4, 18)), torch.randn(4)
    matrix.data.copy_(kernel.detach().reshape(4, 18))
    vectors = [nn.Parameter(bias.clone()) for _ in range(2)]
    whole, flat = Muon([kernel, vectors[0]], lr=1e-2, vector_rate=rate), Muon([matrix], lr=1e-2)
    adam = torch.optim.AdamW([vectors[1]], lr=1e-2 * rate, weight_decay=0.0)
    for _ in range(5):
        gradient, other = torch.randn(4, 2, 3, 3), torch.randn(4)
        kernel.grad, matrix.grad = gradient, gradient.reshape(4, 18)
        vectors[0].grad, vectors[1].grad = other.clone(), other.clone()
        for optimizer in (whole, flat, adam):
            optimizer.step()
    assert torch.equal(kernel.reshape(4, 18), matrix)
    torch.testing.assert_close(vectors[0], vectors[1])


def test_muon_saved_before_vectors_had_a_rate_goes_on() -> None:
    bias = nn.Parameter(torch.zeros(3))
    optimizer = Muon([bias], lr=1e-2, vector_rate=0.5)
    bias.grad = torch.ones(3)
    optimizer.step()
    old = optimizer.state_dict()
    del old["param_groups"][0]["vector_rate"]
    optimizer.load_state_dict(old)
    before = bias.detach().clone()
    optimizer.step()
    torch.testing.assert_close(before - bias, torch.full((3,), 1e-2))


def test_muon_refuses_a_rate_below_nothing() -> None:
    with pytest.raises(ValueError, match=r"vector_rate is -0.1; give a number of at least 0"):
        Muon([nn.Parameter(torch.zeros(3))], vector_rate=-0.1)
