"""From a recipe and somebody's data to a trained run."""

import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from . import checkpoint, curing, loop
from .build import Handed, build, resolve, sample_shape, series_facts, whole_data
from .claim import claim, clear, lock
from .config import Config, override
from .data import Dataset
from .data.batches import Batches
from .data.chunks import Chunks
from .device import repeatable
from .errors import NonFinite
from .files import TEMPORARY, write_file
from .gallery import Gallery
from .game import Loss, Whole
from .health import Finding
from .mirrors import Mirror
from .progress import Reporter, counting, reporter
from .recipes import from_recipe
from .reports import report
from .run import Run
from .sequence_gallery import SequenceGallery
from .signals import catching
from .training import Training
from .validation import Validation
from .watch import Watch

EVALUATE_EVERY = 250  # steps, of series


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
            `generator={"lr": 1e-3}`). An optimizer may be given as a class, or a `functools.partial` of one.

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
    named, handed = _name_optimizers(changes)
    wish = override(from_recipe(recipe, str(data)), named)
    config, dataset = resolve(wish, counting("reading images") if progress else None, handed)
    path = Path(out) if out is not None else default_folder(config)
    return train_config(config, dataset, path, resume=resume, overwrite=overwrite, progress=progress, handed=handed)


def _name_optimizers(changes: Mapping[str, Any]) -> tuple[dict[str, Any], Handed]:
    """Put names for optimizers that were given as classes, since config.json holds words; return their meaning too."""
    handed: dict[str, Callable[..., torch.optim.Optimizer]] = {}

    def named(options: Mapping[str, Any]) -> dict[str, Any]:
        given = options.get("optimizer")
        if not callable(given):
            return dict(options)
        made = given.func if isinstance(given, partial) else given
        settings = dict(sorted(given.keywords.items())) if isinstance(given, partial) else {}
        name = f"{made.__module__}.{made.__qualname__}{settings or ''}"
        handed[name] = given
        return {**options, "optimizer": name}

    players = {name: named(value) for name, value in changes.items() if isinstance(value, Mapping)}
    return {**named(changes), **players}, handed


def default_folder(config: Config) -> Path:
    """Return runs/RECIPE-DATA."""
    return Path("runs") / f"{config.recipe}-{Path(config.data).resolve().name.split('.')[0]}"


def train_config(
    config: Config,
    dataset: Dataset,
    path: Path,
    *,
    resume: bool,
    overwrite: bool,
    progress: bool,
    handed: Handed | None = None,
    mirrors: Sequence[Mirror] = (),
) -> Run:
    """Train a resolved configuration into a folder; see `train`.

    Args:
        config: resolved.
        dataset: what it was resolved with.
        path: the folder.
        resume: see `train`.
        overwrite: see `train`.
        progress: see `train`.
        handed: optimizers of a caller's own, by name.
        mirrors: are told every line of metrics.jsonl as it is written; see `poise.mirrors`.
    """
    claim(path, config, dataset.fingerprint, resume=resume, overwrite=overwrite)
    training, batches = build(config, dataset, handed), deal(config, dataset)
    how_far = _how_far(config)
    with lock(path), repeatable(config.device), catching() as caught, closing(reporter(how_far, progress)) as teller:
        if overwrite:
            clear(path)
        run = Run.create(path, config, _facts(config, dataset))
        _tell_data(teller, run, dataset)
        if mirrors:
            run.mirrored(mirrors)
        if run.cures:
            training, batches = build(run.config, dataset, handed), deal(run.config, dataset)
        while (failure := _episode(run, dataset, training, batches, how_far, teller, caught)) is not None:
            teller.note(curing.told(curing.attempt(run, failure), len(run.cures)))
            training, batches = build(run.config, dataset, handed), deal(run.config, dataset)
        _report(run, teller)
    if caught:
        raise Interrupted(caught[0], run, training.step)
    return run


