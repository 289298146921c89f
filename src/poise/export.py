"""Samples into files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .coding import Codes
from .data.dataset import InSourceOrder
from .errors import PoiseError
from .files import whole_file, write_folder, writing
from .pictures import save_picture
from .run import Run

PAIRS = 32  # images beside their reconstructions, in a picture


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
        save_picture(out, samples, run.config.data, columns=run.data["columns"])
    elif kind == ".npz":
        with writing(out), whole_file(out) as file:
            np.savez_compressed(file, samples=samples)
    elif kind or samples.ndim != 4:
        raise PoiseError(f"cannot write samples as {out.name}; end --out in .png or .npz" + _or_folder(samples))
    elif out.exists():
        raise PoiseError(f"{out} exists already; choose a new folder with --out")
    else:
        write_folder(out, lambda folder: _save_each(folder, samples))


def save_codes(codes: Codes, samples: InSourceOrder, out: Path) -> None:
    """Write codes as arrays (.npz: mean, sd, anomaly, and label and path where there are any) or as a table (.csv).

    Raises:
        PoiseError: another ending, or a disk that cannot be written.
    """
    check_table(out)
    beside: dict[str, Any] = {"anomaly": codes.anomaly}
    if samples.labels is not None:
        beside["label"] = np.array(samples.classes)[samples.labels]
    if samples.names:
        beside["path"] = np.array(samples.names)
    with writing(out), whole_file(out) as file:
        if out.suffix.lower() == ".npz":
            np.savez_compressed(file, mean=codes.mean, sd=codes.sd, **beside)
            return
        columns = {f"mean_{i}": column for i, column in enumerate(codes.mean.T)}
        columns |= {f"sd_{i}": column for i, column in enumerate(codes.sd.T)}
        table = {name: beside[name] for name in ("path", "label", "anomaly") if name in beside} | columns
        rows = [",".join(table), *(",".join(map(_field, row)) for row in zip(*table.values(), strict=True))]
        file.write(("\n".join(rows) + "\n").encode())


def check_table(out: Path) -> None:
    """Refuse, before the work, an ending that codes are not written with.

    Raises:
        PoiseError: neither .npz nor .csv.
    """
    if out.suffix.lower() not in (".npz", ".csv"):
        raise PoiseError(f"cannot write codes as {out.name}; end --out in .npz or .csv")


def _field(value: object) -> str:
    """Write a value of a .csv file; a name may hold commas and quotes."""
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\n') else text


def save_reconstructions(run: Run, again: NDArray[Any], samples: InSourceOrder, out: Path) -> None:
    """Write reconstructions as `save_samples` does; a picture shows the first images beside theirs.

    Raises:
        PoiseError: as for `save_samples`.
    """
    if out.suffix.lower() == ".png" and again.ndim == 4:
        pairs = np.stack([samples[:PAIRS], again[:PAIRS]], 1).reshape(-1, *again.shape[1:])
        save_picture(out, pairs, run.config.data)
    else:
        save_samples(run, again, out)


def _save_each(folder: Path, images: NDArray[Any]) -> None:
    digits = len(str(len(images) - 1))
    for index, image in enumerate(images):
        picture = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image)
        picture.save(folder / f"{index:0{digits}}.png")


def _or_folder(samples: NDArray[Any]) -> str:
    return ", or name a folder" if samples.ndim == 4 else ""
