"""What a health check says of a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Level = Literal["note", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """One thing that goes wrong in a run, or that is worth knowing, and the numbers that say so.

    Attributes:
        code: what happened, as in `poise.health.CHECKS`.
        level: a "note" asks for nothing, a "warning" for a look, and with a "failure" going on is a waste of time.
        step: at which it was seen.
        since: the first step of the signals that speak for it.
        sentence: for a person to read.
        evidence: the numbers behind it.
        advice: a command to run, or "".
        reference: where it is described.

    Example:
        >>> finding = Finding("mode-collapse", "failure", 900, 500, "few modes", {"spread": 0.1})
        >>> Finding.from_json(finding.to_json()) == finding
        True
    """

    code: str
    level: Level
    step: int
    since: int
    sentence: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    advice: str = ""
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "evidence": {name: float(value) for name, value in self.evidence.items()}}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Finding":
        """Rebuild a finding from `to_json`'s values.

        Raises:
            ValueError: they are no finding's.
        """
        try:
            found = Finding(**values)
        except TypeError as error:
            raise ValueError(f"no finding ({error})") from None
        if found.level not in get_args(Level) or not isinstance(found.step, int):
            raise ValueError(f"no finding (level {found.level!r}, step {found.step!r})")
        return found
