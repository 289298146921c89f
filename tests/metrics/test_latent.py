"""What latents carry, where the truth is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal

from poise.metrics import latent
from poise.metrics.latent import active_units, kl_per_dimension, mutual_information


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def channel(n: int, ratios: list[float]) -> tuple[Tensor, Tensor]:
    """Return posteriors N(m, 1 − r) with m ~ N(0, r): their aggregate is N(0, 1), and I = KL = −½ ln(1 − r)."""
    r = torch.tensor(ratios, dtype=torch.float64)
    mean = r.sqrt() * torch.randn(n, len(ratios), dtype=torch.float64, generator=seeded(7))
    return mean, (torch.log(1 - r) / 2).expand(n, -1)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 1)), min_size=1, max_size=6))
def test_divergence_per_dimension_is_the_mean_of_the_formula(rows: list[tuple[float, float]]) -> None:
    mean, log_sd = (torch.tensor(column).unsqueeze(1) for column in zip(*rows, strict=True))
    expected = sum((m * m + math.exp(2 * s) - 1) / 2 - s for m, s in rows) / len(rows)
    assert kl_per_dimension(mean, log_sd).item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_gaussian_channel_has_its_divergence_and_information() -> None:
    ratios = [0.0, 0.3, 0.8]
    mean, log_sd = channel(4000, ratios)
    expected = [-math.log(1 - ratio) / 2 for ratio in ratios]
    assert kl_per_dimension(mean, log_sd).tolist() == pytest.approx(expected, abs=0.05)
    assert mutual_information(mean, log_sd, seeded()) == pytest.approx(sum(expected), abs=0.06)
    assert active_units(mean) == 2


def test_active_units_are_those_whose_mean_varies_beyond_the_threshold() -> None:
    mean = torch.tensor([[0.0, 0.09, 0.2, 5.0], [0.0, -0.05, -0.2, 5.0]])
    assert active_units(mean) == 1  # variances 0, .0098, .08 and 0
    assert active_units(mean, threshold=0.001) == 2
    with pytest.raises(ValueError, match="two samples"):
        active_units(mean[:1])


def test_information_is_zero_where_posteriors_are_equal_and_ln_n_where_they_are_apart() -> None:
    log_sd = torch.full((50, 3), -0.5)
    assert mutual_information(torch.full((50, 3), 2.0), log_sd, seeded()) == pytest.approx(0, abs=1e-12)
    apart = 1e4 * torch.arange(50).unsqueeze(1).expand(50, 3)
    assert mutual_information(apart, log_sd, seeded()) == pytest.approx(math.log(50), abs=1e-9)


def test_blocks_do_not_change_the_information(monkeypatch: pytest.MonkeyPatch) -> None:
    mean, log_sd = channel(90, [0.3, 0.6])
    whole = mutual_information(mean, log_sd, seeded())
    monkeypatch.setattr(latent, "ROOM", 700)
    assert mutual_information(mean, log_sd, seeded()) == pytest.approx(whole, abs=1e-12)


def test_information_equals_the_sum_written_out() -> None:
    mean, log_sd = channel(12, [0.3, 0.999999])  # the second deviation is a thousandth
    z = mean + log_sd.exp() * torch.randn(12, 2, dtype=torch.float64, generator=seeded())
    densities = [[Normal(mean[m], log_sd[m].exp()).log_prob(z[i]).sum() for m in range(12)] for i in range(12)]
    slow = sum((row[i] - torch.stack(row).logsumexp(0) + math.log(12)).item() / 12 for i, row in enumerate(densities))
    assert mutual_information(mean, log_sd, seeded()) == pytest.approx(slow, abs=1e-8)


def test_extreme_posteriors_give_finite_numbers() -> None:
    mean = torch.tensor([[1e6, 0.0], [-1e6, 1.0], [0.0, 0.0]])
    for log_sd in (torch.full((3, 2), -10.0), torch.full((3, 2), 10.0)):
        assert torch.isfinite(kl_per_dimension(mean, log_sd)).all()
        assert 0 <= mutual_information(mean, log_sd, seeded()) <= math.log(3) + 1e-12
