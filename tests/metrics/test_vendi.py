"""The Vendi score against orthogonal and equal samples, entropies by definition, and its authors' package."""

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from metrics.features import draw
from poise.metrics import vendi, vendi_ratio
from poise.metrics.vendi import vendi_leaving_out

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from vendi_score import vendi as peer

ORDERS = (0, 0.5, 1, 2, math.inf)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (5, 8), (30, 30)])
def test_orthogonal_samples_count_fully(n: int, d: int) -> None:
    basis = torch.linalg.qr(draw(d, d, 0).double()).Q[:n] * torch.arange(1, n + 1).unsqueeze(1)
    assert list(vendi(basis, ORDERS).values()) == pytest.approx([n] * len(ORDERS), rel=1e-9)


@pytest.mark.parametrize(("k", "copies", "d"), [(1, 7, 3), (4, 5, 10), (3, 40, 8)])
def test_equal_clusters_count_once(k: int, copies: int, d: int) -> None:
    x = torch.eye(d)[torch.arange(k * copies) % k] * 3
    assert list(vendi(x, ORDERS).values()) == pytest.approx([k] * len(ORDERS), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 30),
    d=st.integers(1, 30),
    seed=st.integers(0, 999),
    q=st.one_of(st.floats(0.3, 20), st.sampled_from([1.0, 1 + 1e-9, 1 - 1e-9, 1 + 1e-5])),
)
def test_entropies_of_the_whole_kernel(n: int, d: int, seed: int, q: float) -> None:
    x = normalize(draw(n, d, seed).double())
    p = torch.linalg.eigvalsh(x @ x.T / n).clamp(min=0)
    p = p[p > 1e-13]
    shannon = -(p * p.log()).sum()
    entropy = shannon if abs(q - 1) < 1e-4 else (p**q).sum().log() / (1 - q)
    (found,) = vendi(5 * x, (q,)).values()
    assert found == pytest.approx(entropy.exp().item(), rel=1e-3 if 0 < abs(q - 1) < 1e-4 else 1e-8)


def test_it_falls_with_the_order_and_is_smooth_at_1() -> None:
    x = draw(50, 10, 0)
    scores = [next(iter(vendi(x, (q,)).values())) for q in (0, 0.5, 0.999999, 1, 1.000001, 2, 10, math.inf)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(10)
    assert scores[2] == pytest.approx(scores[3], rel=1e-5)
    assert vendi(x, (10, math.inf)).keys() == {"vendi_10", "vendi_inf"}


@pytest.mark.parametrize(("n", "d"), [(40, 6), (10, 50), (5_000, 3)])
@pytest.mark.parametrize("q", [0.5, 1, 2])
def test_the_authors_package(n: int, d: int, q: float) -> None:
    """Its `score_dual` is right; `score_X` gives the order 1 whatever q is."""
    x = draw(n, d, 0).double()
    (found,) = vendi(x, (q,)).values()
    if n > d:
        assert found == pytest.approx(peer.score_dual(x.numpy(), q=q), rel=1e-8)
    if n <= 100:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an old name of SciPy's
            assert peer.score_X(x.numpy(), q=q) == pytest.approx(vendi(x)["vendi_1"], rel=1e-6)


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_the_ratio_says_how_much_is_missing(kept: int) -> None:
    real = torch.eye(4)[torch.arange(40) % 4]
    fake = torch.eye(4)[torch.arange(40) % kept]
    scores = vendi_ratio(real, fake, (1, 2))
    assert scores == pytest.approx(
        {"vendi_1": kept, "vendi_2": kept, "vendi_1_ratio": kept / 4, "vendi_2_ratio": kept / 4}
    )


@pytest.mark.parametrize(("n", "d"), [(60, 5), (23, 22), (12, 40)])
def test_leaving_blocks_out_is_measuring_the_others(n: int, d: int) -> None:
    x = draw(n, d, 0)
    for block, scores in enumerate(vendi_leaving_out(x, 3, (0.5, 1, math.inf))):
        assert scores == pytest.approx(vendi(x[torch.arange(n) % 3 != block], (0.5, 1, math.inf)), rel=1e-9)


def test_scale_does_not_matter() -> None:
    x = draw(20, 6, 0).double()
    assert vendi(x * 1e200)["vendi_1"] == pytest.approx(vendi(x)["vendi_1"], rel=1e-10)
    assert vendi(x * 1e-200)["vendi_1"] == pytest.approx(vendi(x)["vendi_1"], rel=1e-10)


def test_unusable_features_are_refused() -> None:
    x = draw(6, 3, 0)
    with pytest.raises(ValueError, match="order of the Vendi score must be at least 0, not -1"):
        vendi(x, (-1,))
    with pytest.raises(ValueError, match="not nan"):
        vendi(x, (math.nan,))
    x[4] = 0
    with pytest.raises(ValueError, match="sample 4 has features that are all zero"):
        vendi(x)
    with pytest.raises(ValueError, match="compare equal ones, not 6 and 5"):
        vendi_ratio(x, x[:5])
