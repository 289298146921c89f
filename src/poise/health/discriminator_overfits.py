"""discriminator-overfits: it scores training samples higher than held-out ones, and so knows them by heart.

Signal: ADA's r_v = (E D(train) − E D(held out)) / (E D(train) − E D(fake)), 0 healthy and 1 where held-out samples
look as fake as generated ones. (Its other one, r_t = E sign D(train), needs no held-out data and is kept as
evidence: above .6 the discriminator is too sure.) Means of several looks, because one is of a few hundred scores.
"""

from .finding import Finding
from .history import History

WINDOW = 8
LIMIT = 0.5  # half of the way from training samples to fakes
REFERENCE = "Karras et al. 2020 (arXiv:2006.06676), eq. 1"


def check(history: History) -> Finding | None:
    """Return a finding if held-out samples have looked half as fake as generated ones over the last looks."""
    r_v, r_t, apart = (history.last(name, WINDOW) for name in ("r_v", "r_t", "separation"))
    if len(r_v) < WINDOW:
        return None
    usual = sorted(r_v)[WINDOW // 4]  # of three quarters of the looks it is more
    if usual < LIMIT or apart.mean() < 0.6:
        return None
    return Finding(
        "discriminator-overfits",
        "failure",
        history.now,
        history.since(WINDOW),
        f"to the discriminator, held-out samples are {r_v.mean():.0%} of the way from training samples to fakes",
        {"r_v": r_v.mean(), "r_t": r_t.mean(), "separation": apart.mean()},
        history.command("--penalties r1 --gamma 1 --flip"),
        REFERENCE,
    )
