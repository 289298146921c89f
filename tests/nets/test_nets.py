"""Networks: every supported size, gray and color, and how they start."""

import pytest
import torch

from poise.data.names import SIZES
from poise.nets import dcgan, residual
from poise.nets.sizes import stages


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", [dcgan, residual])
def test_images_of_every_size_go_in_and_out(family: object, size: int, channels: int) -> None:
    generator = family.Generator(8, size, channels, 4)  # type: ignore[attr-defined]
    discriminator = family.Discriminator(size, channels, 4)  # type: ignore[attr-defined]
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
    for network in (dcgan.Discriminator(64, 3, 16), residual.Discriminator(64, 3, 16)):
        assert 0.01 < network(x).std().item() < 10
    for generator in (dcgan.Generator(64, 64, 3, 16), residual.Generator(64, 64, 3, 16)):
        assert 0.001 < generator(torch.randn(16, int(getattr(generator, "noise", 64)))).std().item() < 10


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
