"""Compile kernels ahead of time, in a process of their own, and keep them on disk.

torch.compile's back end (inductor) turns a formula into C++ in about ten seconds, the first time twenty. Nobody waits
for that: a step runs in blocks (`kernel.in_blocks`) until the compiled kernel is there, and since both give the same
results bit for bit, a run does not depend on when that was. A kept kernel loads in hundredths of a second, in any
later run. Kernels are for any length, and their hyperparameters are tensors: nothing ever recompiles.
"""

import atexit
import hashlib
import inspect
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from . import kernel as kernels
from .kernel import Formula, Kernel, Variant, in_blocks, in_place

WORTH = 500_000  # weights: below, what a compiler takes is not won back within a run (docs/optimizers.md)
LOOK_AGAIN = 0.5  # seconds between looks for a kernel that is being compiled
log = logging.getLogger(__name__)
_running: "list[subprocess.Popen[bytes]]" = []


def kernel_folder() -> Path:
    """Return the folder of compiled kernels: $POISE_KERNELS, or `kernels` in the cache folder of the user."""
    if chosen := os.environ.get("POISE_KERNELS"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "poise" / "kernels"


@dataclass(frozen=True)
class Order:
    """What a compiled kernel is made from.

    Attributes:
        owner: "module:class" whose static method `move` is the formula.
        states: how many state tensors the formula takes.
        numbers: how many numbers of its own.
        variant: what else happens in the pass.
        dtypes: of the weights, and of state and numbers.
    """

    owner: str
    states: int
    numbers: int
    variant: Variant
    dtypes: tuple[str, str] = ("float32", "float32")

    @property
    def formula(self) -> Formula:
        """The optimizer's function."""
        module, name = self.owner.split(":")
        formula: Formula = getattr(import_module(module), name).move
        return formula

    @property
    def path(self) -> Path:
        """Where the kernel is kept; the name changes with the formula, torch and the processor."""
        made_from = (
            asdict(self),
            inspect.getsource(self.formula),
            inspect.getsource(kernels),
            torch.__version__,
            torch.backends.cpu.get_cpu_capability(),
        )
        key = hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
        return kernel_folder() / f"{self.owner.split(':')[1].lower()}-{self.variant}-{key}.pt2"

    def example(self) -> tuple[Tensor, list[Tensor]]:
        """Return numbers and tensors such as the kernel takes."""
        weights, rest = (getattr(torch, name) for name in self.dtypes)
        extra = int(self.variant.saves or self.variant.returns) + int(self.variant.averages)
        kinds = [weights, weights, *[rest] * self.states, *[weights] * extra]
        return torch.zeros(3 + self.numbers, dtype=rest), [torch.zeros(4096, dtype=kind) for kind in kinds]


@cache
def find(order: Order, formula: Formula, device: str) -> "Best":
    """Return the kernel for an order, the same object each time."""
    return Best(order, formula, device)


@dataclass
class Best:
    """The best kernel there is at this moment: in blocks at first, compiled as soon as it can be had."""

    order: Order
    formula: Formula
    device: str
    _run: Kernel = field(init=False)
    _settled: bool = field(init=False, default=False)
    _asked: bool = field(init=False, default=False)
    _looked: float = field(init=False, default=-LOOK_AGAIN)

    def __post_init__(self) -> None:
        self._run = in_blocks(in_place(self.formula, self.order.variant))
        # float64 is for checking mathematics, and there torch's square root is not exact: it stays as it is
        self._settled = self.order.dtypes[1] != "float32" or not _importable(self.order, self.formula)

    def __call__(self, numbers: Tensor, tensors: Sequence[Tensor], worth: bool) -> None:
        """Do the step; `worth` says whether the weights are many enough to have a kernel compiled."""
        if not self._settled and time.monotonic() - self._looked >= LOOK_AGAIN:
            self._looked = time.monotonic()
            self._improve(worth)
        self._run(numbers, tensors)

    def _improve(self, worth: bool) -> None:
        if self.device != "cpu":
            self._settled = worth
            if worth:
                self._run = just_in_time(self.formula, self.order.variant, self._run)
        elif self.order.path.exists():
            self._settled = True
            try:
                self._run = load(self.order.path)
            except Exception as error:  # private parts of torch: whatever they raise, the step must go on
                log.warning("the compiled kernel %s is not used: %s", self.order.path, _one_line(error))
        elif worth and not self._asked:
            self._asked = True
            compile_in_background(self.order)


def load(path: Path) -> Kernel:
    """Load a compiled kernel. It takes vectors of any length; their storage is written in place."""
    # torch._inductor.aoti_load_package does the same and takes two seconds to import
    loader = torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1)
    run: Callable[[list[Tensor]], object] = loader.boxed_run

    def kernel(numbers: Tensor, tensors: Sequence[Tensor]) -> None:
        if tensors[0].numel():
            run([numbers, *tensors])

    return kernel


def just_in_time(formula: Formula, variant: Variant, otherwise: Kernel) -> Kernel:
    """Compile within this process, at the first step; where there is no compiler, go on with `otherwise`."""
    compiled = torch.compile(in_place(formula, variant), dynamic=True, fullgraph=True)
    working = True

    def kernel(numbers: Tensor, tensors: Sequence[Tensor]) -> None:
        nonlocal working
        if working:
            try:
                return compiled(numbers, list(tensors))
            except Exception as error:  # compilers fail in many ways; before the first step nothing has been touched
                working = False
                log.warning("optimizer steps are not compiled: %s", _one_line(error))
        otherwise(numbers, tensors)

    return kernel


def compile_in_background(order: Order) -> "subprocess.Popen[bytes] | None":
    """Begin to compile in another process, at low priority; it ends with this one."""
    if os.environ.get("POISE_COMPILE") == "0" or not (os.environ.get("CXX") or shutil.which("g++")):
        return None
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __name__, json.dumps(asdict(order))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _running.append(process)
    atexit.register(_stop, process)
    return process


def wait() -> None:
    """Wait until all kernels that this process has ordered are there; the steps after that use them.

    Example:
        >>> wait()
    """
    while _running:
        _running.pop().wait()
    time.sleep(LOOK_AGAIN)


def compile_now(order: Order) -> Path:
    """Compile a kernel, put it in its place whole, and return where.

    Raises:
        RuntimeError: whatever the compiler says.
    """
    path, (numbers, tensors) = order.path, order.example()
    path.parent.mkdir(parents=True, exist_ok=True)

    class Program(torch.nn.Module):
        def forward(self, numbers: Tensor, tensors: list[Tensor]) -> tuple[()]:
            in_place(order.formula, order.variant)(numbers, tensors)
            return ()

    length = {0: torch.export.Dim("length", min=2)}
    shapes = {"numbers": None, "tensors": [length] * len(tensors)}
    with torch.no_grad():
        program = torch.export.export(Program(), (numbers, tensors), dynamic_shapes=shapes)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = torch._inductor.aoti_compile_and_package(program, package_path=f"{folder}/kernel.pt2")
        os.replace(made, path)
    return path


def _importable(order: Order, formula: Formula) -> bool:
    """Whether another process would find the same formula under the owner's name."""
    try:
        return not order.owner.startswith("__main__") and order.formula is formula
    except (ImportError, AttributeError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, 15)
        process.wait()


def _one_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    asked = json.loads(sys.argv[1])
    asked["variant"], asked["dtypes"] = Variant(**asked["variant"]), tuple(asked["dtypes"])
    compile_now(Order(**asked))
