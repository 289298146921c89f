"""The command line. Each command parses, calls the library and prints; heavy modules are imported late."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, arg

from .config import Config, override, to_json
from .data.names import SETS
from .errors import PoiseError, suggestion
from .recipes import RECIPES, from_recipe

T = TypeVar("T")

USAGE = """\
poise: train deep generative models on your own data

  poise train RECIPE DATA [options]      train, or go on with a run that was stopped
  poise sample RUN [-n 64] [--out FILE]  draw samples from a run
  poise evaluate RUN [--data DATA]       score a VAE on held-out data
  poise encode RUN DATA [--out FILE]     codes and anomaly scores of data
  poise reconstruct RUN DATA             what a VAE makes of data, beside the data
  poise phase GAME [--rules R,R,...]     draw why rules converge, cycle or diverge on a game of the plane
  poise list recipes|rules|optimizers|data
  poise data fetch NAME                  download a built-in data set in full

DATA is a folder or .zip of images, a .npy, .npz or IDX file, a .csv or .parquet table of numbers, or a built-in set
(poise list data).
Each command answers --help. First steps:  poise train gan fashion-mnist --minutes 3
"""


@dataclass(frozen=True)
class Train:
    """Train a recipe on data. The same command again goes on with a run that was stopped."""

    config: Annotated[Config, arg(name="")]
    lr: float | None = None
    """Learning rate of all players."""
    optimizer: str | None = None
    """Optimizer of all players."""
    out: Path | None = None
    """Run folder (None: runs/RECIPE-DATA)."""
    resume: Annotated[bool, FlagCreatePairsOff] = False
    """Insist that there is a run to go on with."""
    overwrite: Annotated[bool, FlagCreatePairsOff] = False
    """Begin anew where there is a run."""
    dry_run: Annotated[bool, FlagCreatePairsOff] = False
    """Print the resolved configuration and stop."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Sample:
    """Draw samples from a run's newest checkpoint."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    number: Annotated[int, arg(aliases=("-n",))] = 64
    """How many samples."""
    out: Path = Path("samples.png")
    """A .png picture, a .npz array, or a folder that gets one PNG for each image."""
    seed: int = 0
    """Other seeds give other samples."""
    label: str | None = None
    """The class to draw, by name or number, of a run trained with --conditional."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Evaluate:
    """Score a VAE on held-out data: its bound in two halves, the likelihood, and what its codes carry."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    data: str | None = None
    """Other data than the run's, of which the held-out part is used."""
    draws: int = 100
    """Codes for each sample that the likelihood is estimated with; more come closer, 5,000 is usual in publications."""
    limit: int = 1_000
    """Held-out samples at most."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
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


@dataclass(frozen=True)
class Phase:
    """Play a game of two numbers by several rules; draw where they go, how fast, and what theory says of that."""

    game: Annotated[Positional[str], arg(metavar="GAME")]
    """bilinear, quadratic or dirac-gan."""
    rules: str | None = None
    """Names with commas between, see `poise list rules` (None: six that tell the story)."""
    optimizer: str = "sgd"
    """Optimizer of both players; theory is about sgd."""
    lr: float = 0.1
    """Learning rate of both players."""
    steps: int = 200
    """How many."""
    start: str = "1,1"
    """Where both players start, in order of play."""
    gamma: float = 0.0
    """Weight of dirac-gan's R1 penalty."""
    out: Path = Path("phase.png")
    """The picture, a .png."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class List:
    """Name what there is, one line each."""

    what: Annotated[Positional[str], arg(metavar="WHAT")]
    """recipes, rules, optimizers or data."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Fetch:
    """Download a built-in data set in full and check it against its checksums."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """Name of the set."""
    to: Path | None = None
    """Folder to keep it in (None: $POISE_DATA, or the user's data folder)."""
    url: str | None = None
    """Another place to download from."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 after a mistake, 128 + n after signal n."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"train": _train, "sample": _sample, "evaluate": _evaluate, "encode": _encode}
    commands |= {"reconstruct": _reconstruct, "phase": _phase, "list": _list, "data": _data}
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"poise {version('poise')}")
        return 0
    try:
        if args[0] not in commands:
            raise PoiseError(f"no command {args[0]!r}; {suggestion(args[0], commands)}")
        return commands[args[0]](args[1:])
    except PoiseError as error:
        if "--debug" in args:
            raise
        print(f"poise: {error}", file=sys.stderr)
        return 2


def _train(args: list[str]) -> int:
    # once for the data, once with the recipe's defaults for who is to use which optimizer and --lr, and once more with
    # the defaults that follow from those; the recipe must be known first of all, because its options are its model's
    if args and not args[0].startswith("-"):
        from_recipe(args[0], "")  # a mistyped recipe is told as such, not as options of another one that it has not
    first = from_recipe(next((word for word in args if word in RECIPES), "gan"), "")
    config = _parse(Train, "poise train", args, Train(replace(first, recipe=tyro.MISSING, data=tyro.MISSING))).config
    config = from_recipe(config.recipe, config.data)
    given = _parse(Train, "poise train", args, Train(config))
    each = {
        name: {"optimizer": player.optimizer}
        for name, player in given.config.players.items()
        if player.optimizer != config.players[name].optimizer
    }
    config = override(config, {"lr": given.lr, "optimizer": given.optimizer, **each})
    command = _parse(Train, "poise train", args, Train(config))

    from .api import Interrupted, default_folder, train_config
    from .build import resolve
    from .progress import counting

    config, dataset = resolve(command.config, counting("reading images"))
    if command.dry_run:
        print(json.dumps(to_json(config), indent=1))
        return 0
    out = command.out or default_folder(config)
    try:
        run = train_config(config, dataset, out, resume=command.resume, overwrite=command.overwrite, progress=True)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 128 + stop.number
    pictures = sorted(run.samples.glob("step-*.png"))
    if command.json:
        last = run.metrics()[-1] if run.metrics() else {}  # fewer steps than --log-every leave no line
        print(json.dumps({"run": str(run.path), "samples": str(pictures[-1]), "ended": run.ended, **last}))
    else:
        print(f"trained: {run.path}\nsamples: {pictures[-1]}\nmore:    poise sample {run.path} -n 64 --out samples.png")
    return 0


def _sample(args: list[str]) -> int:
    command = _parse(Sample, "poise sample", args)

    from .export import save_samples
    from .progress import counting
    from .run import Run

    run, averaged = Run(command.run), not command.last
    samples = run.sample(command.number, command.seed, averaged, counting("drawing samples"), command.label)
    save_samples(run, samples, command.out)
    print(command.out)
    return 0


def _evaluate(args: list[str]) -> int:
    command = _parse(Evaluate, "poise evaluate", args)
    for name, count, least in (("draws", command.draws, 1), ("limit", command.limit, 2)):
        if count < least:
            raise PoiseError(f"--{name} is {count}; give at least {least}")

    from .progress import counting
    from .run import Run
    from .use import evaluate

    teller = counting("scoring held-out samples")
    run = Run(command.run)
    found = evaluate(run, command.data, command.draws, command.limit, not command.last, teller)
    if command.json:
        print(json.dumps({"run": str(run.path), **found.to_json()}))
    else:
        print("\n".join(found.lines()))
    return 0


def _encode(args: list[str]) -> int:
    command = _parse(Encode, "poise encode", args)
    if command.draws < 1:
        raise PoiseError(f"--draws is {command.draws}; give at least 1")

    from .export import check_table, save_codes
    from .progress import counting
    from .run import Run
    from .use import encode

    check_table(command.out)
    codes, samples = encode(Run(command.run), command.data, command.draws, not command.last, counting("encoding"))
    save_codes(codes, samples, command.out)
    print(command.out)
    return 0


def _reconstruct(args: list[str]) -> int:
    command = _parse(Reconstruct, "poise reconstruct", args)

    from .export import save_reconstructions
    from .progress import counting
    from .run import Run
    from .use import reconstruct

    run = Run(command.run)
    again, samples = reconstruct(run, command.data, not command.last, counting("reconstructing"))
    save_reconstructions(run, again, samples, command.out)
    print(command.out)
    return 0


def _phase(args: list[str]) -> int:
    command = _parse(Phase, "poise phase", args)
    try:
        first, second = map(float, command.start.split(","))
    except ValueError:
        raise PoiseError(f"--start is {command.start!r}; give two numbers, as in --start 1,0.5") from None

    from .phase import portrait

    rules = None if command.rules is None else command.rules.split(",")
    settings: dict[str, Any] = {
        "optimizer": command.optimizer,
        "lr": command.lr,
        "steps": command.steps,
        "gamma": command.gamma,
    }
    found = portrait(command.game, command.out, rules, start=(first, second), **settings)
    rows = {t.rule: {"verdict": t.verdict, "measured": t.measured, "theory": t.theory} for t in found}
    if command.json:
        print(json.dumps({"picture": str(command.out), "game": command.game, **settings, "rules": rows}))
        return 0
    print(
        f"{command.out}\n\n{'rule':<20}{'verdict':<12}{'measured':>8}{'theory':>10}   (factor on the distance per step)"
    )
    for rule, row in rows.items():
        theory = "unknown" if row["theory"] is None else f"{row['theory']:.4f}"
        print(f"{rule:<20}{row['verdict']:<12}{row['measured']:>8.4f}{theory:>10}")
    return 0


def _list(args: list[str]) -> int:
    command = _parse(List, "poise list", args)
    tables: dict[str, Callable[[], dict[str, str]]] = {
        "recipes": lambda: _first_lines(RECIPES),
        "rules": _rules,
        "optimizers": _optimizers,
        "data": lambda: {name: known.about for name, known in SETS.items()},
    }
    if command.what not in tables:
        raise PoiseError(f"nothing to list under {command.what!r}; {suggestion(command.what, tables)}")
    rows = tables[command.what]()
    if command.json:
        print(json.dumps(rows, indent=1))
    else:
        width = max(map(len, rows))
        print("\n".join(f"{name:<{width}}  {line}" for name, line in rows.items()))
    return 0


def _data(args: list[str]) -> int:
    if args[:1] in ([], ["-h"], ["--help"]):
        print("usage: poise data fetch NAME [--to FOLDER] [--url URL]")
        return 0
    if args[0] != "fetch":
        raise PoiseError(f"no command 'data {args[0]}'; write: poise data fetch NAME")
    command = _parse(Fetch, "poise data fetch", args[1:])

    from .data import fetch
    from .progress import counting

    print(fetch(command.name, to=command.to, url=command.url, progress=counting("downloading, bytes")))
    return 0


def _rules() -> dict[str, str]:
    from .rules import RULES

    return _first_lines(RULES)


def _optimizers() -> dict[str, str]:
    from .optim import OPTIMIZERS

    return _first_lines(OPTIMIZERS)


def _first_lines(table: dict[str, T]) -> dict[str, str]:
    return {name: (thing.__doc__ or "").strip().splitlines()[0] for name, thing in table.items()}


def _parse(kind: type[T], program: str, args: list[str], default: T | None = None) -> T:
    """Let tyro parse; of its framed explanation of a mistake, keep one line.

    Raises:
        PoiseError: an option or value that does not exist, or one that is missing.
    """
    said = io.StringIO()
    width = os.environ.get("COLUMNS")
    try:
        if not {"-h", "--help"} & set(args):
            os.environ["COLUMNS"] = "10000"  # or the line that is kept would be folded
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=program, args=args, default=tyro.MISSING_NONPROP if default is None else default)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise PoiseError(_one_line(said.getvalue(), program)) from None
    finally:
        if width is None:
            os.environ.pop("COLUMNS", None)
        else:
            os.environ["COLUMNS"] = width


def _one_line(explanation: str, program: str) -> str:
    lines = [line.strip("│|╭╮╰╯+ ") for line in explanation.splitlines()]
    lines = [line for line in lines if line.strip("─-")]
    message = lines[1] if len(lines) > 1 else "unusable options"
    if message.startswith("Missing from"):
        message = "missing " + ", ".join(line for line in lines[2:] if line.isupper())
    if "Perhaps you meant:" in lines:
        meant = lines[lines.index("Perhaps you meant:") + 1].split()[0]
        return f"{message}; did you mean {meant}?"
    return f"{message.rstrip('.')}; see {program} --help"


if __name__ == "__main__":
    sys.exit(main())
