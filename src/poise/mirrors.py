"""Mirrors of metrics.jsonl for people who live in another tool: TensorBoard, trackio."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import PoiseError

Mirror = Callable[[Mapping[str, float]], object]
NOT_VALUES = {"step", "seconds", "health.step"}


def tensorboard(run: Path) -> Mirror:
    """Return a mirror that writes event files into RUN/tensorboard; a run that goes on overwrites what it repeats.

    Raises:
        PoiseError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise PoiseError("--tensorboard needs TensorBoard: pip install 'poise[tensorboard]'") from None
    writers: list[Any] = []

    def mirror(line: Mapping[str, float]) -> None:
        step = int(line["step"])
        if not writers:  # what a killed run had written beyond its checkpoint is purged
            writers.append(SummaryWriter(str(run / "tensorboard"), purge_step=step))
        for name, value in _values(line).items():
            writers[0].add_scalar(name.replace(".", "/", 1), value, step)
        writers[0].flush()

    return mirror


def trackio(run: Path) -> Mirror:
    """Return a mirror that logs to trackio's local project "poise", under the run folder's name.

    Raises:
        PoiseError: trackio is not installed.
    """
    try:
        import trackio as tracker
    except ImportError:
        raise PoiseError("--trackio needs trackio: pip install 'poise[trackio]'") from None
    begun: list[Any] = []

    def mirror(line: Mapping[str, float]) -> None:
        if not begun:
            begun.append(tracker.init(project="poise", name=run.name, resume="allow"))
        begun[0].log(_values(line), step=int(line["step"]))

    return mirror


def _values(line: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name not in NOT_VALUES}
