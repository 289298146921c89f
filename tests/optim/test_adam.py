"""Adam over one flat vector against torch's loop over the parameters, and against the formula."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from poise.optim import Average, Flat, adam


def net() -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))
    convert_conv2d_weight_memory_format(layers, torch.channels_last)
    return layers


@pytest.mark.parametrize("betas", [(0.0, 0.9), (0.5, 0.999), (0.9, 0.999)])
def test_a_hundred_steps_equal_torch_to_rounding(betas: tuple[float, float]) -> None:
    plain, module = net().double(), net().double()
    reference = torch.optim.Adam(plain.parameters(), lr=1e-2, betas=betas, foreach=False, fused=False)
    flat = Flat(module)
    ours = adam(flat.vector, lr=1e-2, betas=betas)
    for step in range(100):
        x = torch.randn(8, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
        for model, optimizer in ((plain, reference), (module, ours)):
            if model is plain:
                optimizer.zero_grad()
            else:
                flat.gradient.zero_()
            model(x).square().mean().backward()
            optimizer.step()
    for own, expected in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-12)


def test_a_constant_gradient_moves_by_the_learning_rate_every_step() -> None:
    w = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    w.grad = torch.tensor([1e-3, -5.0, 2e4], dtype=torch.float64)
    optimizer = adam(w, lr=0.1, eps=0.0)
    for step in range(1, 20):
        optimizer.step()
        expected = -0.1 * step * torch.sign(w.grad)
        torch.testing.assert_close(w.detach(), expected, rtol=1e-9, atol=0)


def test_the_average_halves_an_image_in_a_half_life() -> None:
    flat = Flat(nn.Linear(2, 1))
    average = Average(flat, half_life=64, ramp=1.0)
    with torch.no_grad():
        average.vector.zero_()
        flat.vector.fill_(1.0)
    for step in range(4):  # 64 images in four batches: half of the way
        average.update(batch=16, seen=10_000 + 16 * step)
    torch.testing.assert_close(average.vector, torch.full_like(average.vector, 0.5))


def test_the_average_forgets_the_start() -> None:
    flat = Flat(nn.Linear(2, 1))
    average = Average(flat, half_life=1e9, ramp=0.05)
    average.update(batch=100, seen=100)  # half-life 5 images: 2⁻²⁰ of the start is left
    difference = (average.vector - flat.vector).abs().max().item()
    assert difference <= flat.vector.abs().max().item() * 2**-19
    assert math.isfinite(difference)
