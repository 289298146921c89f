"""Different bins: their expected share under equal laws, and a slow reference."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics import ndb
from poise.metrics.kmeans import kmeans
from poise.metrics.ndb import z_test


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 300), m=st.integers(1, 300), data=st.data())
def test_z_is_that_of_two_proportions(n: int, m: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p, q = (torch.tensor([x], dtype=torch.float64) for x in (a / n, b / m))
    z = z_test(p, q, n, m).item()
    s = (a + b) / (n + m)
    expected = 0.0 if a + b in (0, n + m) else (a / n - b / m) / math.sqrt(s * (1 - s) * (1 / n + 1 / m))
    assert z == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("d", "bins"), [(2, 20), (16, 50), (200, 20)])
def test_equal_laws_differ_in_one_bin_of_twenty(d: int, bins: int) -> None:
    """In 200 dimensions too, where cells fit the samples that they were cut from."""
    n, m, times = 1_000, 600, 200 // bins * 2
    found = [
        ndb(torch.randn(n, d, generator=g), torch.randn(m, d, generator=g), g, bins) for g in map(seeded, range(times))
    ]
    share = sum(one["ndb_share"] for one in found) / times
    assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / (bins * times))
    divergence = sum(one["js"] for one in found) / times
    assert divergence == pytest.approx((bins - 1) * (2 / n + 1 / m) / 8, rel=0.25)


def test_slow_reference() -> None:
    generator = seeded(1)
    real = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    fake = torch.randn(150, 3, generator=generator, dtype=torch.float64) * 0.7
    found = ndb(real, fake, seeded(5), bins=8)

    generator = seeded(5)
    order = torch.randperm(400, generator=generator)
    centers, counted = kmeans(real[order[:200]], 8, generator), real[order[200:]]
    shares = [[0.0] * 8, [0.0] * 8]
    for kind, x in enumerate((counted, fake)):
        for row in x:
            shares[kind][min(range(8), key=lambda j: (row - centers[j]).norm().item())] += 1 / len(x)
    different, js = 0, 0.0
    for p, q in zip(*shares, strict=True):
        s = (200 * p + 150 * q) / 350
        different += abs(p - q) > 1.959963984540054 * math.sqrt(s * (1 - s) * (1 / 200 + 1 / 150))
        js += sum(x * math.log(x / ((p + q) / 2)) for x in (p, q) if x) / 2
    assert (found["ndb"], found["ndb_share"]) == (different, different / 8)
    assert found["js"] == pytest.approx(js, rel=1e-8)


def test_a_lost_mode_is_seen_and_copies_are_not() -> None:
    centers = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    real = (centers[:, None] + torch.randn(4, 300, 2, generator=seeded())).flatten(0, 1)
    assert ndb(real, real.view(4, 300, 2)[:3, :].flatten(0, 1), seeded(), bins=4)["ndb"] == 4
    assert ndb(real, real, seeded(), bins=4) == ndb(real, real, seeded(), bins=4)
    assert ndb(real, real, seeded(), bins=4)["ndb"] == 0


def test_unusable_features_are_refused() -> None:
    x = torch.randn(200, 2)
    with pytest.raises(ValueError, match="real features must be at least 200 samples, not 150"):
        ndb(x[:150], x, seeded(), bins=10)
    with pytest.raises(ValueError, match="generated features must be at least 100 samples, not 50"):
        ndb(x, x[:50], seeded(), bins=10)
    with pytest.raises(ValueError, match="NaN or infinite"):
        ndb(x, x * math.inf, seeded(), bins=10)
    with pytest.raises(ValueError, match="one judge"):
        ndb(x, x[:, :1], seeded(), bins=10)
