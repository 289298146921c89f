"""Compiled kernels must give what torch's own operations give, bit for bit: a run must not depend on when they came."""

import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optim.problems import Shapes, descend, equal
from poise.optim import OPTIMIZERS, Adam, Elementwise, Flat, compiler, elementwise
from poise.optim.elementwise import Form
from poise.optim.kernel import BLOCK, Variant, in_blocks, in_place
from poise.optim.momentum import ComplexMomentum, Momentum

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")

PLAIN = Variant()
FORMS: list[type[Form]] = [
    *(make for make in OPTIMIZERS.values() if isinstance(make, type) and issubclass(make, Elementwise)),
    Momentum,
    ComplexMomentum,
]
KERNELS: list[tuple[type[Form], Variant, torch.dtype]] = [
    *((form, PLAIN, torch.float32) for form in FORMS),
    (Adam, Variant(averages=True), torch.float32),
    (Adam, Variant(returns=True, averages=True), torch.float32),
    (Adam, Variant(saves=True), torch.float32),
    (Adam, PLAIN, torch.bfloat16),
]
GROUP = {
    "lr": 0.013,
    "betas": (0.87, 0.981),
    "eps": 1e-5,
    "weight_decay": 0.03,
    "alpha": 0.93,
    "momentum": 0.7,
    "nesterov": True,
    "angle": 0.4,
    "warmup_steps": 5,
}


def make_tensors(form: type[Form], variant: Variant, dtype: torch.dtype, length: int) -> list[Tensor]:
    """Return weights, gradients, state and so on, of sizes from tiny to large; squares are not negative."""
    numbers = torch.Generator().manual_seed(length)
    extra = ["saved"] * (variant.saves or variant.returns) + ["average"] * variant.averages
    tensors = []
    for name in ("w", "g", *form.states, *extra):
        sizes = 10 ** torch.empty(length).uniform_(-6, 3, generator=numbers)
        tensor = sizes * torch.randn(length, generator=numbers)
        tensor = tensor.abs() if name in ("square", "deviation", "largest") else tensor
        tensors.append(tensor.to(torch.float32 if name in form.states else dtype))
    return tensors


def make_numbers(form: type[Form], t: int) -> Tensor:
    return torch.tensor([0.37, 0.9, 0.1, *form.numbers(GROUP, t)])


class Program(nn.Module):
    """All kernels in one, because compiling takes seconds each time."""

    def forward(self, numbers: list[Tensor], tensors: list[list[Tensor]]) -> tuple[()]:
        for (form, variant, _), own, its in zip(KERNELS, numbers, tensors, strict=True):
            in_place(form.move, variant)(own, its)
        return ()


def compiled_program(path: Path) -> Callable[[list[Tensor]], object]:
    numbers = [make_numbers(form, 3) for form, _, _ in KERNELS]
    tensors = [make_tensors(*kernel, length=4096) for kernel in KERNELS]
    length = {0: torch.export.Dim("length", min=2)}
    shapes = {"numbers": [None] * len(numbers), "tensors": [[length] * len(its) for its in tensors]}
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):  # torch's compiler calls what torch deprecates
        exported = torch.export.export(Program(), (numbers, tensors), dynamic_shapes=shapes)
        made = torch._inductor.aoti_compile_and_package(exported, package_path=str(path))
    loader = torch._C._aoti.AOTIModelPackageLoader(made, "model", False, 1, -1)
    return lambda its: loader.boxed_run(its)


