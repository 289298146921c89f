"""rotation: players circle without progress, as those of a game do where its coupling outweighs its curvature.

Signal: the discriminator's `separation` of data and samples. It trains against samples as they are; where the
generator runs away from it in circles it comes too late, and scores them above data as often as below: separation
swings about ½, where that of healthy runs stays above. Beside that, `overlap` is poor and no better than before,
and samples are no single point (`spread`), for that, chased about, would be mode-collapse.
"""

from .finding import Finding
from .history import History

WINDOW = 10
LOW, HIGH = 0.42, 0.58  # separation on either side of ½; of 256 · 256 pairs, chance makes .026
EACH = 2  # looks of the window, at least, on each side
OVERLAP, SPREAD = 0.55, 0.1
REFERENCE = "Mescheder et al. 2018 (arXiv:1801.04406); Gidel et al. 2019 (arXiv:1802.10551)"


def check(history: History) -> Finding | None:
    """Return a finding if at the last looks the discriminator was now wrong, now right, and samples stayed poor."""
    apart, overlap, spread = (history.last(name, WINDOW) for name in ("separation", "overlap", "spread"))
    if len(apart) < WINDOW or len(overlap) < WINDOW:
        return None
    low, high = (apart < LOW).sum(), (apart > HIGH).sum()
    better = overlap[WINDOW // 2 :].mean() - overlap[: WINDOW // 2].mean()
    if min(low, high) < EACH or overlap.mean() > OVERLAP or better > 0.1 or (spread < SPREAD).mean() > 0.5:
        return None
    return Finding(
        "rotation",
        "failure",
        history.now,
        history.since(WINDOW),
        f"the discriminator was wrong at {low} and right at {high} of {WINDOW} looks, and samples got no better",
        {"separation_least": apart.min(), "separation_most": apart.max(), "overlap": overlap.mean(), "gained": better},
        history.command("--rule extragradient --penalties r1"),
        REFERENCE,
    )
