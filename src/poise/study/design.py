"""What a study asks: which arms, under which budget, by which score."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ..config import LOWER
from ..errors import PoiseError

Kind = Literal["gradients", "examples", "minutes"]
Sampler = Literal["grid", "tpe"]
STEP = 10**0.5  # from one learning rate of a grid to the next
MOST_FACTOR = 10.0  # by which a sampler may go from an arm's own rates, either way


def folder_name(name: str) -> str:
    """Return a name that can be a folder's, of an arm or of data that may be a path.

    Example:
        >>> folder_name("../photos of/cats")
        'photos-of-cats'
    """
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name.strip("./")) or "data"


@dataclass(frozen=True)
class Arm:
    """One contestant: a recipe with changes.

    Attributes:
        name: in tables and folders.
        recipe: where it starts.
        changes: as `poise.config.override` takes them.
    """

    name: str
    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """What every run may spend: gradient evaluations (extragradient pays for both of its own), examples or minutes."""

    kind: Kind
    amount: float

    def __str__(self) -> str:
        """Say it in words."""
        what = {"gradients": "gradient evaluations", "examples": "examples", "minutes": "minutes"}[self.kind]
        return f"{self.amount:,g} {what}"


@dataclass(frozen=True)
class Study:
    """Arms under one budget, tuned alike, judged by one score on several seeds.

    Attributes:
        name: of the study.
        data: names or paths of data sets, all of one kind.
        arms: the contestants.
        budget: of every run, in tuning as at the end.
        score: by which arms are tuned, on a validation part, and compared, on the test part; see `Config.score`.
        trials: learning rates that are tried for each arm; 1: its own alone.
        sampler: "grid", multiples √10 apart of the arm's own rates; "tpe", Optuna's, between a tenth and ten times.
        each_player: try a factor for each player, not one for all: a grid then has trials² points for two players.
        tuning_seeds: of the tuning's runs.
        seeds: of the final runs.
        target: a score whose first crossing is timed.
        points: of a curve, about; of images, a score costs as much as tens of steps.

    Example:
        >>> study = Study("mine", ("ring",), (Arm("adam", "gan"),), Budget("gradients", 100), "coverage")
        >>> Study.from_json(study.to_json()) == study
        True
    """

    name: str
    data: tuple[str, ...]
    arms: tuple[Arm, ...]
    budget: Budget
    score: str
    trials: int = 3
    sampler: Sampler = "grid"
    each_player: bool = False
    tuning_seeds: tuple[int, ...] = (100,)
    seeds: tuple[int, ...] = (0, 1, 2)
    target: float | None = None
    points: int = 12

    @property
    def lower(self) -> bool:
        """Whether less of the score is better."""
        return self.score in LOWER

    def check(self) -> None:
        """Check what types alone cannot say.

        Raises:
            PoiseError: no arms or seeds, two arms of one name, a budget of nothing, or seeds that tuning has seen.
        """
        if not self.arms:
            raise PoiseError(f"the study {self.name} has no arms; give --recipes, --rules or --optimizers")
        names = [folder_name(arm.name) for arm in self.arms]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PoiseError(f"two arms are called {twice[0]}; give each another name")
        if not self.data or len(set(map(folder_name, self.data))) < len(self.data):
            raise PoiseError("give each data set once, and at least one")
        if not self.budget.amount > 0:
            raise PoiseError(f"a budget of {self.budget} trains nothing; give a number above 0")
        if not self.seeds or not self.tuning_seeds or min(self.trials, self.points) < 1:
            raise PoiseError("a study needs at least one seed and one learning rate for each arm")
        if both := set(self.seeds) & set(self.tuning_seeds):
            raise PoiseError(f"seed {min(both)} is for tuning; a final run with it would know its own luck")
        if self.sampler not in get_args(Sampler):
            raise PoiseError(f"no sampler {self.sampler!r}; there are {' and '.join(get_args(Sampler))}")

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Study":
        """Rebuild a study from `to_json`'s values.

        Raises:
            PoiseError: they are no study's.
        """
        try:
            plain: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
            }
            arms = tuple(Arm(**arm) for arm in values["arms"])
            return Study(**{**plain, "arms": arms, "budget": Budget(**values["budget"])})
        except (KeyError, TypeError) as error:
            raise PoiseError(f"no study of this version of Poise ({error}); begin it anew in another folder") from None
