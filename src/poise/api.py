"""From a recipe and somebody's data to a trained run."""

import platform
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from . import checkpoint, loop, models
from .config import FREE_TO_CHANGE, Config, PlayerConfig, check, differences, override
from .data import Dataset, load
from .data.batches import Batches
from .device import autocast, choose_device, choose_precision
from .errors import NonFinite, PoiseError
from .files import TEMPORARY, write_file
from .game import Loss
from .optim import OPTIMIZERS
from .pictures import save_picture
from .progress import Reporter, reporter
from .recipes import from_recipe
from .rng import Rng
from .rules import RULES
from .run import Run, as_data
from .schedule import anneal
from .training import MakeOptimizer, Schedule, Training

RUN_FILES = ("config.json", "metrics.jsonl", "samples", "checkpoints", "skipped.txt", "lock")
GRID_IMAGES, GRID_POINTS = 64, 2_500


class Interrupted(Exception):  # noqa: N818  (nothing went wrong)
    """Training was stopped by a signal, after saving; `number` is the signal's."""

    def __init__(self, number: int, run: Run, step: int) -> None:
        super().__init__(f"stopped and saved at step {step} in {run.path}; run the same command again to go on")
        self.number, self.run = number, run


def train(
    recipe: str,
    data: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **changes: Any,
) -> Run:
    """Train a recipe on data, or go on with the run that `out` already holds.

    Args:
        recipe: a name from `poise list recipes`.
        data: a folder or archive of images, an array file, or the name of a built-in set.
        out: the run folder; runs/RECIPE-DATA unless given.
        resume: insist that there is a run to go on with.
        overwrite: begin anew where there is one.
        progress: show progress on standard error.
        changes: any setting of the recipe, by the name the command line uses (`batch=32`, `lr=1e-3`,
            `generator={"lr": 1e-3}`).

    Returns:
        The run, trained.

    Raises:
        PoiseError: a mistake in the settings, the data or the folder; the message names the remedy.
        Interrupted: Ctrl-C or SIGTERM came; the run was saved before.

    Example:
        >>> run = train("gan", "ring", steps=20, out=tmp / "run", progress=False)
        >>> run.metrics()[-1]["examples"] == 20 * run.config.batch
        True
    """
    config, dataset = resolve(override(from_recipe(recipe, str(data)), changes))
    path = Path(out) if out is not None else default_folder(config)
    return train_config(config, dataset, path, resume=resume, overwrite=overwrite, progress=progress)


def resolve(config: Config) -> tuple[Config, Dataset]:
    """Load the data and fill in what depends on them and on this machine.

    Raises:
        PoiseError: a value out of range, an unknown rule, optimizer or device, or unusable data.
    """
    check(config)
    _known("rule", config.rule, RULES)
    for name, player in config.players.items():
        _known(f"{name}.optimizer", player.optimizer, OPTIMIZERS)
    device = choose_device(config.device)
    dataset = load(config.data, size=config.size)
    images = dataset.kind == "images"
    precision = choose_precision(config.precision, device) if images else "float32"
    size = dataset.train.shape[1] if images else None
    return replace(config, device=device, precision=precision, size=size), dataset


def default_folder(config: Config) -> Path:
    """Return runs/RECIPE-DATA."""
    return Path("runs") / f"{config.recipe}-{Path(config.data).resolve().name.split('.')[0]}"


def sample_shape(dataset: Dataset) -> tuple[int, ...]:
    """Return the shape of one sample as the game takes it: [c, h, w] or [d]."""
    shape = tuple(dataset.train.shape[1:])
    return (shape[2], shape[0], shape[1]) if dataset.kind == "images" else shape


def train_config(config: Config, dataset: Dataset, path: Path, *, resume: bool, overwrite: bool, progress: bool) -> Run:
    """Train a resolved configuration into a folder; see `train`."""
    begun = _existing(path, config, dataset, resume=resume, overwrite=overwrite)
    training, batches = (
        build(config, dataset),
        Batches(dataset, config.batch, config.seed, config.flip, config.device),
    )
    if overwrite:
        _clear(path)
    run = Run.create(path, config, _facts(dataset))
    how_far = loop.by_minutes(config.minutes) if config.minutes else loop.by_steps(config.steps)
    with _lock(path), _signals() as caught:
        teller = reporter(how_far, progress)
        try:
            _tell_data(teller, run, dataset)
            _go_on(run, training, teller) if begun else _first_pictures(run, dataset)
            if how_far(training) >= 1:
                raise PoiseError(
                    f"{path} is trained to step {training.step} already; give more --steps or --minutes, or --overwrite"
                )
            hooks = [
                lambda training, losses: teller.update(training, losses),
                loop.at_multiples(config.log_every, partial(_log, run)),
                loop.at_multiples(config.sample_every, partial(_picture, run)),
                loop.at_multiples(config.checkpoint_every, partial(_save, run)),
            ]
            loop.fit(training, batches, progress=how_far, every=hooks, stop=lambda: bool(caught))
            _save(run, training)
            if not caught:
                _picture(run, training)
        except NonFinite as error:
            saved, _ = checkpoint.latest(run.checkpoints)
            kept = f"the last good checkpoint is {saved.name}" if saved else "no checkpoint had been saved"
            raise NonFinite(f"{error} ({kept})") from None
        finally:
            teller.close()
    if caught:
        raise Interrupted(caught[0], run, training.step)
    return run


