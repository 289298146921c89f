"""Samples into files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import PoiseError
from .files import whole_file, write_folder, writing
from .pictures import save_picture
from .run import Run


def save_samples(run: Run, samples: NDArray[Any], out: Path) -> None:
    """Write samples as one picture (.png), one array (.npz, key "samples"), or a folder of PNG files.

    Args:
        run: where the samples come from.
        samples: images, uint8 [n, h, w, c], or points, float32 [n, d].
        out: its ending says what to write; without one it is a folder.

    Raises:
        PoiseError: an ending that is none of these, a folder that exists, or a disk that cannot be written.
    """
    kind = out.suffix.lower()
    if kind == ".png":
        save_picture(out, samples, run.config.data)
    elif kind == ".npz":
        with writing(out), whole_file(out) as file:
            np.savez_compressed(file, samples=samples)
    elif kind or samples.ndim != 4:
        raise PoiseError(f"cannot write samples as {out.name}; end --out in .png or .npz" + _or_folder(samples))
    elif out.exists():
        raise PoiseError(f"{out} exists already; choose a new folder with --out")
    else:
        write_folder(out, lambda folder: _save_each(folder, samples))


def _save_each(folder: Path, images: NDArray[Any]) -> None:
    digits = len(str(len(images) - 1))
    for index, image in enumerate(images):
        picture = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image)
        picture.save(folder / f"{index:0{digits}}.png")


def _or_folder(samples: NDArray[Any]) -> str:
    return ", or name a folder" if samples.ndim == 4 else ""
