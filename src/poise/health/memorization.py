"""memorization: samples are copies of training data.

Signal: `copies`, the median distance of samples to the nearest of up to 1,024 training samples over that of
held-out samples: 1 for fresh samples of the same law, 0 for copies. Of a set much larger than that copies would not
be seen; such sets are hardly ever copied.
"""

from .finding import Finding
from .history import History

PATIENCE = 5
LIMIT = 0.35
REFERENCE = "Meehan et al. 2020 (arXiv:2004.05675); Carlini et al. 2023 (arXiv:2301.13188)"


def check(history: History) -> Finding | None:
    """Return a finding if samples have lain much nearer to training data than held-out data do."""
    copies, spread = history.last("copies", PATIENCE), history.last("spread", PATIENCE)
    if len(copies) < PATIENCE or not ((copies < LIMIT) & (spread > 0.25)).all():
        return None
    return Finding(
        "memorization",
        "failure",
        history.now,
        history.since(PATIENCE),
        f"samples are {copies[-1]:.2g} times as far from training data as held-out data are",
        {"copies": copies[-1]},
        history.command("--flip --average-half-life 5000"),
        REFERENCE,
    )
