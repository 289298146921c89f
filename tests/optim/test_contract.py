"""What every optimizer must do, as a table: all optimizers by all promises."""

import copy
import io
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optim.problems import CASES, Case, Shapes, descend, equal, on
from poise.optim import OPTIMIZERS, TORCH, Base, Elementwise, Flat, ScheduleFree
from poise.optim.virtual import Virtual

every_optimizer = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
plain_and_flat = pytest.mark.parametrize("kind", ["plain", "flat"])


def minimize(case: Case, lr: float, start: Tensor, loss: Any, steps: int) -> tuple[float, float]:
    """Return the loss before and after."""
    w = nn.Parameter(start.clone())
    optimizer = case.make([w], lr=lr)
    before = loss(w).item()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
    if isinstance(optimizer, ScheduleFree):
        optimizer.eval()
    return before, loss(w).item()


@every_optimizer
@pytest.mark.parametrize("start", [torch.linspace(-1, 1, 6), torch.linspace(-1, 1, 6).view(2, 3)], ids=["1-d", "2-d"])
def test_a_quadratic_is_minimized(case: Case, start: Tensor) -> None:
    before, after = minimize(case, case.lr, start, lambda w: w.square().sum() / 2, steps=400)
    assert after < 1e-3 * before


@every_optimizer
def test_an_ill_conditioned_quadratic_falls(case: Case) -> None:
    curvature = torch.logspace(0, 3, 6)
    before, after = minimize(case, case.steep, torch.ones(6), lambda w: (curvature * w.square()).sum() / 2, steps=400)
    assert after < 0.02 * before


@every_optimizer
def test_rosenbrocks_valley_is_found(case: Case) -> None:
    def loss(w: Tensor) -> Tensor:
        return (1 - w[0]).square() + 100 * (w[1] - w[0].square()).square()

    before, after = minimize(case, case.steep, torch.tensor([-1.2, 1.0]), loss, steps=400)
    assert after < 0.2 * before  # from 24.2 into the valley, where it is about 4


@every_optimizer
def test_a_flat_buffer_goes_the_way_of_plain_parameters(case: Case) -> None:
    paths = []
    for kind in ("plain", "flat"):
        module = Shapes()
        descend(module, case.make(on(kind, module), lr=case.lr), range(5))
        paths.append(module.copies())
    assert equal(*paths)


@every_optimizer
@plain_and_flat
def test_weights_keep_their_storage(case: Case, kind: str) -> None:
    module = Shapes()
    optimizer = case.make(on(kind, module), lr=case.lr)
    places = [p.data_ptr() for p in module.parameters()]
    before = module.copies()
    descend(module, optimizer, range(3))
    optimizer.extrapolate()
    optimizer.step()
    assert places == [p.data_ptr() for p in module.parameters()]
    assert not any(torch.equal(p, old) for p, old in zip(module.parameters(), before, strict=True))


@every_optimizer
def test_groups_have_their_own_lr(case: Case) -> None:
    together, apart = Shapes(), Shapes()
    one, two = list(together.parameters())[:3], list(together.parameters())[3:]
    joint = case.make([{"params": one, "lr": case.lr}, {"params": two}], lr=case.lr / 2)
    parts = list(apart.parameters())
    separate = [case.make(parts[:3], lr=case.lr), case.make(parts[3:], lr=case.lr / 2)]
    descend(together, joint, range(4))
    for step in range(4):
        apart.zero_grad()
        apart.loss(step).backward()
        for optimizer in separate:
            optimizer.step()
    assert equal(together.parameters(), apart.parameters())


