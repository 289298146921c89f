"""The benchmark's networks against their description, and dropout against its law."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from poise.nets import residual
from poise.nets.deepobs import AFTER, BEFORE, DeepObsDecoder, DeepObsEncoder
from poise.nets.dropout import Dropout


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_as_many_as_the_description_says() -> None:
    kernel = 64 * 64 * 16 + 64
    first = 64 * 16 + 64
    assert count(DeepObsEncoder(16)) == first + 2 * kernel + (64 * 49 * 16 + 16)
    dense = (8 * 24 + 24) + (24 * 49 + 49) + (64 * 196 * 784 + 784)
    assert count(DeepObsDecoder(8)) == dense + first + 2 * kernel


def test_padding_of_an_even_kernel_is_tensorflows() -> None:
    """'same' with kernel 4 and stride 1 puts one zero before and two after; transposed, it is that one's gradient."""
    x, w = torch.randn(1, 1, 5, 5, dtype=torch.float64), torch.randn(1, 1, 4, 4, dtype=torch.float64)

    def same(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(5, 5, dtype=torch.float64)
        for i in range(5):
            for j in range(5):
                for a in range(4):
                    for b in range(4):
                        if 0 <= i + a - 1 < 5 and 0 <= j + b - 1 < 5:
                            out[i, j] = out[i, j] + x[0, 0, i + a - 1, j + b - 1] * w[0, 0, a, b]
        return out

    torch.testing.assert_close(conv2d(pad(x, AFTER), w)[0, 0], same(x))
    free = torch.zeros_like(x, requires_grad=True)
    (transposed,) = torch.autograd.grad((same(free) * x[0, 0]).sum(), free)
    turned = w.flip(2, 3)
    torch.testing.assert_close(conv2d(pad(x, BEFORE), turned), transposed)
    torch.testing.assert_close(conv_transpose2d(x, w)[..., 1:-2, 1:-2], transposed)


def test_layers_begin_as_tensorflows() -> None:
    torch.manual_seed(0)
    dense = DeepObsDecoder(8).body[-1]
    assert isinstance(dense, nn.Linear)
    limit = (6 / (64 * 196 + 784)) ** 0.5
    assert dense.bias.abs().max() == 0
    assert 0.99 * limit < dense.weight.abs().max() <= limit


def test_outputs_are_in_the_range_of_images_and_the_deviation_is_halved() -> None:
    torch.manual_seed(0)
    images = DeepObsDecoder(8)(10 * torch.randn(4, 8))
    assert -1 <= images.min() < images.max() <= 1
    encoder = DeepObsEncoder(2).eval()
    x = torch.rand(3, 1, 28, 28) * 2 - 1
    mean, log_sd = encoder.body((x + 1) / 2).chunk(2, 1)
    torch.testing.assert_close(encoder(x), torch.cat([mean, log_sd / 2], 1))


def test_dropout_is_unbiased_and_its_generators_own() -> None:
    layer = Dropout(0.3)
    layer.generator = torch.Generator().manual_seed(0)
    first = layer(torch.ones(100_000))
    assert first.mean().item() == pytest.approx(1, abs=0.01)
    assert (first == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    layer.generator = torch.Generator().manual_seed(0)
    assert torch.equal(layer(torch.ones(100_000)), first)


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3), (128, 3)])
def test_a_residual_encoder_starts_near_zero(size: int, channels: int) -> None:
    torch.manual_seed(0)
    encoder = residual.Encoder(size, channels, 16, outputs=6)
    out = encoder(torch.rand(8, channels, size, size) * 2 - 1)
    assert out.shape == (8, 6)
    assert 0.001 < out.abs().mean().item() < 2
    out.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())
