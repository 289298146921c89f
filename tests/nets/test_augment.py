"""Augmentations: nothing at p = 0, what they are said to be, and none that a generator could learn."""

import math

import pytest
import torch

from poise.nets.augment import SHIFT, STEP, augment

IMAGES, POINTS = (2, 8, 8), (3,)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sure(p: float) -> torch.Tensor:
    return torch.tensor(p)


@pytest.mark.parametrize("shape", [IMAGES, POINTS, (1,), (1, 28, 28)])
def test_with_probability_zero_it_is_the_identity_bit_for_bit(shape: tuple[int, ...]) -> None:
    x = torch.randn(5, *shape)
    assert torch.equal(augment(x, sure(0.0), seeded()), x)
    assert not torch.equal(augment(x, sure(0.8), seeded()), x)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_so_many_samples_are_changed(p: float) -> None:
    """Points have two ways, so that (1 − p)² of them stay as they are."""
    x = torch.randn(4_000, 3)
    stayed = (augment(x, sure(p), seeded()) == x).all(1).double().mean().item()
    assert stayed == pytest.approx((1 - p) ** 2, abs=4 * math.sqrt(0.25 / 4_000))


def test_samples_are_drawn_by_themselves_and_again_the_same() -> None:
    x = torch.randn(1, *IMAGES).expand(6, -1, -1, -1)
    seen = augment(x, sure(0.8), seeded())
    assert len({tuple(row.flatten().tolist()) for row in seen}) > 3
    assert torch.equal(seen, augment(x, sure(0.8), seeded()))


@pytest.mark.parametrize("shape", [(1, 4, 4), POINTS])
def test_gradients_are_right_of_first_and_second_order(shape: tuple[int, ...]) -> None:
    x = torch.randn(3, *shape, dtype=torch.float64, requires_grad=True)

    def seen(x: torch.Tensor) -> torch.Tensor:
        return augment(x, sure(0.7), seeded())

    assert torch.autograd.gradcheck(seen, x)
    assert torch.autograd.gradgradcheck(seen, x)


@pytest.mark.parametrize("size", [8, 12, 16, 28, 64, 96, 128])
def test_shifts_of_images_can_be_told_from_none_at_every_probability(size: int) -> None:
    """What is seen of a law is its convolution with (1 − p)δ + p·k around the border; no frequency of it may vanish."""
    most = int(SHIFT * size)
    kernel = torch.zeros(size, dtype=torch.float64)
    for first in range(most + 1):
        for second in range(most + 1):
            kernel[(first - second) % size] += 1 / (most + 1) ** 2
    spectrum = torch.fft.fft(kernel)
    assert spectrum.imag.abs().max() < 1e-12
    for p in (0.5, 0.8, 0.99):
        assert (1 - p + p * spectrum.real).min() >= 1 - p - 1e-12


def test_a_bright_pixel_is_shifted_as_often_as_that_kernel_says() -> None:
    """The mean over many augmented images of one pixel, but for size, contrast and brightness, is the kernel."""
    x = torch.zeros(1, 1, 8, 8)
    x[..., 4, 4] = 1
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SCALE", "BRIGHTNESS", "CONTRAST"):
            patch.setattr(f"poise.nets.augment.{name}", 0.0)
        seen = augment(x.expand(20_000, -1, -1, -1), sure(0.6), seeded()).mean((0, 1))
    line = torch.zeros(8)
    line[3:6] = torch.tensor([0.15, 0.7, 0.15])  # .4 δ + .6 (¼, ½, ¼)
    torch.testing.assert_close(seen, line.outer(line), atol=0.015, rtol=0)


def test_points_are_turned_and_shifted_by_little() -> None:
    x = torch.randn(20_000, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poise.nets.augment.STEP", 0.0)
        turned = augment(x, sure(1.0), seeded())
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("poise.nets.augment.ANGLE", 0.0)
        shifted = augment(x, sure(1.0), seeded()) - x
    assert shifted.std().item() == pytest.approx(STEP, rel=0.05)


def test_pixels_are_exact_under_autocast() -> None:
    x = torch.rand(4, *IMAGES)
    with torch.autocast("cpu", torch.bfloat16):
        rough = augment(x, sure(0.8), seeded())
    assert torch.equal(rough, augment(x, sure(0.8), seeded()))
