"""The nuclear norm against singular values, for spectra that take each of its ways."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.metrics import nuclear
from poise.metrics.nuclear import nuclear_norm

D = nuclear.LARGE


def matrix(singular: Tensor, columns: int, seed: int = 0) -> Tensor:
    """Return a matrix of these singular values in random directions."""
    draw = torch.Generator().manual_seed(seed)
    n = len(singular)
    left = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=draw)).Q
    right = torch.linalg.qr(torch.randn(columns, n, dtype=torch.float64, generator=draw)).Q
    made: Tensor = (left * singular) @ right.T
    return made


SPECTRA: dict[str, tuple[Tensor, set[str]]] = {  # and what it took beside squares
    "flat": (torch.ones(D).double(), set()),
    "1/k": (torch.arange(1, D + 1).double() ** -1, set()),
    "1/k²": (torch.arange(1, D + 1).double() ** -2, {"parts"}),
    "1/k⁴": (torch.arange(1, D + 1).double() ** -4, {"parts"}),
    "a few large ones": (torch.cat([torch.full((5,), 1e4), torch.ones(D - 5)]).double(), {"parts"}),
    "many large ones": (torch.cat([torch.full((200,), 1e5), torch.ones(D - 200)]).double(), {"values"}),
    "half of them zero": (torch.cat([torch.ones(D // 2), torch.zeros(D // 2)]).double(), {"values"}),
}


@pytest.mark.parametrize("columns", [D, D + 100])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_it_is_right_by_every_way(spectrum: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    singular, ways = SPECTRA[spectrum]
    x = matrix(singular, columns)
    took: set[str] = set()
    by_parts, values = nuclear._by_parts, torch.linalg.svdvals

    def parts(*args: object) -> float | None:
        found = by_parts(*args)  # type: ignore[arg-type]
        if found is not None:
            took.add("parts")
        return found

    def svdvals(y: Tensor) -> Tensor:
        took.add("values")
        found: Tensor = values(y)
        return found

    monkeypatch.setattr(nuclear, "_by_parts", parts)
    monkeypatch.setattr(torch.linalg, "svdvals", svdvals)
    tolerance = 1e-9 * singular.sum().item()
    assert nuclear_norm(x, tolerance) == pytest.approx(singular.sum().item(), abs=tolerance)
    assert nuclear_norm(x.T, tolerance) == pytest.approx(singular.sum().item(), abs=tolerance)
    assert took == ways


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    columns=st.integers(0, 20),
    decay=st.floats(0, 8),
    seed=st.integers(0, 99),
    digits=st.integers(3, 12),
)
def test_small_matrices(n: int, columns: int, decay: float, seed: int, digits: int) -> None:
    singular = torch.arange(1, n + 1).double() ** -decay
    tolerance = 10.0**-digits * singular.sum().item()
    assert nuclear_norm(matrix(singular, n + columns, seed), tolerance) == pytest.approx(
        singular.sum().item(), abs=tolerance + 1e-13
    )


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(12, 40),
    decay=st.floats(0.5, 6),
    seed=st.integers(0, 99),
    digits=st.integers(3, 12),
    fail=st.booleans(),
)
def test_parts_are_right_or_refused(n: int, decay: float, seed: int, digits: int, fail: bool) -> None:
    """With few vectors and iterations the bound must notice what was not found."""
    singular = torch.arange(1, n + 1).double() ** -decay
    x = matrix(singular, n, seed)
    tolerance = 10.0**-digits * singular.sum().item()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"LEADING": 3, "BLOCK": 6, "ITERATIONS": 2 if fail else 12}.items():
            patch.setattr(nuclear, name, value)
        found = nuclear._by_parts(x, tolerance)
    assert found is None or found == pytest.approx(singular.sum().item(), abs=tolerance + 1e-13)


def test_nothing_is_nothing() -> None:
    assert nuclear_norm(torch.zeros(3, 5, dtype=torch.float64), 1e-9) == 0
    assert nuclear_norm(torch.zeros(D, D, dtype=torch.float64), 1e-9) == 0
