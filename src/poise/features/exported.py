"""Networks that others have exported to ONNX, from a local file."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import PoiseError
from .blocks import colors, in_blocks
from .judge import Judge, Progress, Samples

BLOCK = 16  # images at once, where the graph leaves it open


def exported(path: Path, content: bytes, version: str) -> Judge:
    """Any network in ONNX: images [n, 3, h, w] in [0, 1] to its first output; needs pip install 'poise[onnx]'.

    Images are resized to the height and width of the graph's input, or stay as they are where it leaves those open.
    Metadata "mean" and "std", three numbers with commas between, say that the network wants (image − mean) / std.

    Raises:
        PoiseError: onnxruntime is not installed, or the graph is damaged or takes something else.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise PoiseError(f"{path} needs onnxruntime to be run; pip install 'poise[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each kind of damage has its own class
        raise PoiseError(
            f"{path} cannot be read as ONNX ({str(error).splitlines()[0]}); export it again, weights inside the file"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4 or inputs[0].shape[1] != 3:
        takes = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise PoiseError(f"{path} takes {takes}; export it with one float32 input [n, 3, h, w], images in [0, 1]")
    notes = session.get_modelmeta().custom_metadata_map
    scaling = _three(path, notes, "mean", "0,0,0"), _three(path, notes, "std", "1,1,1")
    return Judge(path.stem, "images", f"FD-{path.stem}", f"onnx {version}", partial(_features, path, session, scaling))


def _three(path: Path, notes: dict[str, str], key: str, usual: str) -> Tensor:
    try:
        return torch.tensor([float(number) for number in notes.get(key, usual).strip("[] ").split(",")]).view(
            1, 3, 1, 1
        )
    except (ValueError, RuntimeError) as error:
        raise PoiseError(f"{path} has metadata {key} = {notes[key]!r}; write three numbers, such as {usual}") from error


def _features(
    path: Path, session: Any, scaling: tuple[Tensor, Tensor], images: Samples, progress: Progress | None
) -> Tensor:
    given, (mean, deviation) = session.get_inputs()[0], scaling
    block, _, height, width = given.shape
    size = (_number(height, images.shape[1]), _number(width, images.shape[2]))
    first = session.get_outputs()[0].name

    def extract(some: Samples) -> Tensor:
        x = ((colors(some, size) - mean) / deviation).contiguous().numpy()
        try:
            found = np.asarray(session.run([first], {given.name: x})[0], np.float32)
        except Exception as error:  # onnxruntime's own classes
            raise PoiseError(
                f"{path} fails on images of {size}: {str(error).splitlines()[0]}; export it again"
            ) from error
        if found.shape[:1] != (len(some),):
            raise PoiseError(
                f"{path} gives {first} {list(found.shape)} for {len(some)} images; export one row an image"
            )
        return torch.from_numpy(found).flatten(1)

    return in_blocks(images, _number(block, BLOCK), extract, progress)


def _number(known: int | str | None, otherwise: int) -> int:
    """Return a length that a graph fixes, or another where it only names it."""
    return known if isinstance(known, int) and known > 0 else otherwise
