"""Pictures of samples: image grids, points over the true modes, tables column against column."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .data.toys import TOYS
from .files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS = 5  # of a table in one picture
GAP = 2  # pixels between images
WIDTH = 640  # a grid of small images is enlarged by a whole factor to about this width


def save_picture(
    path: Path,
    samples: NDArray[np.generic],
    data: str,
    *,
    columns: Sequence[str] = (),
    real: NDArray[np.generic] | None = None,
) -> None:
    """Draw samples and write a PNG, whole or not at all.

    Args:
        path: ends in .png.
        samples: images, uint8 [n, h, w, c], or numbers, [n, d].
        data: name of the data set; the toys' true modes are drawn under their points.
        columns: names of a table's columns.
        real: rows of a table's data, to be drawn beside the samples.
    """
    if samples.dtype == np.uint8:
        drawn = _png(grid(samples))
    else:
        drawn = _scatter(samples, data) if data in TOYS else _pairs(samples, real, columns)
    write_file(path, drawn)


def save_rows(path: Path, rows: Sequence[NDArray[np.uint8]], titles: Sequence[str] = ()) -> None:
    """Draw images row by row, each row with a title to its left if there are any, and write a PNG.

    Args:
        path: ends in .png.
        rows: as many images in each, uint8 [m, h, w, c].
        titles: one for each row, or none.
    """
    sheet = grid(np.concatenate(rows), columns=len(rows[0]))
    if not titles:
        write_file(path, _png(sheet))
        return
    factor = sheet.width / (len(rows[0]) * (rows[0].shape[2] + GAP) + GAP)
    font = ImageFont.load_default(size=14)
    margin = 8 + max(int(font.getlength(title)) for title in titles) + 8
    whole = Image.new("RGB", (margin + sheet.width, sheet.height), "white")
    whole.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(whole)
    for number, title in enumerate(titles):
        middle = factor * (GAP + (rows[0].shape[1] + GAP) * number + rows[0].shape[1] / 2)
        draw.text((8, middle), title, fill="black", font=font, anchor="lm")
    write_file(path, _png(whole))


def grid(images: NDArray[np.generic], columns: int | None = None) -> Image.Image:
    """Lay images [n, h, w, c] out in rows, as square as can be unless a number of columns is given."""
    count, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (
            GAP + place * (side + GAP) for place, side in zip(divmod(index, columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet.squeeze(2) if channels == 1 else sheet)
    factor = max(1, round(WIDTH / picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def _scatter(points: NDArray[np.generic], data: str) -> bytes:
    from matplotlib.figure import Figure  # late: half a second

    figure = Figure(figsize=(6.4, 6.4), layout="tight")
    axes = figure.add_subplot()
    centers, sigma = TOYS[data]()
    reach = float(np.abs(centers).max()) * 1.4
    axes.scatter(
        points[:, 0], points[:, 1], s=5, alpha=0.5, linewidths=0, color="#2b6cb0", label=f"{len(points):,} samples"
    )
    # circles of three standard deviations hold 98.9 % of a mode; at least wide enough to be seen
    axes.scatter(
        centers[:, 0], centers[:, 1], s=160, facecolors="none", edgecolors="#c05621", linewidths=1.2, label="true modes"
    )
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"{data} (σ = {sigma})")
    axes.legend(loc="upper right")
    return figure_png(figure)


def _pairs(samples: NDArray[np.generic], real: NDArray[np.generic] | None, columns: Sequence[str]) -> bytes:
    """Draw the first columns of a table against each other, and their histograms on the diagonal."""
    from matplotlib.figure import Figure  # late: half a second

    shown = min(samples.shape[1], MOST_COLUMNS)
    figure = Figure(figsize=(1 + 1.8 * max(shown, 2), 1 + 1.8 * max(shown, 2)), layout="constrained")
    axes = figure.subplots(shown, shown, squeeze=False, sharex="col")
    sets = [("samples", samples, "#2b6cb0")]
    if real is not None:  # below the samples, or they would be hidden
        sets.insert(0, ("data", real, "#c05621"))
    for (i, j), cell in np.ndenumerate(axes):
        if j > i:
            cell.set_axis_off()
            continue
        for name, rows, color in sets:
            if i == j:
                edges = np.histogram_bin_edges(np.concatenate([r[:, i] for _, r, _ in sets]).astype(float), 40)
                cell.hist(rows[:, i], bins=edges, density=True, alpha=0.55, color=color, label=name)
            else:
                cell.scatter(rows[:, j], rows[:, i], s=4, alpha=0.3, linewidths=0, color=color)
        if 0 < j < i:
            cell.sharey(axes[i, 0])
        cell.tick_params(labelsize=7)
        cell.set(xlabel=columns[j], ylabel=columns[i] if i else "")
        outer(cell, bottom=i == shown - 1, left=j == 0)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper right")
    if shown < samples.shape[1]:
        figure.suptitle(f"the first {shown} of {samples.shape[1]} columns")
    return figure_png(figure)


def outer(cell: "Axes", bottom: bool, left: bool) -> None:
    """Leave axes that are shared to the outer cells; those of the inner ones took most of the time of a picture."""
    cell.xaxis.set_visible(bottom)
    cell.yaxis.set_visible(left)


def figure_png(figure: "Figure") -> bytes:
    """Return a matplotlib figure as a PNG of 100 pixels an inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(100)
    buffer, canvas = io.BytesIO(), cast("Any", FigureCanvasAgg(figure))  # whose methods matplotlib has not typed
    canvas.print_png(buffer)  # savefig draws everything twice, the first time for its layout alone
    return buffer.getvalue()
