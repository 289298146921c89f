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
    """To the rounding of bfloat16, in which torch's orthogonalizes; with our way in its place, to float64's."""
    if not half:
        monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", lambda x, *_: orthogonalize(x))
    start = torch.randn(shape, dtype=torch.float64)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    mine = Muon([ours], lr=1e-2, weight_decay=0.1)
    reference = torch.optim.Muon([theirs], lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(30):
        gradient = torch.randn(shape, dtype=torch.float64)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=30 * 1e-2 * 2**-8 if half else 1e-12)


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


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 2, 3)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_muon_moves_kernels_alike_in_any_memory_order(order: tuple[int, ...], momentum: float) -> None:
    start = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    back = [order.index(i) for i in range(4)]
    plain, other = nn.Parameter(start.clone()), nn.Parameter(start.permute(order).contiguous().permute(back))
    assert torch.equal(plain, other)
    one, two = (Muon([w], lr=1e-2, momentum=momentum, weight_decay=0.1) for w in (plain, other))
    for _ in range(5):
        plain.grad = torch.randn_like(start)
        other.grad = plain.grad.clone()
        one.step()
        two.step()
    torch.testing.assert_close(plain, other, rtol=0, atol=1e-13)


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


def test_muon_leaves_columns_to_adam_and_goes_on_where_they_were_matrices() -> None:
    """They are gains of channels; and a state of before counts anew, for it has no squares of theirs."""
    column, twin = nn.Parameter(torch.zeros(3, 1, 1)), nn.Parameter(torch.zeros(3))
    ours, adam = Muon([column], lr=1e-2), torch.optim.AdamW([twin], lr=1e-2, weight_decay=0.0)
    for step in range(4):
        if step == 2:
            before = ours.state_dict()
            before["state"][0]["square"] = torch.zeros(0)
            ours.load_state_dict(before)
            for moment in adam.state[twin].values():
                moment.zero_()
        column.grad = torch.randn(3, 1, 1)
        twin.grad = column.grad.flatten()
        ours.step()
        adam.step()
        torch.testing.assert_close(column.flatten(), twin)


def test_muon_refuses_a_rate_below_nothing() -> None:
    with pytest.raises(ValueError, match=r"vector_rate is -0.1; give a number of at least 0"):
        Muon([nn.Parameter(torch.zeros(3))], vector_rate=-0.1)
