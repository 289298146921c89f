"""Judges: networks that turn samples into features for the metrics."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import PoiseError, suggestion
from .cache import cached
from .efficientnet_lite0 import efficientnet_lite0, lite0
from .exported import exported
from .fid import inception
from .judge import Judge
from .pixels import pixels, points
from .random_convolution import random_convolution

__all__ = ["FILES", "JUDGES", "Judge", "cached", "efficientnet_lite0", "judge"]

JUDGES: Mapping[str, Callable[[], Judge]] = {
    "efficientnet-lite0": lite0,
    "pixels": pixels,
    "points": points,
    "random-convolution": random_convolution,
}
FILES: Mapping[str, Callable[[Path, bytes, str], Judge]] = {".safetensors": inception, ".onnx": exported}
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")


def judge(name: str) -> Judge:
    """Return a judge by name, efficientnet-lite0@64 for one at another size, or from a local file of a network.

    Nothing is downloaded. A file is an exported network (.onnx) or weights of Inception (.safetensors); files that
    could run code as they are read (pickles, TorchScript) are refused.

    Args:
        name: one of `JUDGES`, or a path.

    Raises:
        PoiseError: there is no such judge, or the file does not fit.

    Example:
        >>> judge("efficientnet-lite0").distance
        'FD-lite0'
        >>> judge("pixel")
        Traceback (most recent call last):
        ...
        poise.errors.PoiseError: no judge 'pixel'; did you mean pixels?
    """
    kind = Path(name).suffix.lower()
    if kind in PICKLES:
        target = f"{Path(name).stem}.safetensors"
        raise PoiseError(
            f"{name} may be a pickle, which can run code as it is read, so it is refused; convert one you trust: "
            f"safetensors.torch.save_file(torch.load({name!r}, weights_only=True), {target!r})"
        )
    if kind in FILES:
        return _from_file(Path(name), FILES[kind])
    base, at, size = name.partition("@")
    if base == "efficientnet-lite0" and at:
        if not size.isdecimal():
            raise PoiseError(f"no judge {name!r}; write the size in pixels after the @, such as efficientnet-lite0@64")
        return lite0(int(size))
    if base == "inception":
        raise PoiseError(
            "Inception's weights do not come with Poise; give the path of a .safetensors file that has them"
        )
    if name not in JUDGES:
        raise PoiseError(f"no judge {name!r}; {suggestion(name, JUDGES)}")
    return JUDGES[name]()


def _from_file(path: Path, make: Callable[[Path, bytes, str], Judge]) -> Judge:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PoiseError(f"cannot read the judge {path}: {error.strerror}; give the path of a local file") from error
    return make(path, content, hashlib.sha256(content).hexdigest()[:16])
