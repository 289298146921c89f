"""discriminator-overpowers: the discriminator separates everything, and the generator learns nothing from it.

Signals: `separation_held_out`, the chance that a held-out real sample scores above a generated one (it means the
same for every loss; ½ when the generator wins); and the `generator.gradient`, which vanishes, or `overlap`, which
does not rise, although the discriminator sees each difference.
"""

import numpy as np

from .finding import Finding
from .history import History

PATIENCE = 8
SEPARATION = 0.98  # of pairs, one in fifty is wrong
VANISHED = 0.05  # of the greatest gradient so far
BEHIND = 0.6  # overlap, of a generator that is far from done
REFERENCE = "Arjovsky & Bottou 2017 (arXiv:1701.04862), theorem 2.4"


def starved(history: History, looks: int) -> bool:
    """Whether the generator's gradient has vanished, after scores were apart at each of the last looks."""
    gradient = history.values("generator.gradient")
    gone = gradient.any() and gradient[-1] <= VANISHED * gradient.max()
    return bool(gone) and bool((_apart(history, looks) > SEPARATION).all())


def check(history: History) -> Finding | None:
    """Return a finding if scores have been apart at each of the last looks while the generator stood still."""
    apart = _apart(history, PATIENCE)
    gradient, overlap = history.values("generator.gradient"), history.last("overlap", PATIENCE)
    if len(apart) < PATIENCE or not (apart > SEPARATION).all():
        return None
    if not gradient.any():  # nobody watched, so that nothing is known of how it came
        return None
    share = gradient[-PATIENCE:].max() / gradient.max()
    stuck = overlap.max() < BEHIND and overlap[PATIENCE // 2 :].mean() <= overlap[: PATIENCE // 2].mean() + 0.05
    if share > VANISHED and not stuck:
        return None
    return Finding(
        "discriminator-overpowers",
        "failure",
        history.now,
        history.since(PATIENCE),
        f"the discriminator tells {apart[-1]:.1%} of pairs apart, and the generator does not follow",
        {"separation": apart[-1], "gradient": gradient[-1], "gradient_share": share, "overlap": overlap[-1]},
        history.command("--penalties r1 --gamma 1 --discriminator-steps 1"),
        REFERENCE,
    )


def _apart(history: History, looks: int) -> np.ndarray:
    held_out = history.last("separation_held_out", looks)
    return held_out if len(held_out) else history.last("separation", looks)