def _episode(
    run: Run,
    dataset: Dataset,
    training: Training,
    batches: loop.Deal | Whole,
    how_far: Callable[[Training], float],
    teller: Reporter,
    caught: list[int],
) -> Finding | None:
    """Train to the end, or to a failure that is to be cured, which is returned."""
    config = run.config
    _restore(run, training, teller)
    if how_far(training) >= 1:
        # no mistake: a script may repeat its command until it succeeds, and a kill may come after the last step
        teller.note(f"trained to step {training.step} already; for more, give more --steps or --minutes")
    run.rewind(training.step)
    curing.tell(run)
    gallery = SequenceGallery(run, dataset) if dataset.kind == "series" else Gallery(run, dataset)
    validation, watch = Validation(run, dataset), Watch(run, dataset)
    gallery.data()
    failures: list[Finding] = []

    def look(training: Training, losses: Mapping[str, Loss]) -> None:
        new = watch(training, losses)
        for finding in new:
            teller.note(f"{finding.level}: {finding.code} at step {finding.step}: {finding.sentence}")
        teller.verdict = watch.verdict
        failures.extend(finding for finding in new if config.cure and curing.curable(run, finding))

    hooks = [
        loop.at_multiples(config.watch_every, look),
        lambda training, losses: teller.update(training, losses),
        loop.at_multiples(config.log_every, partial(_log, run)),
        loop.at_multiples(config.sample_every, gallery.during),
        loop.at_multiples(config.evaluate_every or EVALUATE_EVERY, validation),
        loop.at_multiples(config.checkpoint_every, partial(_save, run)),
    ]
    if config.report_every is not None:
        hooks.append(loop.at_multiples(config.report_every, lambda training, losses: _report(run, teller)))
    try:
        loop.fit(training, batches, progress=how_far, every=hooks, stop=lambda: bool(caught or failures))
        if failures and not caught:
            return failures[0]
        if not caught:
            validation(training)
            gallery.end(training)
        _save(run, training)  # last: once it is there, nothing of the run is missing
    except NonFinite as error:
        finding = watch.broken(training.step + 1, str(error))
        run.add_finding(finding)
        if config.cure and curing.curable(run, finding):
            return finding
        saved, _ = checkpoint.latest(run.checkpoints)
        kept = f"the last good checkpoint is {saved.name}" if saved else "no checkpoint had been saved"
        _report(run, teller)
        raise NonFinite(f"{error} ({kept})") from None
    if whole_data(config) and not caught:
        teller.note(f"ended at step {training.step}: {training.ended or 'the limit that was set'}")
    return None


def _report(run: Run, teller: Reporter) -> None:
    """Write report.html; that it cannot be is no reason to lose a run."""
    try:
        report(run)
    except Exception as error:
        teller.note(f"warning: no report could be written ({error}); poise report {run.path} tries again")


def _how_far(config: Config) -> Callable[[Training], float]:
    if config.minutes:
        return loop.by_minutes(config.minutes)
    if config.examples:
        return loop.by_examples(config.examples)
    return loop.by_gradients(config.gradients) if config.gradients else loop.by_steps(config.steps)


def deal(config: Config, dataset: Dataset) -> loop.Deal | Whole:
    """Return the batches of a run, or the whole of its data where every step takes all of them."""
    if config.carry:
        return Chunks(dataset, config.batch, config.seed, config.device)
    dealt = Batches(dataset, config.batch, config.seed, config.flip, config.device)
    return Whole(dealt.in_order, dealt.sizes()) if whole_data(config) else dealt


def _facts(config: Config, dataset: Dataset) -> dict[str, Any]:
    packages = ("poise", "torch", "numpy")
    series = series_facts(config, dataset)
    return {
        "data": {
            "name": dataset.name,
            "kind": dataset.kind,
            "shape": sample_shape(dataset),
            "train": len(dataset.train),
            "test": len(dataset.test),
            "classes": dataset.classes,
            "columns": dataset.columns,
            "scaling": None if dataset.scaling is None else dataset.scaling.to_json(),
            "skipped": len(dataset.skipped),
            "fingerprint": dataset.fingerprint,
            "series": None if series is None else series.to_json(),
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
        write_file(run.path / "skipped.txt", listing.encode())
        what = "part" if dataset.kind == "series" else "unreadable file"
        plural = "s" if len(dataset.skipped) > 1 else ""
        teller.note(f"left out {len(dataset.skipped)} {what}{plural}, listed in {run.path / 'skipped.txt'}")


def _restore(run: Run, training: Training, teller: Reporter) -> None:
    """Take up the newest undamaged checkpoint, if any was saved before the run was stopped."""
    for leftover in run.path.rglob(f"*{TEMPORARY}"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    newest, warnings = curing.newest(run)
    for warning in warnings:
        teller.note(f"warning: {warning}")
    if newest is not None:
        training.restore(checkpoint.load(newest))
        teller.note(f"going on from step {training.step}")
    training.cures = len(run.cures)


def _log(run: Run, training: Training, losses: Mapping[str, Loss]) -> None:
    values = {f"{player}.{name}": value for player, loss in losses.items() for name, value in loss.values().items()}
    run.log(training.step, training.examples, training.seconds, {"gradients": training.gradients, **values})


def _save(run: Run, training: Training, losses: Mapping[str, Loss] | None = None) -> None:
    kept = curing.KEPT if run.config.cure else checkpoint.KEPT
    checkpoint.save(run.checkpoints, training.step, training.checkpoint(), kept)
