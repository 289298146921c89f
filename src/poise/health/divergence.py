"""divergence: losses or weights grow without bound, or are numbers no longer.

Signals: each player's `weights`, the length of its vector, and its `loss`. Weights of networks that learn grow
slowly; those of one that diverges have grown many times over, and still grow, or have done so in one leap after which
samples stay poor (`overlap`). Samples may also fly apart (`spread`). A loss that is infinite or not a number ends a
run at once; that finding is raised where it happens.
"""

import numpy as np

from .finding import Finding
from .history import History

PATIENCE = 5
# looks, and how many times as long weights may become within them. Where a normalization divides lengths out again,
# each step is at a right angle to the weights, which so become as long as the root of the number of steps: in these
# looks at most √12 = 3.5 times, which Muon from small weights nearly reaches, and no divergence
WINDOW, GROWN = 12, 4.0
LARGE = 1e4  # a loss, in nats or scores
WIDE = 5.0  # spread of samples
POOR = 0.6  # overlap of samples that are plainly not the data
REFERENCE = "Mescheder et al. 2018 (arXiv:1801.04406), section 2"


def check(history: History) -> Finding | None:
    """Return a finding for the player whose weights have grown most, or whose loss is out of all bounds."""
    if len(history.watched) < PATIENCE:
        return None
    spread = history.last("spread", PATIENCE)
    for player in history.players:
        weights, losses = history.last(f"{player}.weights", WINDOW), history.last(f"{player}.loss", PATIENCE)
        grown = weights / weights.min(initial=weights[0])
        overlap = history.last("overlap", PATIENCE)
        lost = len(overlap) == PATIENCE and bool((overlap < POOR).all())
        growing = grown[-1] > GROWN and ((np.diff(grown[-PATIENCE:]) > 0).all() or lost)
        beyond = len(losses) == PATIENCE and bool((np.abs(losses) > LARGE).all())
        if not (growing or beyond or (len(spread) == PATIENCE and (spread > WIDE).all())):
            continue
        return Finding(
            "divergence",
            "failure",
            history.now,
            history.since(PATIENCE),
            f"the {player}'s weights became {grown[-1]:.3g} times as long, and its loss is {losses[-1]:.3g}",
            {"weights": weights[-1], "grown": grown[-1], "loss": losses[-1]},
            history.command(f"--{player}.lr 1e-4"),
            REFERENCE,
        )
    return None


def broken(history: History, step: int, message: str) -> Finding:
    """Return the finding of a run that ended because of a number that is none."""
    advice = history.command("--lr 1e-4")
    return Finding("divergence", "failure", step, step, message, {"finite": 0}, advice, REFERENCE)