def build(config: Config, dataset: Dataset) -> Training:
    """Make the game, with weights drawn from the seed, and all that trains it."""
    rng = Rng(config.seed, device=config.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(Rng(config.seed)("weights").initial_seed())
        game = models.build(config.model, sample_shape(dataset))
    convert_conv2d_weight_memory_format(game.to(config.device), torch.channels_last)
    return Training(
        game,
        RULES[config.rule](config.model.steps_per_player),
        {name: _optimizer(player) for name, player in config.players.items()},
        schedules={name: _schedule(player) for name, player in config.players.items()},
        rng=rng,
        autocast=autocast(config.device, config.precision),
        half_life=config.average_half_life,
        ramp=config.average_ramp,
    )


def _optimizer(player: PlayerConfig) -> MakeOptimizer:
    return partial(OPTIMIZERS[player.optimizer], lr=player.lr, betas=(player.beta1, player.beta2))


def _schedule(player: PlayerConfig) -> Schedule:
    return lambda progress: {
        "lr": anneal(player.lr, player.lr_end, progress),
        "betas": (player.beta1, anneal(player.beta2, player.beta2_end, progress)),
    }


def _known(option: str, name: str, table: Mapping[str, object]) -> None:
    if name not in table:
        near = get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(table)}"
        raise PoiseError(f"no {option} {name!r}; {hint}")


def _existing(path: Path, config: Config, dataset: Dataset, *, resume: bool, overwrite: bool) -> bool:
    """Say whether the folder holds a run to go on with, after making sure that it is the same one."""
    if (path / "config.json").exists():
        if not overwrite:
            _same(Run(path), config, dataset)
        return not overwrite
    if resume:
        raise PoiseError(f"no run in {path} to go on with; leave --resume out to begin one")
    if path.exists() and not path.is_dir():
        raise PoiseError(f"{path} is a file; choose another folder with --out")
    for child in path.iterdir() if path.exists() else ():
        if child.name not in RUN_FILES or (child.is_dir() and any(child.iterdir())):
            raise PoiseError(f"{path} is no run but holds files ({child.name}); choose another folder with --out")
    return False


def _same(run: Run, config: Config, dataset: Dataset) -> None:
    """Make sure that a run is of this configuration and these data."""
    changed = {
        name: values
        for name, values in differences(run.config, config).items()
        if name not in FREE_TO_CHANGE | {"data"}
    }
    if run.data["fingerprint"] != dataset.fingerprint:
        changed["data"] = (f"{run.config.data} as it was", config.data)
    if changed:
        fields = ", ".join(f"{name} {was} → {now}" for name, (was, now) in changed.items())
        raise PoiseError(
            f"{run.path} holds another configuration ({fields}); choose another --out, or --overwrite to begin anew"
        )


def _clear(path: Path) -> None:
    for name in RUN_FILES:
        target = path / name
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)


def _facts(dataset: Dataset) -> dict[str, Any]:
    packages = ("poise", "torch", "numpy")
    return {
        "data": {
            "name": dataset.name,
            "kind": dataset.kind,
            "shape": sample_shape(dataset),
            "train": len(dataset.train),
            "test": len(dataset.test),
            "classes": dataset.classes,
            "skipped": len(dataset.skipped),
            "fingerprint": dataset.fingerprint,
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "threads": torch.get_num_threads(),
        "command": sys.argv,
    }


def _tell_data(teller: Reporter, run: Run, dataset: Dataset) -> None:
    shape = " × ".join(map(str, dataset.train.shape[1:]))
    teller.note(f"data: {dataset.name}, {len(dataset.train):,} training samples of {shape} → {run.path}")
    if dataset.skipped:
        listing = "".join(f"{skip.path}\t{skip.reason}\n" for skip in dataset.skipped)
        write_file(run.path / "skipped.txt", lambda file: file.write_text(listing))
        teller.note(f"{len(dataset.skipped)} unreadable files were left out; {run.path / 'skipped.txt'} lists them")


def _first_pictures(run: Run, dataset: Dataset) -> None:
    count = GRID_IMAGES if dataset.kind == "images" else GRID_POINTS
    chosen = np.linspace(0, len(dataset.train) - 1, min(count, len(dataset.train))).astype(int)
    save_picture(run.samples / "real.png", np.asarray(dataset.train[chosen]), run.config.data)


def _go_on(run: Run, training: Training, teller: Reporter) -> None:
    for leftover in run.checkpoints.glob(f"*{TEMPORARY}"):
        shutil.rmtree(leftover)
    path, warnings = checkpoint.latest(run.checkpoints)
    for warning in warnings:
        teller.note(f"warning: {warning}")
    if path is not None:
        training.restore(checkpoint.load(path))
        teller.note(f"going on from step {training.step}")
    run.rewind(training.step)


def _log(run: Run, training: Training, losses: Mapping[str, Loss]) -> None:
    values = {f"{player}.{name}": value for player, loss in losses.items() for name, value in loss.values().items()}
    run.log(training.step, training.examples, training.seconds, values)


def _picture(run: Run, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
    count = GRID_IMAGES if run.data["kind"] == "images" else GRID_POINTS
    with training.sampling() as game:
        samples = as_data(game.sample(count, training.rng.at(0)))  # step 0: the same latents every time
    save_picture(run.samples / f"step-{training.step:07d}.png", samples, run.config.data)


def _save(run: Run, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
    checkpoint.save(run.checkpoints, training.step, training.checkpoint())


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep a second process from training into the same folder."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (path / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PoiseError(f"another process is training in {path}; choose another folder with --out") from None
        yield


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying; a second one acts at once."""
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[number])

    before: dict[int, Any] = {}
    try:
        before |= {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: signals are somebody else's business
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
