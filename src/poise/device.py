"""Where and in which precision the networks compute."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch

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


def _has_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # newer than the oldest torch we take
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
