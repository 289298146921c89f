"""Networks: every supported size, gray and color, and how they start."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from poise.data.names import SIZES
from poise.nets import dcgan, residual
from poise.nets.sizes import stages

Maker = Callable[..., nn.Module]
FAMILIES: dict[str, tuple[Maker, Maker]] = {
    "dcgan": (dcgan.Generator, dcgan.Discriminator),
    "deep": (partial(dcgan.Generator, deep=True), partial(dcgan.Discriminator, deep=True)),
    "residual": (residual.Generator, residual.Discriminator),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_images_of_every_size_go_in_and_out(family: str, size: int, channels: int) -> None:
    make_generator, make_discriminator = FAMILIES[family]
    generator, discriminator = make_generator(8, size, channels, 4), make_discriminator(size, channels, 4)
    images = generator(torch.randn(2, getattr(generator, "noise", 8)))
    assert images.shape == (2, channels, size, size)
    scores = discriminator(images)
    assert scores.shape == (2,)
    scores.sum().backward()
    for network in (generator, discriminator):
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("size", [27, 30, 7, 4])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=str(size)):
        stages(size)


def test_scores_of_fresh_networks_are_of_order_one() -> None:
    torch.manual_seed(0)
    x = torch.rand(32, 3, 64, 64) * 2 - 1
    for make_generator, make_discriminator in FAMILIES.values():
        assert 0.01 < make_discriminator(64, 3, 16)(x).std().item() < 10
        generator = make_generator(64, 64, 3, 16)
        assert 0.001 < generator(torch.randn(16, int(getattr(generator, "noise", 64)))).std().item() < 10


@pytest.mark.parametrize("size", SIZES)
def test_deep_discriminators_end_on_three_or_four_pixels(size: int) -> None:
    convolutions = [m for m in dcgan.Discriminator(size, 1, 32, deep=True).modules() if isinstance(m, nn.Conv2d)]
    grids: list[int] = []
    for layer in convolutions:
        layer.register_forward_hook(lambda module, inputs, output: grids.append(output.shape[-1]))
    nn.Sequential(nn.PixelUnshuffle(2), *convolutions)(torch.zeros(1, 1, size, size))
    halves = [size // 2]
    while halves[-1] > 4:
        halves.append((halves[-1] + 1) // 2)
    assert grids == halves
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}


def test_deep_networks_work_more_where_images_are_small() -> None:
    """The channels at 28 pixels that docs/recipes.md measured: 192, 64, 32, 16 beside 32, 128, 128."""
    generator, discriminator = dcgan.Generator(64, 28, 1, 32, deep=True), dcgan.Discriminator(28, 1, 32, deep=True)
    assert [len(m.strength) for m in generator.modules() if isinstance(m, dcgan.Noisy)] == [192, 64, 32, 16]
    assert [m.out_channels for m in discriminator.modules() if isinstance(m, nn.Conv2d)] == [32, 128, 128]


def test_a_residual_block_starts_as_the_identity() -> None:
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(residual.Block(8, 1.0)(x), x)


def test_maps_of_noise_count_as_much_as_channels_have_learned() -> None:
    torch.manual_seed(0)
    generator = dcgan.Generator(8, 28, 1, 4).eval()
    assert generator.noise == 8 + 7**2 + 14**2 + 2 * 28**2
    z, other = torch.randn(2, 3, generator.noise)
    other = torch.cat([z[:, :8], other[:, 8:]], 1)
    assert torch.equal(generator(z), generator(other))  # none at first
    for layer in generator.modules():
        if isinstance(layer, dcgan.Noisy):
            torch.nn.init.constant_(layer.strength, 0.5)
    assert not torch.equal(generator(z), generator(other))
