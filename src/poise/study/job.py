"""One run of a study: what it is, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..config import Config, override
from ..recipes import from_recipe
from .design import Arm, Study, folder_name

Phase = Literal["tuning", "final"]
Status = Literal["finished", "diverged", "collapsed", "failed"]


@dataclass(frozen=True)
class Job:
    """One run: an arm on a data set with a seed, its learning rates multiplied by a factor for each player.

    Attributes:
        data: the data set.
        arm: the arm's name.
        phase: tuning runs are scored on a validation part, final ones on the test part.
        factors: one for all players, or one for each.
        seed: of the run.
    """

    data: str
    arm: str
    phase: Phase
    factors: tuple[float, ...]
    seed: int

    @property
    def key(self) -> str:
        """The run's folder within the study: data, arm, and which of its runs."""
        rates = "x".join(f"{factor:.4g}" for factor in self.factors)
        return f"{folder_name(self.data)}/{folder_name(self.arm)}/{self.phase}-lr-{rates}-seed-{self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        job: which run.
        status: "diverged" and "collapsed" are what health checks say at its end, "failed" is an error or a killed
            process.
        score: None if there is none.
        lr: learning rates by player.
        spent: of the budget, at each point of the curve.
        curve: the score on the validation part.
        steps: taken.
        gradients: evaluated.
        examples: seen.
        seconds: spent, scores and looks included.
        pace: seconds a step, without them.
        memory: the most that the process held, megabytes; None where the system does not tell.
        error: why there is no score.
        path: of the run's folder, within the study.
    """

    job: Job
    status: Status
    score: float | None = None
    lr: Mapping[str, float] = field(default_factory=dict)
    spent: tuple[float, ...] = ()
    curve: tuple[float, ...] = ()
    steps: int = 0
    gradients: int = 0
    examples: int = 0
    seconds: float = 0.0
    pace: float = 0.0
    memory: float | None = None
    error: str = ""
    path: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Outcome":
        """Rebuild an outcome from `to_json`'s values.

        Raises:
            TypeError: they are no outcome's.
        """
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        job = dict(plain["job"])
        return Outcome(**{**plain, "job": Job(**{**job, "factors": tuple(job["factors"])})})


def configured(study: Study, arm: Arm, job: Job) -> Config:
    """Return the settings of a run: the arm's, its rates multiplied, under the study's budget and score.

    Raises:
        PoiseError: an unknown recipe, or a change that the recipe has no use for.
    """
    config = override(from_recipe(arm.recipe, job.data), arm.changes)
    players: dict[str, Any] = {}
    for place, (name, player) in enumerate(config.players.items()):
        factor = job.factors[place if len(job.factors) > 1 else 0]
        end = {} if player.lr_end is None else {"lr_end": player.lr_end * factor}
        players[name] = {"lr": player.lr * factor, **end}
    amount = study.budget.amount if study.budget.kind == "minutes" else round(study.budget.amount)
    lengths: dict[str, Any] = {"minutes": None, "examples": None, "gradients": None, study.budget.kind: amount}
    return override(config, {**players, **lengths, "seed": job.seed, "score": study.score, "evaluate_every": 1})
