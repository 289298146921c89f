"""mode-collapse: the generator covers few modes of the data.

Signals, of a few hundred samples beside real ones: `spread`, the ratio of root mean square distances; `overlap`,
the share of the data in cells that samples cover as often as data do; `duplicates`, the share of samples with a
neighbor nearer than 95 % of real samples have. Healthy runs have about 1, above .7 and .05 (what chance leaves of
16 cells is .1 below 1). Only GANs are asked: what a VAE draws is blurred long before it is good.
"""

from .finding import Finding
from .history import History

PATIENCE = 6  # looks in a row
SPREAD, OVERLAP = 0.25, 0.25  # a quarter
DUPLICATES, THIN = 0.6, 0.55  # many copies, and some of the data missing
REFERENCE = "Arora & Zhang 2017 (arXiv:1706.08224); Richardson & Weiss 2018 (arXiv:1805.12462)"


def check(history: History) -> Finding | None:
    """Return a finding if samples have been few of a kind at each of the last looks."""
    spread, overlap, copies = (history.last(name, PATIENCE) for name in ("spread", "overlap", "duplicates"))
    if len(spread) < PATIENCE or not history.last("separation", 1).size:
        return None
    shrunk, missing = spread < SPREAD, overlap < OVERLAP
    repeated = (copies > DUPLICATES) & (overlap < THIN)
    if not (shrunk | missing | repeated).all():
        return None
    return Finding(
        "mode-collapse",
        "failure",
        history.now,
        history.since(PATIENCE),
        f"samples cover {overlap[-1]:.0%} of the data and lie {spread[-1]:.2g} times as far apart as data do",
        {"spread": spread[-1], "overlap": overlap[-1], "duplicates": copies[-1]},
        history.command("--loss relativistic --penalties r1 r2"),
        REFERENCE,
    )
