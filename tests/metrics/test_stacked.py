"""A thousand modes, counted by a classifier that is right, and by one that errs."""

import math

import pytest
import torch

from poise.metrics import stacked_modes


def classify(images: torch.Tensor) -> torch.Tensor:
    """Read the class from the first pixel."""
    return images[:, 0, 0].long() // 20


def images(classes: torch.Tensor) -> torch.Tensor:
    """Make images [n, 2, 2, 3] of classes [n, 3]."""
    return (classes * 20).byte()[:, None, None, :].expand(-1, 2, 2, -1)


def drawn(n: int, seed: int) -> torch.Tensor:
    return torch.randint(10, (n, 3), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [5_000, 26_000, 60_000])
def test_a_perfect_sampler_has_the_known_divergence(n: int) -> None:
    """2n KL is about χ² of 999, plus (K² − 1)/6n of the next order."""
    found = stacked_modes(images(drawn(n, 0)), images(drawn(n, 1)), classify)
    expected = 999 / (2 * n) + (1000**2 - 1) / (12 * n**2)
    for divergence in (found["kl"], found["kl_real"]):
        assert divergence == pytest.approx(expected, abs=4 * math.sqrt(2 * 999) / (2 * n))
    missing = 1_000 * (1 - 1e-3) ** n
    assert 1_000 - found["modes"] == pytest.approx(missing, abs=5 * math.sqrt(missing) + 0.5)


@pytest.mark.parametrize("modes", [1, 100, 1_000])
def test_modes_are_told_apart_by_all_three_channels(modes: int) -> None:
    every = torch.cartesian_prod(*[torch.arange(10)] * 3)
    found = stacked_modes(images(every), images(every[:modes].repeat(1_000 // modes, 1)), classify)
    assert (found["modes"], found["modes_real"]) == (modes, 1_000)
    assert found["kl"] == pytest.approx(math.log(1_000 / modes), abs=1e-12)
    assert found["kl_real"] == pytest.approx(0, abs=1e-12)


def test_as_many_real_images_are_judged() -> None:
    real = images(torch.cat([torch.zeros(50, 3, dtype=torch.int64), drawn(500, 0)]))
    assert stacked_modes(real, images(drawn(50, 1)), classify)["modes_real"] == 1


def test_a_classifier_that_errs_counts_too_many_modes() -> None:
    """Each mistake of 9 % is another mode: the count is an upper bound, and real images show by how much."""
    generator = torch.Generator().manual_seed(0)

    def errs(some: torch.Tensor) -> torch.Tensor:
        wrong = torch.rand(len(some), generator=generator) < 0.09
        return torch.where(wrong, torch.randint(10, (len(some),), generator=generator), classify(some))

    every = drawn(60_000, 0)
    few = every[(every[:, 0] < 3)]  # 300 modes
    found = stacked_modes(images(every), images(few), errs)
    assert found["modes"] > 500
    assert found["kl_real"] < 0.05 < 0.5 < found["kl"] < math.log(1_000 / 300)


def test_unusable_images_are_refused() -> None:
    some = images(drawn(5, 0))
    with pytest.raises(ValueError, match="three channels, not 1"):
        stacked_modes(some[..., :1], some[..., :1], classify)
    with pytest.raises(ValueError, match="5 generated images need as many real ones beside them, not 4"):
        stacked_modes(some[:4], some, classify)
    with pytest.raises(ValueError, match="uint8"):
        stacked_modes(some.float(), some, classify)
    with pytest.raises(ValueError, match="at least one"):
        stacked_modes(some, some[:0], classify)
