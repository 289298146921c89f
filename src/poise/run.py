"""The run folder: plain files that training writes and everything else reads.

config.json       what the run is made of
metrics.jsonl     one object a line: step, examples, seconds, then names and values; `health.*` are signals
findings.jsonl    what health checks found, one object a line; see `poise.health.Finding`
evaluations.jsonl what `poise evaluate` found: step of the weights, samples, judge, scores beside floors, with intervals
samples/          pictures of samples from fixed latents; real.png shows training data; of a VAE also what it makes of
                  test data (reconstructed-*.png) and its latent space (interpolated-*, traversed-*, codes-*.png); of a
                  recurrent VAE autocorrelation-*, kl-* and forecast-*.png
checkpoints/      see `poise.checkpoint`
skipped.txt       files that could not be read as images, if any
report.html       all of this to look at; see `poise.report`
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import checkpoint, models
from .config import Config, from_json, override, to_json
from .data.batches import to_pixels
from .data.scaling import Scaling
from .errors import PoiseError, suggestion
from .files import write_file, write_json, writing
from .game import Game
from .health import Finding
from .models.rvae import Facts, Rvae
from .rng import Rng

BLOCK = 64  # samples drawn at once, so that ten thousand need no more memory than a few batches


class Run:
    """A run folder.

    Args:
        path: an existing run folder.

    Attributes:
        asked: the settings as they were asked for.

    Raises:
        PoiseError: there is no run in that folder.

    Example:
        >>> import poise
        >>> run = poise.train("gan", "ring", steps=20, out=tmp / "ring", progress=False)
        >>> run.config.data, run.metrics()[-1]["step"]
        ('ring', 20)
        >>> run.sample(5).shape
        (5, 2)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._mirrors: tuple[Callable[[Mapping[str, float]], object], ...] = ()
        try:
            self._described: dict[str, Any] = json.loads((self.path / "config.json").read_text())
            self.asked: Config = from_json(self._described["config"])
        except (OSError, NotADirectoryError):
            raise PoiseError(f"no run in {self.path}; give the folder that `poise train` made") from None
        except (ValueError, KeyError) as error:
            if isinstance(error, PoiseError):
                raise
            raise PoiseError(f"{self.path / 'config.json'} is damaged; train again into another folder") from None

    @classmethod
    def create(cls, path: Path, config: Config, facts: Mapping[str, Any]) -> "Run":
        """Make the folder, or bring an existing one's config.json up to date.

        Args:
            path: the folder.
            config: the resolved configuration.
            facts: what else the run should remember: the data's shape and fingerprint, versions, command.

        Raises:
            PoiseError: the disk is full or read-only.
        """
        with writing(path):
            for folder in ("samples", "checkpoints"):
                (path / folder).mkdir(parents=True, exist_ok=True)
        cures = {"cures": cls(path).cures} if (path / "config.json").exists() and cls(path).cures else {}
        write_json(path / "config.json", {"config": to_json(config), **facts, **cures})
        return cls(path)

    @property
    def config(self) -> Config:
        """The settings that hold: those asked for, with the change of the last cure if there was one."""
        change = self.cures[-1]["change"] if self.cures else {}
        return override(self.asked, {name: tuple(v) if isinstance(v, list) else v for name, v in change.items()})

    @property
    def cures(self) -> list[dict[str, Any]]:
        """The attempts to mend the run so far; see `poise.curing`."""
        cures: list[dict[str, Any]] = self._described.get("cures", [])
        return cures

    def set_cures(self, cures: list[dict[str, Any]]) -> None:
        """Remember attempts to mend the run.

        Raises:
            PoiseError: the disk is full or read-only.
        """
        self._described = {**self._described, "cures": cures}
        write_json(self.path / "config.json", self._described)

    @property
    def data(self) -> dict[str, Any]:
        """What the run remembers of its data: name, kind, shape of a sample, count, fingerprint, classes."""
        facts: dict[str, Any] = self._described["data"]
        return facts

    @property
    def versions(self) -> dict[str, str]:
        """Of Python and the packages that the run was begun with."""
        found: dict[str, str] = self._described["versions"]
        return found

    @property
    def command(self) -> list[str]:
        """The words that it was begun with."""
        found: list[str] = self._described["command"]
        return found

    @property
    def ended(self) -> str | None:
        """Which criterion of convergence ended the training on all of the data; None if none did."""
        path, _ = checkpoint.latest(self.checkpoints)
        return None if path is None else json.loads((path / "state.json").read_text())["ended"]

    @property
    def samples(self) -> Path:
        """The folder of pictures."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The folder of the checkpoint with the best score on a validation part, if there was one."""
        return self.checkpoints / "best"

    def log(self, step: int, examples: int, seconds: float, values: Mapping[str, float]) -> None:
        """Append a line to metrics.jsonl.

        Raises:
            PoiseError: the disk is full or read-only.
        """
        line = {"step": step, "examples": examples, "seconds": round(seconds, 3), **values}
        _append(self._metrics, line)
        for mirror in self._mirrors:
            mirror(line)

    def mirrored(self, mirrors: Sequence[Callable[[Mapping[str, float]], object]]) -> None:
        """Tell others every line that is logged from now on."""
        self._mirrors = tuple(mirrors)

    def metrics(self) -> list[dict[str, float]]:
        """Return the lines of metrics.jsonl; one that a crash cut short is left out."""
        return lines_of(self._metrics)

    def remember(self, scores: Mapping[str, Any]) -> None:
        """Append an evaluation to evaluations.jsonl.

        Raises:
            PoiseError: the disk is full or read-only.
        """
        _append(self._evaluations, dict(scores))

    def evaluations(self) -> list[dict[str, Any]]:
        """Return what `poise evaluate` has found, oldest first; a line that a crash cut short is left out."""
        return lines_of(self._evaluations)

    def step(self, averaged: bool = True) -> int:
        """Return the step of the weights that `game` has.

        Raises:
            PoiseError: the run has no usable checkpoint.
        """
        return int(json.loads((self._checkpoint(averaged) / "state.json").read_text())["step"])

    def add_finding(self, finding: Finding) -> None:
        """Append a line to findings.jsonl.

        Raises:
            PoiseError: the disk is full or read-only.
        """
        _append(self._findings, finding.to_json())

    def findings(self) -> list[Finding]:
        """Return what health checks found while the run was trained; what a crash cut short is left out."""
        return [Finding.from_json(line) for line in lines_of(self._findings)]

    def rewind(self, step: int) -> None:
        """Forget what was written after this step, so that training can go on from its checkpoint."""
        for path in (self._metrics, self._findings):
            kept = [line for line in lines_of(path) if line["step"] <= step]
            if kept or path.exists():
                write_file(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        for picture in self.samples.glob("*-*.png"):
            if int(picture.stem.rpartition("-")[2]) > step:
                picture.unlink()

    def sample(
        self,
        n: int,
        seed: int = 0,
        averaged: bool = True,
        progress: Callable[[int, int], None] = lambda done, total: None,
        label: str | int | None = None,
        length: int | None = None,
    ) -> NDArray[Any]:
        """Draw samples from the newest undamaged checkpoint; sample number i depends on the seed, i and label alone.

        Args:
            n: how many.
            seed: other seeds give other samples.
            averaged: use the moving average of the weights rather than those of the last step.
            progress: called with the number of samples drawn and n.
            label: the class they should be of, by name or number; None: of all classes in turn, if the game is told
                classes.
            length: the steps of each series, of a run on series; None: of the longest piece it was trained on.

        Returns:
            Images, uint8 [n, h, w, c], or numbers in the data's own units, [n, d], or of series [n, length, d].

        Raises:
            PoiseError: the run has no usable checkpoint, no such label or no series, or n or length is not positive.
        """
        if n < 1:
            raise PoiseError(f"-n {n}: ask for at least one sample")
        game = self.game(averaged)
        draw: Callable[..., torch.Tensor] = game.sample
        if label is not None:
            draw = partial(draw, labels=torch.full((BLOCK,), self._number(label)))
        if length is not None:
            if not isinstance(game, Rvae):
                raise PoiseError(f"{self.path} makes no series, whose length could be chosen; leave --length out")
            if length < 1:
                raise PoiseError(f"--length {length}: ask for at least one step")
            draw = partial(draw, steps=length)
        blocks = []
        with torch.no_grad():
            for start in range(0, n, BLOCK):
                blocks.append(self.as_data(draw(BLOCK, Rng(seed, start // BLOCK)))[: n - start])
                progress(min(start + BLOCK, n), n)
        return np.concatenate(blocks)

    def as_data(self, samples: torch.Tensor) -> NDArray[Any]:
        """Turn a game's samples into what the data hold: pixels uint8 [n, h, w, c], or numbers in their own units."""
        if self.data["kind"] == "images":
            pixels: NDArray[Any] = to_pixels(samples).cpu().numpy()
            return pixels
        array: NDArray[Any] = samples.cpu().numpy()
        return array if self.scaling is None else self.scaling.undo(array)

    def as_game(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Bring numbers in the data's own units to the scale that the game was trained in; pixels stay pixels."""
        return rows if self.scaling is None else self.scaling.apply(rows)

    @property
    def scaling(self) -> Scaling | None:
        """What a table was standardized with before the game saw it."""
        values = self.data["scaling"]
        return None if values is None else Scaling.from_json(values)

    def game(self, averaged: bool = True, best: bool = True) -> Game:
        """Return the trained game, ready to sample or to evaluate.

        Args:
            averaged: the average of the weights, of the best checkpoint where a validation part was scored, else of
                the newest; or else the last weights.
            best: let the average be that of the newest checkpoint in any case, if false.

        Raises:
            PoiseError: the run has no usable checkpoint.
        """
        if averaged and not best:
            return self._load("average", self._newest())
        return self._average if averaged else self._last

    @cached_property
    def _average(self) -> Game:
        return self._load("average", self._checkpoint(averaged=True))

    @cached_property
    def _last(self) -> Game:
        return self._load("weights", self._checkpoint(averaged=False))

    def _number(self, label: str | int) -> int:
        classes: list[str] = self.data["classes"]
        if not getattr(self.config.model, "conditional", False):
            raise PoiseError(f"{self.path} was trained without classes; train with --conditional to ask for a label")
        if str(label) in classes:
            return classes.index(str(label))
        if not str(label).isdigit() or int(label) >= len(classes):
            raise PoiseError(f"no label {str(label)!r} in {self.path}; {suggestion(str(label), classes)}")
        return int(label)

    def _checkpoint(self, averaged: bool) -> Path:
        best = checkpoint.latest(self.best)[0] if averaged else None
        return best or self._newest()

    def _newest(self) -> Path:
        path, _ = checkpoint.latest(self.checkpoints)
        if path is None:
            raise PoiseError(f"no usable checkpoint in {self.path}; run its `poise train` command again")
        return path

    def _load(self, which: str, path: Path) -> Game:
        series = self.data.get("series")
        facts = None if series is None else Facts.from_json(series)
        game = models.build(self.config.model, tuple(self.data["shape"]), len(self.data["classes"]), facts)
        saved = checkpoint.load(path).tensors
        checkpoint.fit_into(game, {**saved["weights"], **saved[which]})
        return game.eval()

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def _findings(self) -> Path:
        return self.path / "findings.jsonl"

    @property
    def _evaluations(self) -> Path:
        return self.path / "evaluations.jsonl"


def _append(path: Path, values: Mapping[str, Any]) -> None:
    with writing(path), path.open("a") as file:
        file.write(json.dumps(values) + "\n")


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the objects in a file of JSON lines, up to one that a crash cut short."""
    lines: list[dict[str, Any]] = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            values = json.loads(line)
        except ValueError:
            break
        if not isinstance(values, dict):
            break
        lines.append(values)
    return lines
