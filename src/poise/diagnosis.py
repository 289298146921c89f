"""What is wrong with a run, by the same checks that watched it, or by signals taken now if nobody did."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import checkpoint
from .errors import PoiseError
from .health import Finding, History
from .judging import judged, opened
from .rng import Rng
from .run import Run
from .use import data_of
from .watch import Measuring

LOOKS = 10  # that signals taken now stand for


@dataclass(frozen=True)
class Diagnosis:
    """A verdict, and what it rests on.

    Attributes:
        run: the folder.
        verdict: the code of the worst finding that holds, or "healthy"; "unknown" if there is nothing to judge by.
        standing: the findings that hold at the end of what is known.
        earlier: those that were raised while the run was trained and hold no more.
        unread: what of the folder could not be used, and why.
    """

    run: Path
    verdict: str
    standing: tuple[Finding, ...]
    earlier: tuple[Finding, ...]
    unread: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a failure holds."""
        return any(finding.level == "failure" for finding in self.standing)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        parts = {"standing": self.standing, "earlier": self.earlier}
        found = {name: [finding.to_json() for finding in part] for name, part in parts.items()}
        return {"run": str(self.run), "verdict": self.verdict, "failed": self.failed, **found, "unread": self.unread}

    def lines(self) -> list[str]:
        """Return the same for a person to read."""
        text = [f"verdict   {self.verdict}"]
        for title, part in (("", self.standing), ("earlier: ", self.earlier)):
            for finding in part:
                text += ["", f"{title}{finding.level}: {finding.code}, seen at step {finding.step:,}"]
                evidence = "  ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
                rows = {"what": finding.sentence, "evidence": evidence, "since": f"step {finding.since:,}"}
                rows |= {"try": finding.advice, "see": finding.reference}
                text += [f"  {name:<10}{row}" for name, row in rows.items() if row]
        return text + [""] * bool(self.unread) + [f"not used: {what}" for what in self.unread]


def diagnose(run: str | Path | Run) -> Diagnosis:
    """Judge a run's health.

    Args:
        run: its folder. Of one that is damaged or of another version, what can be read is used and the rest is named.

    Raises:
        PoiseError: there is no run in that folder.

    Example:
        >>> import poise
        >>> run = poise.train("gan", "ring", steps=300, out=tmp / "diagnosed", progress=False)
        >>> poise.diagnose(run).verdict
        'healthy'
    """
    path = run.path if isinstance(run, Run) else Path(run)
    known, lines, unread = opened(path)
    now: list[dict[str, float]] = []
    if known is not None:
        _check_checkpoints(known, unread)
        if not History(lines).watched:
            now = _signals_now(known, unread)
    found = judged(path, known, lines, unread, now)
    return Diagnosis(path, found.verdict, found.standing, found.earlier, tuple(unread))


def _check_checkpoints(run: Run, unread: list[str]) -> None:
    newest, warnings = checkpoint.latest(run.checkpoints)
    unread.extend(warnings)
    if newest is None:
        unread.append("checkpoints: none is whole")


def _signals_now(run: Run, unread: list[str]) -> list[dict[str, float]]:
    """Take signals of the newest checkpoint with several random numbers, as if there had been so many looks.

    What only tells of movements (`sketch.0`, `score.0`) is left out, for there were none.
    """
    try:
        newest, _ = checkpoint.latest(run.checkpoints)
        if newest is None:
            return []
        game, measuring = run.game(averaged=False), Measuring(data_of(run))
        state = json.loads((newest / "state.json").read_text())
        game.progress = 1.0
        signals = [measuring.signals(game, Rng(run.config.seed, state["step"] + i)) for i in range(LOOKS)]
    except PoiseError as error:
        unread.append(f"data: {error}")
        return []
    step = {"step": state["step"], "health.step": state["step"]}
    return [step | {f"health.{name}": value for name, value in some.items() if "." not in name} for some in signals]