@every_optimizer
def test_schedulers_set_the_lr(case: Case) -> None:
    scheduled, by_hand = Shapes(), Shapes()
    optimizer, other = case.make(scheduled.parameters(), lr=case.lr), case.make(by_hand.parameters(), lr=case.lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for step in range(4):
        descend(scheduled, optimizer, [step])
        scheduler.step()
        other.param_groups[0]["lr"] = case.lr * 0.5**step
        descend(by_hand, other, [step])
    assert equal(scheduled.parameters(), by_hand.parameters())


@every_optimizer
def test_a_closure_computes_loss_and_gradient(case: Case) -> None:
    module, other = Shapes(), Shapes()
    optimizer = case.make(module.parameters(), lr=case.lr)

    def closure() -> float:
        optimizer.zero_grad()
        loss = module.loss(0)
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == other.loss(0).item()
    descend(other, case.make(other.parameters(), lr=case.lr), [0])
    assert equal(module.parameters(), other.parameters())


@every_optimizer
@plain_and_flat
def test_zeroing_gradients_in_place_or_dropping_them_is_the_same(case: Case, kind: str) -> None:
    paths = []
    for to_none in (False, True):
        module = Shapes()
        descend(module, case.make(on(kind, module), lr=case.lr), range(5), to_none)
        paths.append(module.copies())
    assert equal(*paths)


@every_optimizer
@plain_and_flat
def test_a_state_dict_continues_the_run(case: Case, kind: str) -> None:
    module, fresh = Shapes(), Shapes()
    optimizer = case.make(on(kind, module), lr=case.lr)
    descend(module, optimizer, range(3))
    file = io.BytesIO()
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    another = case.make(on(kind, fresh), lr=1.0)  # the saved settings must win
    fresh.load_state_dict(saved["module"])
    another.load_state_dict(saved["optimizer"])
    descend(module, optimizer, range(3, 6))
    descend(fresh, another, range(3, 6))
    assert equal(module.parameters(), fresh.parameters())


@every_optimizer
@plain_and_flat
def test_a_deep_copy_continues_alone(case: Case, kind: str) -> None:
    module = Shapes()
    optimizer = case.make(on(kind, module), lr=case.lr)
    descend(module, optimizer, range(3))
    twin, other = copy.deepcopy((module, optimizer))
    before = module.copies()
    descend(twin, other, range(3, 6))
    assert equal(module.parameters(), before)
    descend(module, optimizer, range(3, 6))
    assert equal(module.parameters(), twin.parameters())


@every_optimizer
@plain_and_flat
def test_a_state_dict_between_half_step_and_step_continues(case: Case, kind: str) -> None:
    module, fresh = Shapes(), Shapes()
    optimizer, another = (case.make(on(kind, m), lr=case.lr) for m in (module, fresh))
    descend(module, optimizer, range(2))
    optimizer.extrapolate()
    fresh.load_state_dict(module.state_dict())
    another.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    descend(module, optimizer, range(2, 4))
    descend(fresh, another, range(2, 4))
    assert equal(module.parameters(), fresh.parameters())


def give(module: Shapes, seed: int) -> None:
    """Give each weight a gradient that does not depend on where it is."""
    numbers = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.grad = torch.empty_like(p).copy_(torch.randn(p.shape, generator=numbers))


@every_optimizer
@plain_and_flat
def test_a_full_step_starts_where_its_half_step_did(case: Case, kind: str) -> None:
    module = Shapes()
    optimizer = case.make(on(kind, module), lr=case.lr)
    descend(module, optimizer, [0])
    start = module.copies()
    twin, other = copy.deepcopy((module, optimizer))
    for m in (module, twin):
        give(m, seed=1)
    optimizer.extrapolate()
    with pytest.raises(RuntimeError, match="call step"):
        optimizer.extrapolate()
    other.step()
    assert equal(module.parameters(), twin.parameters())
    with torch.no_grad():
        for p, old in zip(twin.parameters(), start, strict=True):
            p.copy_(old)
    for m, o in ((module, optimizer), (twin, other)):
        give(m, seed=2)
        o.step()
    assert equal(module.parameters(), twin.parameters())
    assert not equal(module.parameters(), start)


@every_optimizer
def test_without_a_gradient_the_full_step_only_goes_back(case: Case) -> None:
    module = Shapes()
    start = module.copies()
    optimizer = case.make(module.parameters(), lr=case.lr)
    give(module, seed=1)
    optimizer.extrapolate()
    optimizer.zero_grad()
    optimizer.step()
    assert equal(module.parameters(), start)


@every_optimizer
def test_a_step_can_be_computed_without_being_taken(case: Case) -> None:
    module = Shapes(torch.float64)
    flat = Flat(module)
    optimizer = case.make(flat, lr=case.lr)
    descend(module, optimizer, range(2))
    if not isinstance(optimizer, Elementwise):
        with pytest.raises(TypeError, match="cannot be differentiated"):
            Virtual(optimizer, flat)
        return
    virtual = Virtual(optimizer, flat)
    before = module.copies()
    for seed in range(3):
        give(module, seed)
        virtual.move([p.grad.clone() for p in module.parameters() if p.grad is not None])
    assert equal(module.parameters(), before)
    for seed in range(3):
        give(module, seed)
        optimizer.step()
    for p, computed in zip(module.parameters(), virtual.weights, strict=True):
        torch.testing.assert_close(p.detach(), computed.detach(), rtol=1e-12, atol=1e-12)


@every_optimizer
def test_gradients_in_another_order_of_memory_mean_the_same(case: Case) -> None:
    module, other = Shapes(), Shapes()
    optimizers = [case.make(m.parameters(), lr=case.lr) for m in (module, other)]
    for step in range(3):
        for p, q in zip(module.parameters(), other.parameters(), strict=True):
            g = torch.randn(p.shape, generator=torch.Generator().manual_seed(step))
            p.grad = torch.empty_like(p).copy_(g)
            q.grad = g if g.dim() < 2 else g.transpose(0, 1).contiguous().transpose(0, 1)
        for optimizer in optimizers:
            optimizer.step()
    assert equal(module.parameters(), other.parameters())


@every_optimizer
def test_frozen_weights_and_those_without_gradient_stay(case: Case) -> None:
    module = Shapes()
    module.matrix.requires_grad_(False)
    before = module.copies()
    optimizer = case.make(module.parameters(), lr=case.lr)
    for _ in range(3):
        (module.vector.sum() + module.kernel.sum()).backward()
        optimizer.step()
    moved = {name for (name, p), old in zip(module.named_parameters(), before, strict=True) if not torch.equal(p, old)}
    assert moved == {"vector", "kernel"}


@every_optimizer
def test_precision(case: Case) -> None:
    """float32 goes the way of float64 to rounding; bfloat16 rounds weights only, and keeps its state in float32."""
    ends = {}
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        module = Shapes(dtype)
        optimizer = case.make(module.parameters(), lr=0.01)
        descend(module, optimizer, range(3))
        ends[dtype] = [p.double() for p in module.copies()]
        kinds = {v.dtype for state in optimizer.state.values() for v in state.values() if isinstance(v, Tensor)}
        assert kinds <= {torch.float32 if dtype == torch.bfloat16 else dtype}
    for exact, single, half in zip(*ends.values(), strict=True):
        torch.testing.assert_close(single, exact, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(half, exact, rtol=2e-2, atol=0.08)


@every_optimizer
@plain_and_flat
def test_gradients_scaled_for_half_precision(case: Case, kind: str) -> None:
    """With torch.amp.GradScaler the path is the same, and a step with infinite gradients is left out."""
    module, other = Shapes(), Shapes()
    optimizer, reference = (case.make(on(kind, m), lr=case.lr) for m in (module, other))
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    for step in range(4):
        optimizer.zero_grad()
        scaler.scale(module.loss(step)).backward()
        if step == 1:
            next(module.parameters()).grad.fill_(float("inf"))  # type: ignore[union-attr]
        scaler.step(optimizer)
        scaler.update()
        if step != 1:
            descend(other, reference, [step])
    assert equal(module.parameters(), other.parameters())


def test_an_infinite_gradient_after_a_half_step_brings_the_weights_back() -> None:
    module = Shapes()
    optimizer = CASES["adam"].make(Flat(module), lr=0.1)
    before = module.copies()
    module.loss(0).backward()
    optimizer.extrapolate()
    assert not equal(module.parameters(), before)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(module.loss(1)).backward()
    module.vector.grad.fill_(float("inf"))  # type: ignore[union-attr]
    scaler.step(optimizer)
    assert equal(module.parameters(), before)
    optimizer.extrapolate()  # is allowed again


def test_gradients_that_left_the_buffer_are_collected() -> None:
    module, other = Shapes(), Shapes()
    optimizer, reference = CASES["adam"].make(Flat(module), lr=0.1), CASES["adam"].make(Flat(other), lr=0.1)
    for step in range(3):
        module.zero_grad(set_to_none=True)
        module.loss(step).backward()
        optimizer.step()
    descend(other, reference, range(3))
    assert equal(module.parameters(), other.parameters())


def test_momentum_costs_memory_only_where_it_is_used() -> None:
    module = Shapes()
    optimizer = CASES["sgd"].make(module.parameters(), lr=0.1)
    descend(module, optimizer, range(2))
    assert all(set(state) == {"step"} for state in optimizer.state.values())
    optimizer.param_groups[0]["momentum"] = 0.9  # it may also begin later
    descend(module, optimizer, range(2))
    assert all(set(state) == {"step", "momentum"} for state in optimizer.state.values())


def test_mistakes_are_named() -> None:
    w = [nn.Parameter(torch.zeros(2))]
    with pytest.raises(ValueError, match="lr is -1"):
        CASES["adam"].make(w, lr=-1)
    for wrong in ({"nesterov": True}, {"angle": 0.1}, {"nesterov": True, "angle": 0.1, "momentum": 0.9}):
        with pytest.raises(ValueError, match="momentum"):
            CASES["sgd"].make(w, **wrong)
    with pytest.raises(ValueError, match="beta1 is 0"):
        CASES["schedule-free"].make(w, betas=(0.0, 0.9))
    embedding = nn.Embedding(3, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse=False"):
        CASES["adam"].make(embedding.parameters()).step()


def test_averaged_weights_are_not_trained() -> None:
    module = Shapes()
    optimizer = ScheduleFree(Flat(module), lr=0.1)
    descend(module, optimizer, range(3))
    between = module.copies()
    optimizer.eval()
    optimizer.eval()  # twice is once
    assert not equal(module.parameters(), between)
    with pytest.raises(RuntimeError, match=r"call train\(\)"):
        optimizer.step()
    optimizer.train()
    for p, old in zip(module.parameters(), between, strict=True):
        torch.testing.assert_close(p.detach(), old)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_table_says_what_each_is_and_where_it_is_from(name: str) -> None:
    doc = OPTIMIZERS[name].__doc__ or ""
    first = doc.strip().splitlines()[0]
    assert len(f"{max(OPTIMIZERS, key=len)}  {first}") <= 120
    assert first.endswith(".")
    assert any(character.isdigit() for character in first.split(":")[0])  # the year
    assert "Source:" in doc


@pytest.mark.parametrize("name", TORCH)
def test_torchs_own_take_a_flat_buffer(name: str) -> None:
    paths = []
    for kind in ("plain", "flat"):
        module = Shapes(torch.float64)
        params = on(kind, module)
        optimizer = OPTIMIZERS[name](params)
        for step in range(3):
            for p in module.parameters():
                if p.grad is not None:
                    p.grad.zero_()
            module.loss(step).backward()
            optimizer.step()
        paths.append(module.copies())
    for one, other in zip(*paths, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_all_of_poise_are_of_one_kind() -> None:
    module = Shapes()
    made = {name: make(module.parameters()) for name, make in OPTIMIZERS.items()}
    assert {name for name, optimizer in made.items() if not isinstance(optimizer, Base)} == set(TORCH)
    assert {name for name, o in made.items() if isinstance(o, Base) and not isinstance(o, Elementwise)} == {"muon"}


def test_no_optimizer_imports_torchs_compiler() -> None:
    """In a process of its own: it takes two seconds, and torch imports it when its own optimizers are made."""
    script = (
        "import copy, sys, torch\n"
        "from poise.optim import Adam, Muon\n"
        "for make in (Adam, Muon):\n"
        "    w = torch.nn.Parameter(torch.ones(2, 2))\n"
        "    optimizer = make([w])\n"
        "    optimizer.add_param_group({'params': [torch.nn.Parameter(torch.ones(2, 2))]})\n"
        "    optimizer.zero_grad(), w.sum().backward(), optimizer.step()\n"
        "    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