@needs_compiler
def test_compiled_kernels_equal_torchs_operations(tmp_path: Path) -> None:
    program = compiled_program(tmp_path / "all.pt2")
    for length in (1, 2, 37, 4096, BLOCK + 17):
        eager = [make_tensors(*kernel, length=length) for kernel in KERNELS]
        compiled = [[torch.cat([tensor[:1], tensor])[1:] for tensor in its] for its in eager]  # not even aligned
        for t in (1, 2, 50):
            numbers = [make_numbers(form, t) for form, _, _ in KERNELS]
            for (form, variant, _), own, its in zip(KERNELS, numbers, eager, strict=True):
                in_blocks(in_place(form.move, variant))(own, its)
            program([*numbers, *(tensor for its in compiled for tensor in its)])
            for (form, variant, dtype), one, other in zip(KERNELS, eager, compiled, strict=True):
                assert equal(one, other), f"{form.__name__} {variant} {dtype}, length {length}, step {t}"
                assert all(torch.isfinite(tensor).all() for tensor in one), form.__name__


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of kernels, for optimizers to whom every vector is worth one."""
    monkeypatch.setenv("POISE_KERNELS", str(tmp_path / "kernels"))
    monkeypatch.delenv("POISE_COMPILE", raising=False)
    monkeypatch.setattr(compiler, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(elementwise, "WORTH", 1)
    compiler.find.cache_clear()
    yield tmp_path / "kernels"
    compiler.find.cache_clear()


@needs_compiler
def test_a_run_goes_over_to_its_compiled_kernel_unnoticed(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    load = compiler.load
    monkeypatch.setattr(compiler, "load", lambda path: loaded.append(path) or load(path))  # type: ignore[func-returns-value]
    module = Shapes()
    optimizer = Adam(Flat(module), lr=0.05)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    descend(module, optimizer, range(3))
    end = time.monotonic() + 300
    while not list(kernels.glob("*.pt2")) and time.monotonic() < end:
        time.sleep(0.1)
    for step in range(3, 8):
        descend(module, optimizer, [step])
        scheduler.step()
    assert loaded == list(kernels.glob("*.pt2"))
    assert len(loaded) == 1  # other learning rates need no other kernel

    monkeypatch.setenv("POISE_KERNELS", str(kernels / "none"))
    monkeypatch.setenv("POISE_COMPILE", "0")
    compiler.find.cache_clear()
    other = Shapes()
    optimizer = Adam(Flat(other), lr=0.05)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    descend(other, optimizer, range(3))
    for step in range(3, 8):
        descend(other, optimizer, [step])
        scheduler.step()
    assert not (kernels / "none").exists()
    assert equal(module.parameters(), other.parameters())


def test_a_broken_kernel_is_passed_over(kernels: Path, caplog: pytest.LogCaptureFixture) -> None:
    order = compiler.Order("poise.optim.adam:Adam", 2, 8, PLAIN)
    kernels.mkdir()
    order.path.write_bytes(b"not a kernel")
    module, other = Shapes(), Shapes()
    with caplog.at_level(logging.WARNING):
        descend(module, Adam(Flat(module), lr=0.05), range(3))
    assert sum("is not used" in message for message in caplog.messages) == 1
    descend(other, Adam(other.parameters(), lr=0.05), range(3))
    assert equal(module.parameters(), other.parameters())


def test_formulas_that_another_process_cannot_import_are_not_compiled(kernels: Path) -> None:
    class Halving(Adam):
        @staticmethod
        def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (w / 2, *state)

    module = Shapes()
    before = module.copies()
    descend(module, Halving(Flat(module)), range(1))
    assert equal(module.parameters(), [w / 2 for w in before])
    assert not kernels.exists()


def test_where_nothing_compiles_steps_go_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*args: Any, **settings: Any) -> Callable[..., None]:
        def fail(*args: Any) -> None:
            raise RuntimeError("no compiler\nand a long story")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    plain = in_place(Adam.move, PLAIN)
    kernel = compiler.just_in_time(Adam.move, PLAIN, plain)
    one, other = (make_tensors(Adam, PLAIN, torch.float32, 37) for _ in range(2))
    with caplog.at_level(logging.WARNING):
        for t in (1, 2):
            kernel(make_numbers(Adam, t), one)
            plain(make_numbers(Adam, t), other)
    assert caplog.messages == ["optimizer steps are not compiled: no compiler"]
    assert equal(one, other)
