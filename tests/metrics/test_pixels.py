"""Spectra and gray levels against filters of known response and slow references."""

import cmath
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics import gray_levels, spectrum


def noise(n: int, h: int, w: int, c: int = 1, seed: int = 0, levels: int = 256) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(levels, (n, h, w, c), generator=generator, dtype=torch.uint8)


def slow_spectrum(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    h, w = real.shape[1:3]
    powers = []
    for images in (real, fake):
        rings: dict[int, list[float]] = {}
        for image in images.double().permute(0, 3, 1, 2).flatten(0, 1).tolist():
            for i in range(h):
                for j in range(w):
                    value = sum(
                        image[y][x] * cmath.exp(-2j * math.pi * (i * y / h + j * x / w))
                        for y in range(h)
                        for x in range(w)
                    )
                    fy, fx = (i if i < (h + 1) // 2 else i - h) / h, (j if j < (w + 1) // 2 else j - w) / w
                    rings.setdefault(round(math.hypot(fy, fx) * min(h, w)), []).append(abs(value) ** 2 / (h * w))
        powers.append({r: sum(values) / len(values) + 1 / 12 for r, values in rings.items() if r})
    gaps = {r: 10 * math.log10(powers[1][r] / powers[0][r]) for r in powers[0]}
    low, high = ([g for r, g in gaps.items() if (r <= min(h, w) / 4) == part] for part in (True, False))
    return {
        "spectrum": math.sqrt(sum(g**2 for g in gaps.values()) / len(gaps)),
        "spectrum_low": sum(low) / len(low),
        "spectrum_high": sum(high) / len(high),
    }


@settings(max_examples=8, deadline=None)
@given(h=st.integers(4, 7), w=st.integers(4, 7), c=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_the_spectrum_is_that_of_sums(h: int, w: int, c: int, seed: int) -> None:
    real, fake = noise(2, h, w, c, seed), noise(1, h, w, c, seed + 1, levels=99)
    assert spectrum(real, fake) == pytest.approx(slow_spectrum(real, fake), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("scale", [2, 5, 10])
def test_a_scale_moves_all_frequencies_alike(scale: int) -> None:
    real = noise(200, 16, 16, levels=25)
    decibels = 20 * math.log10(scale)
    found = spectrum(real, real * scale)
    assert found == pytest.approx(dict.fromkeys(found, decibels), abs=0.02)  # but for the power of rounding


@pytest.mark.parametrize("side", [8, 16, 28])
def test_an_average_of_neighbors_has_its_known_response(side: int) -> None:
    """Half of x plus half of its neighbor, in both directions: |H|² = cos²(πf) cos²(πg), white noise for x."""
    real = (noise(4_000, side, side, levels=64, seed=side) * 4).float()
    blurred = (real + real.roll(1, 1) + real.roll(1, 2) + real.roll((1, 1), (1, 2))) / 4
    f = torch.fft.fftfreq(side, dtype=torch.float64)
    response = (torch.pi * f).cos().square()[:, None] * (torch.pi * f).cos().square()
    rings = ((f[:, None].square() + f.square()).sqrt() * side).round().long()
    power = (64**2 - 1) / 12 * 16  # of one of 64 levels four apart
    gaps = [
        10 * math.log10((response[rings == r].mean().item() * power + 1 / 12) / (power + 1 / 12))
        for r in range(1, int(rings.max()) + 1)
    ]
    found = spectrum(real.byte(), blurred.byte())
    assert blurred.frac().abs().max() == 0  # nothing is rounded
    assert found["spectrum_low"] == pytest.approx(sum(gaps[: side // 4]) / (side // 4), abs=0.1)
    assert found["spectrum_high"] == pytest.approx(sum(gaps[side // 4 :]) / len(gaps[side // 4 :]), abs=0.2)


def test_checkerboards_are_high_and_flat_images_finite() -> None:
    real = noise(50, 16, 16, levels=200)
    board = 20 * (torch.arange(16)[:, None] + torch.arange(16)).remainder(2).byte().view(16, 16, 1)
    found = spectrum(real, real + board)
    assert found["spectrum_high"] > 0.5
    assert abs(found["spectrum_low"]) < 0.1
    flat = torch.full_like(real, 77)
    assert spectrum(flat, flat) == {"spectrum": 0.0, "spectrum_low": 0.0, "spectrum_high": 0.0}
    assert -60 < spectrum(real, flat)["spectrum_low"] < -30


def test_same_numbers_for_any_block() -> None:
    real, fake = noise(30, 8, 12, 3), noise(20, 8, 12, 3, seed=1, levels=100)
    for rows in (1, 7, 100):
        assert spectrum(real, fake, rows) == pytest.approx(spectrum(real, fake), rel=1e-10)
        assert gray_levels(real, fake, rows) == pytest.approx(gray_levels(real, fake), rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 4), m=st.integers(1, 4), c=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_gray_levels_are_those_of_sorted_values(n: int, m: int, c: int, seed: int) -> None:
    """Values of both, each repeated until there are equally many, are paired in order."""
    real, fake = noise(n, 3, 4, c, seed), noise(m, 3, 4, c, seed + 1, levels=120)
    a, b = (x.flatten().double().sort().values for x in (real, fake))
    found = gray_levels(real, fake)
    distance = (a.repeat_interleave(m) - b.repeat_interleave(n)).abs().mean().item()
    assert found["gray_wasserstein"] == pytest.approx(distance, rel=1e-8)
    assert found["brightness"] == pytest.approx((b.mean() - a.mean()).item(), rel=1e-8, abs=1e-9)
    of_real, of_fake = (
        sum(math.sqrt(sum((v - sum(image) / len(image)) ** 2 for v in image) / len(image)) for image in x) / len(x)
        for x in (real.flatten(1).double().tolist(), fake.flatten(1).double().tolist())
    )
    assert found["contrast"] == pytest.approx(of_fake - of_real, rel=1e-8, abs=1e-9)
    assert abs(found["brightness"]) <= found["gray_wasserstein"] + 1e-9


@pytest.mark.parametrize("shift", [0, 7, 100])
def test_a_shift_is_brightness_alone(shift: int) -> None:
    real = noise(20, 8, 8, levels=100)
    expected = {"gray_wasserstein": shift, "brightness": shift, "contrast": 0.0}
    assert gray_levels(real, real + shift) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", [spectrum, gray_levels])
def test_unusable_images_are_refused(metric: Callable[[torch.Tensor, torch.Tensor], dict[str, float]]) -> None:
    images = noise(3, 8, 8)
    with pytest.raises(ValueError, match=r"uint8 \[n, h, w, c\], not torch.float32"):
        metric(images, images.float())
    with pytest.raises(ValueError, match=r"size and channels, not \[8, 8, 1\] and \[8, 8, 3\]"):
        metric(images, noise(3, 8, 8, 3))
    with pytest.raises(ValueError, match="at least one real and one generated"):
        metric(images, images[:0])
    with pytest.raises(ValueError, match="at least 4 pixels"):
        spectrum(images[:, :3], images[:, :3])
