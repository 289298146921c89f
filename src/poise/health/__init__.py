"""Health: from the signals of a run to findings, and from findings to cures.

A check is a pure function of the history of signals, so it says the same while a run is trained and long after.
"""

from collections.abc import Callable, Mapping

from . import (
    decoder_ignores_time,
    discriminator_overfits,
    discriminator_overpowers,
    divergence,
    idle,
    memorization,
    mode_collapse,
    plateau,
    posterior_collapse,
    rotation,
)
from .finding import Finding, Level
from .history import History

Check = Callable[[History], Finding | None]

CHECKS: Mapping[str, Check] = {
    "divergence": divergence.check,
    "generator-idle": idle.check_generator,
    "discriminator-idle": idle.check_discriminator,
    "mode-collapse": mode_collapse.check,
    "discriminator-overpowers": discriminator_overpowers.check,
    "rotation": rotation.check,
    "discriminator-overfits": discriminator_overfits.check,
    "memorization": memorization.check,
    "posterior-collapse": posterior_collapse.check,
    "decoder-ignores-time": decoder_ignores_time.check,
    "plateau": plateau.check,  # and converged
}

# What else such a failure makes look ill. The cause is named, its consequences are not.
EXPLAINS: Mapping[str, set[str]] = {
    "divergence": {"mode-collapse", "discriminator-overpowers", "rotation"},
    "generator-idle": {"mode-collapse", "discriminator-overpowers"},
    "discriminator-idle": {"mode-collapse", "divergence"},
    "discriminator-overpowers": {"mode-collapse", "rotation"},
    "decoder-ignores-time": {"posterior-collapse"},
}


def findings(history: History) -> list[Finding]:
    """Return what holds at the end of a history.

    Example:
        >>> looks = [{"step": s, "health.step": s, "health.active": 0, "health.latents": 8, "health.kl": 0.01,
        ...           "health.information": 0.0, "health.weight": 1.0} for s in range(100, 700, 100)]
        >>> [finding.code for finding in findings(History(looks))]
        ['posterior-collapse']
    """
    if not history.watched:
        return []
    found = [finding for check in CHECKS.values() if (finding := check(history)) is not None]
    explained = {code for finding in found for code in EXPLAINS.get(finding.code, ())}
    return [finding for finding in found if finding.code not in explained]


__all__ = ["CHECKS", "EXPLAINS", "Finding", "History", "Level", "findings"]
