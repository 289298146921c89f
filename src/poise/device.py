"""Where and in which precision the networks compute."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch.utils import deterministic

from .config import Precision
from .errors import PoiseError


def choose_device(wish: str) -> str:
    """Return "cuda", "mps" or "cpu", whichever is best here for "auto"; otherwise the wish, if it can be had.

    Raises:
        PoiseError: no such device here.

    Example:
        >>> choose_device("cpu")
        'cpu'
    """
    kind, _, index = wish.partition(":")
    if wish == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if kind == "cpu" and not index:
        return wish
    if kind == "mps" and not index and torch.backends.mps.is_available():
        return wish
    if kind == "cuda" and (not index or index.isdigit()) and int(index or 0) < torch.cuda.device_count():
        return wish
    raise PoiseError(f"no device {wish!r} on this machine; use --device auto or cpu")


def choose_precision(wish: Precision, device: str) -> Precision:
    """Return "bfloat16" for "auto" where the hardware multiplies it faster, otherwise "float32" or the wish.

    Example:
        >>> choose_precision("float32", "cpu")
        'float32'
    """
    if wish != "auto":
        return wish
    return "bfloat16" if _has_bfloat16(device) else "float32"


def autocast(device: str, precision: str) -> Callable[[], AbstractContextManager[object]]:
    """Return a maker of contexts in which convolutions and matrix products compute in this precision."""
    if precision == "float32":
        return nullcontext
    return partial(torch.autocast, device.partition(":")[0], torch.bfloat16)


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Within the context a GPU computes the same numbers each time, as processors always do.

    Otherwise its libraries choose among algorithms some that add up in the order in which threads come.

    Example:
        >>> with repeatable("cpu"):
        ...     torch.ones(2).sum()
        tensor(2.)
    """
    if not device.startswith("cuda"):
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    mode, fill = torch.get_deterministic_debug_mode(), deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    # with the mode comes a pass over all new memory, which only finds bugs
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_deterministic_debug_mode("warn")  # of what cannot be had so
    try:
        with warnings.catch_warnings():
            # cuDNN would like an LSTM's weights in a memory of their own; here they lie with those of their player
            warnings.filterwarnings("ignore", "RNN module weights")
            yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before
        torch.set_deterministic_debug_mode(mode)
        deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


def _has_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # newer than the oldest torch we take
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
