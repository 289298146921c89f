"""The flat buffer: modules must not notice it."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from poise.optim import Flat, rehome

SHAPES = st.lists(st.lists(st.integers(1, 5), max_size=4).map(tuple), min_size=1, max_size=6)


class Mixed(nn.Module):
    """Channels-last convolutions, a tied weight, a frozen layer and running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.second = nn.Conv2d(5, 5, 3, padding=1)
        self.tied = nn.Conv2d(5, 5, 3, padding=1)
        self.tied.weight = self.second.weight
        self.frozen = nn.Conv2d(5, 2, 1).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.frozen(self.tied(self.second(self.norm(self.first(x)))))
        return out


def mixed() -> Mixed:
    torch.manual_seed(3)
    module = Mixed()
    convert_conv2d_weight_memory_format(module, torch.channels_last)
    return module


@settings(max_examples=50, deadline=None)
@given(shapes=SHAPES, permute=st.booleans())
def test_rehoming_keeps_values_shapes_and_order_in_memory(shapes: list[tuple[int, ...]], permute: bool) -> None:
    tensors = [torch.randn(shape) for shape in shapes]
    if permute:
        tensors = [t.permute(tuple(reversed(range(t.dim())))) for t in tensors]
    before = [t.clone(memory_format=torch.preserve_format) for t in tensors]
    buffer = rehome(tensors)
    assert buffer.sum().item() == pytest.approx(sum(t.sum().item() for t in before), abs=1e-4)
    for tensor, old in zip(tensors, before, strict=True):
        assert torch.equal(tensor, old)
        assert tensor.stride() == old.stride()
    buffer.fill_(2.0)
    assert all((t == 2.0).all() for t in tensors)


def test_gradients_land_in_one_buffer_and_equal_those_of_a_plain_module() -> None:
    plain, module, x = mixed(), mixed(), torch.randn(4, 3, 6, 6)
    flat = Flat(module)
    plain(x).square().mean().backward()
    module(x).square().mean().backward()
    assert flat.holds_parameters()
    for own, expected in zip(module.parameters(), plain.parameters(), strict=True):
        if own.requires_grad:
            assert own.grad is not None
            assert expected.grad is not None
            assert own.grad.stride() == own.stride()
            torch.testing.assert_close(own.grad, expected.grad)
    norm = torch.stack([p.grad.norm() for p in plain.parameters() if p.grad is not None]).norm()
    torch.testing.assert_close(flat.gradient.norm(), norm)


def test_tied_parameters_are_stored_once_and_frozen_ones_stay_out() -> None:
    module = mixed()
    flat = Flat(module)
    assert module.tied.weight is module.second.weight
    assert len(flat.parameters) == len({id(p) for p in module.parameters() if p.requires_grad})
    frozen = module.frozen.weight.clone()
    with torch.no_grad():
        flat.vector.zero_()
    assert torch.equal(module.frozen.weight, frozen)
    assert not module.second.weight.any()


def test_state_dict_loads_into_a_plain_module_and_back() -> None:
    module, plain = mixed(), Mixed()
    flat = Flat(module)
    plain.load_state_dict(module.state_dict())
    with torch.no_grad():
        flat.vector.zero_()
    module.load_state_dict(plain.state_dict())
    assert flat.holds_parameters()
    assert torch.equal(module.first.weight, plain.first.weight)


def test_a_step_over_the_vector_moves_the_module_without_moving_its_storage() -> None:
    module = mixed()
    flat = Flat(module)
    addresses = [p.data_ptr() for p in module.parameters()]
    module(torch.randn(2, 3, 6, 6)).sum().backward()
    before = module.first.weight.clone()
    torch.optim.Adam([flat.vector], lr=0.1, fused=True).step()
    assert not torch.equal(module.first.weight, before)
    assert addresses == [p.data_ptr() for p in module.parameters()]
    assert flat.holds_parameters()


def test_other_weights_can_be_put_in_for_a_while() -> None:
    module, x = mixed(), torch.randn(2, 3, 6, 6)
    flat = Flat(module)
    module.eval()
    mine = module(x)
    with flat.at(torch.zeros_like(flat.vector)):
        assert not torch.equal(module(x), mine)
        assert not flat.holds_parameters()
    assert torch.equal(module(x), mine)
    assert flat.holds_parameters()


def test_a_copy_of_the_module_is_independent() -> None:
    module = mixed()
    flat = Flat(module)
    twin = copy.deepcopy(module)
    with torch.no_grad():
        flat.vector.zero_()
    assert twin.first.weight.any()


def test_leaving_the_buffer_is_noticed() -> None:
    module = mixed()
    flat = Flat(module)
    module.to(torch.float64)
    assert not flat.holds_parameters()


def test_unusable_players_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one parameter"):
        Flat(nn.ReLU())
    with pytest.raises(ValueError, match="one dtype"):
        Flat(nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1).double()]))
