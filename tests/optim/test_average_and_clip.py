"""Averages of weights and limits on gradients, alone and within the optimizer's pass."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optim.problems import CASES, Case, Shapes, descend, equal
from poise.optim import SGD, Adam, Average, ClipNorm, ClipPercentile, ClipUnits, Flat


def test_the_average_halves_an_image_in_a_half_life() -> None:
    flat = Flat(nn.Linear(2, 1))
    average = Average(flat, half_life=64, ramp=1.0, batch=16)
    average.seen = 10_000
    with torch.no_grad():
        average.vector.zero_()
        flat.vector.fill_(1.0)
    for _ in range(4):  # 64 images in four batches: half of the way
        average.update()
    torch.testing.assert_close(average.vector, torch.full_like(average.vector, 0.5))


def test_the_average_forgets_the_start() -> None:
    flat = Flat(nn.Linear(2, 1))
    average = Average(flat, half_life=1e9, ramp=0.05, batch=100)
    with torch.no_grad():
        average.vector.fill_(1.0)
        flat.vector.zero_()
    average.update()  # half-life 5 images: 2⁻²⁰ of the start is left
    assert average.vector.max().item() == pytest.approx(2**-20)


def test_the_uniform_average_is_the_mean_of_all_iterates() -> None:
    module = Shapes(torch.float64)
    flat = Flat(module)
    optimizer, average = SGD(flat, lr=0.1), Average(flat, half_life=None, batch=3)
    optimizer.keep_average(average)
    iterates = []
    for step in range(7):
        descend(module, optimizer, [step])
        iterates.append(flat.vector.detach().clone())
    torch.testing.assert_close(average.vector, torch.stack(iterates).mean(0))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_average_within_the_pass_equals_one_of_its_own(case: Case) -> None:
    module, other = Shapes(), Shapes()
    flat, reference = Flat(module), Flat(other)
    within, apart = Average(flat, half_life=10, batch=2), Average(reference, half_life=10, batch=2)
    optimizer, plain = case.make(flat, lr=case.lr), case.make(reference, lr=case.lr)
    optimizer.keep_average(within)
    for step in range(4):
        for m, o in ((module, optimizer), (other, plain)):
            o.zero_grad()
            m.loss(step).backward()
            o.extrapolate()  # half steps are not averaged
            o.zero_grad()
            m.loss(step).backward()
            o.step()
        apart.update()
    assert equal(module.parameters(), other.parameters())
    assert within.seen == apart.seen == 8
    torch.testing.assert_close(within.vector, apart.vector)


def test_a_deep_copy_keeps_its_own_average() -> None:
    module = Shapes()
    flat = Flat(module)
    optimizer, average = Adam(flat, lr=0.1), Average(flat, half_life=10)
    optimizer.keep_average(average)
    twin, other, copied = copy.deepcopy((module, optimizer, average))
    before = average.vector.clone()
    descend(twin, other, range(3))
    assert copied.seen == 3
    assert average.seen == 0
    assert torch.equal(average.vector, before)
    descend(module, optimizer, range(3))
    assert torch.equal(average.vector, copied.vector)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("kind", ["plain", "flat"])
def test_clipping_by_norm_is_torchs(case: Case, kind: str) -> None:
    module, other = Shapes(torch.float64), Shapes(torch.float64)
    clipped = case.make(Flat(module) if kind == "flat" else module.parameters(), lr=0.01, clip=ClipNorm(0.5))
    plain = case.make(other.parameters(), lr=0.01)
    for step in range(4):
        descend(module, clipped, [step])
        other.zero_grad()
        other.loss(step).backward()
        torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        plain.step()
    tolerance = 1e-5  # torch's divides by the norm + 1e-6
    for p, q in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=tolerance, atol=tolerance)


def test_clipping_leaves_small_gradients_alone() -> None:
    module, other = Shapes(), Shapes()
    descend(module, Adam(Flat(module), lr=0.01, clip=ClipNorm(1e6)), range(3))
    descend(other, Adam(Flat(other), lr=0.01), range(3))
    assert equal(module.parameters(), other.parameters())


def slow_units(w: torch.Tensor, g: torch.Tensor, limit: float, eps: float) -> torch.Tensor:
    """Clip row by row, as the paper says it."""
    if w.dim() < 2:
        return slow_units(w.reshape(1, -1), g.reshape(1, -1), limit, eps).reshape(w.shape)
    rows = []
    for unit, gradient in zip(w, g, strict=True):
        allowed = limit * max(unit.norm().item(), eps)
        size = gradient.norm().item()
        rows.append(gradient * (allowed / size) if size > allowed else gradient)
    return torch.stack(rows)


@pytest.mark.parametrize("kind", ["plain", "flat"])
@pytest.mark.parametrize("limit", [1e-2, 0.5, 100.0])
def test_clipping_by_unit_is_the_papers(kind: str, limit: float) -> None:
    module, other = Shapes(torch.float64), Shapes(torch.float64)
    for m in (module, other):
        m.matrix.data[0] = 0.0  # a unit that starts at zero may still move
        m.kernel.data.mul_(1e-3)
    optimizer = SGD(Flat(module) if kind == "flat" else module.parameters(), lr=0.1, clip=ClipUnits(limit, eps=1e-2))
    descend(module, optimizer, [0])
    other.loss(0).backward()
    for p, q in zip(module.parameters(), other.parameters(), strict=True):
        assert q.grad is not None
        expected = q.detach() - 0.1 * slow_units(q.detach(), q.grad, limit, 1e-2)
        torch.testing.assert_close(p.detach(), expected)


@settings(max_examples=40, deadline=None)
@given(norms=st.lists(st.floats(0, 1e3, width=32), min_size=1, max_size=20), percentile=st.floats(0, 100))
def test_clipping_by_percentile_is_numpys(norms: list[float], percentile: float) -> None:
    clip = ClipPercentile(percentile)
    for count, norm in enumerate(norms, start=1):
        factor = clip([(torch.zeros(1), torch.tensor([norm], dtype=torch.float64))]).item()
        limit = np.percentile(norms[:count], percentile)
        assert factor * norm == pytest.approx(min(limit, norm), rel=1e-6, abs=1e-12)


def test_a_percentile_of_norms_passes_over_what_is_not_finite() -> None:
    clip = ClipPercentile(50)
    w = torch.zeros(1)
    assert clip([(w, torch.tensor([float("nan")]))]).item() == 1.0
    clip([(w, torch.tensor([2.0]))])
    assert clip([(w, torch.tensor([float("inf")]))]).item() == 0.0
    assert clip.state_dict() == {"norms": [2.0]}


def test_what_a_clip_remembers_is_saved() -> None:
    module, fresh = Shapes(), Shapes()
    optimizer = SGD(module.parameters(), lr=0.1, clip=ClipPercentile(20))
    another = SGD(fresh.parameters(), lr=0.1, clip=ClipPercentile(20))
    descend(module, optimizer, range(4))
    fresh.load_state_dict(module.state_dict())
    another.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin, other = copy.deepcopy((module, optimizer))
    for m, o in ((module, optimizer), (fresh, another), (twin, other)):
        descend(m, o, range(4, 8))
    assert equal(module.parameters(), fresh.parameters())
    assert equal(module.parameters(), twin.parameters())


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipUnits(0.01), ClipPercentile(50)])
def test_scaled_gradients_are_clipped_as_if_unscaled(clip: Any) -> None:
    module, other = Shapes(), Shapes()
    optimizer = Adam(Flat(module), lr=0.1, clip=clip)
    reference = Adam(Flat(other), lr=0.1, clip=copy.deepcopy(clip))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for step in range(3):
        optimizer.zero_grad()
        scaler.scale(module.loss(step)).backward()
        scaler.step(optimizer)
        scaler.update()
    descend(other, reference, range(3))
    assert equal(module.parameters(), other.parameters())


def test_limits_that_make_no_sense_are_refused() -> None:
    for wrong, message in (
        (lambda: ClipNorm(0.0), "above 0"),
        (lambda: ClipUnits(-1.0), "above 0"),
        (lambda: ClipPercentile(101), "from 0 to 100"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
