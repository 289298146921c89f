"""posterior-collapse: the latent is ignored; codes say nothing of the sample that they are of.

Signals: `active` units (Var_x E q(z_j|x) > .01; of series, dimensions of more than .001 nats a step), the `kl` in
nats, and the mutual `information` between sample and code. Only together do they say so: a divergence may be paid
for a code that is the same for all samples. Information is at most the divergence, so where none is measured
(series) that stands for it. While the divergence's weight rises (`weight` below 1) nothing is said.
"""

from .finding import Finding
from .history import History

PATIENCE = 5
NATS, NATS_A_STEP = 0.5, 0.003  # of information; of series, of divergence
ACTIVE, COST = 0.05, 1.0  # share of dimensions, and nats of divergence that are next to nothing
REFERENCE = "Lucas et al. 2019 (arXiv:1911.02469); He et al. 2019 (arXiv:1901.05534)"


def check(history: History) -> Finding | None:
    """Return a finding if at each of the last looks no code said anything."""
    names = ("active", "kl", "information", "latents", "weight")
    active, kl, information, latents, weight = (history.last(name, PATIENCE) for name in names)
    if len(active) < PATIENCE or weight.min() < 1:
        return None
    series = len(information) < PATIENCE
    told = kl if series else information
    unused = (active <= ACTIVE * latents) | (kl < COST)
    if not ((told < (NATS_A_STEP if series else NATS)) & unused).all():
        return None
    evidence = {"active": active[-1], "latents": latents[-1], "kl": kl[-1], "information": told[-1]}
    return Finding(
        "posterior-collapse",
        "failure",
        history.now,
        history.since(PATIENCE),
        f"{active[-1]:.0f} of {latents[-1]:.0f} latents are in use, and they tell {told[-1]:.2g} nats of a sample",
        evidence,
        history.command("--beta 1 --warm-up 0.5"),
        REFERENCE,
    )
