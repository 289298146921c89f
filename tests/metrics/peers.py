"""Metrics of other libraries, for comparison on equal features.

torch-fidelity and pytorch-fid import torchvision, for networks that no comparison here needs; where it is not
installed, they are given an empty one while they load. torchmetrics loads torch-fidelity when it is there.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torch import nn

PARTS = ("", ".transforms", ".transforms.functional", ".models", ".models.inception", ".datasets")


def load(name: str) -> Any:
    """Import a module of torchmetrics, torch_fidelity or pytorch_fid.

    Raises:
        ImportError: it is not installed.
    """
    with empty_torchvision():
        if importlib.util.find_spec("torch_fidelity"):
            importlib.import_module("torch_fidelity")
        if not name.startswith("torchmetrics"):
            return importlib.import_module(name)
    return importlib.import_module(name)  # it asks whether torchvision is there, and should be told the truth


@contextmanager
def empty_torchvision() -> Iterator[None]:
    """Let `import torchvision` succeed, with classes that do nothing."""
    if importlib.util.find_spec("torchvision"):
        yield
        return
    made = {f"torchvision{part}": Empty(f"torchvision{part}") for part in PARTS}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


class Empty(ModuleType):
    """A module in which every other name is a class."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return the submodule of this name, or a class."""
        return sys.modules.get(f"{self.__name__}.{name}") or type(name, (nn.Module,), {})
