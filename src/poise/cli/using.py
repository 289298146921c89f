"""`poise sample`, `encode` and `reconstruct`: what a run is used for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .parsing import parse


@dataclass(frozen=True)
class Sample:
    """Draw samples from a run's newest checkpoint."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    number: Annotated[int, arg(aliases=("-n",))] = 64
    """How many samples."""
    out: Path = Path("samples.png")
    """A .png picture, a .npz array, a folder that gets one PNG for each image, or of series a .csv or .parquet."""
    length: int | None = None
    """Steps of each series, of a run on series (None: those of the longest piece that it was trained on)."""
    seed: int = 0
    """Other seeds give other samples."""
    label: str | None = None
    """The class to draw, by name or number, of a run trained with --conditional."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Encode:
    """Put data into a VAE's codes, row by row, and score how unusual each sample is (the higher, the more)."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder, an archive, an array file, a table, or the name of a built-in set."""
    out: Path = Path("codes.npz")
    """A .npz of arrays (mean, sd, anomaly, label, path), or a .csv."""
    draws: int = 16
    """Codes for each sample that the score is estimated with."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Reconstruct:
    """Show what a VAE makes of data."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder, an archive, an array file, a table, or the name of a built-in set."""
    out: Path = Path("reconstructed.png")
    """A .png of images beside their reconstructions (the first 32), a .npz array of all, or a folder of PNG files."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def sample(args: list[str]) -> int:
    """Draw samples into files."""
    command = parse(Sample, "poise sample", args)

    from ..export import save_samples
    from ..progress import counting
    from ..run import Run
    from ..sequence_export import check_ending, save_series

    run, averaged = Run(command.run), not command.last
    if run.data["kind"] == "series":
        check_ending(command.out)
    teller = counting("drawing samples")
    samples = run.sample(command.number, command.seed, averaged, teller, command.label, command.length)
    if run.data["kind"] == "series":
        save_series(samples, run.data["columns"], command.out)
    else:
        save_samples(run, samples, command.out)
    print(command.out)
    return 0


def encode(args: list[str]) -> int:
    """Write codes and anomaly scores."""
    command = parse(Encode, "poise encode", args)
    if command.draws < 1:
        raise PoiseError(f"--draws is {command.draws}; give at least 1")

    from ..export import check_table, save_codes
    from ..progress import counting
    from ..run import Run
    from ..use import encode

    check_table(command.out)
    codes, samples = encode(Run(command.run), command.data, command.draws, not command.last, counting("encoding"))
    save_codes(codes, samples, command.out)
    print(command.out)
    return 0


def reconstruct(args: list[str]) -> int:
    """Write reconstructions."""
    command = parse(Reconstruct, "poise reconstruct", args)

    from ..export import save_reconstructions
    from ..progress import counting
    from ..run import Run
    from ..use import reconstruct

    run = Run(command.run)
    again, samples = reconstruct(run, command.data, not command.last, counting("reconstructing"))
    save_reconstructions(run, again, samples, command.out)
    print(command.out)
    return 0
