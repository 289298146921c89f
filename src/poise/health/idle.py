"""generator-idle and discriminator-idle: one player hardly moves, although its task is not done.

Signals: movements from look to look of samples from fixed latents (`sketch`, in deviations of the data), and of the
discriminator's scores of fixed training samples (`score`, in deviations of all scores: `gap` and themselves);
beside an `overlap` or `spread` that is far from healthy. What moves so little would need a thousand looks for a
change as large as the data. A generator without a gradient, because the discriminator separates everything, is not
idle: `discriminator_overpowers` finds that.
"""

import numpy as np

from . import discriminator_overpowers
from .finding import Finding
from .history import History

PATIENCE = 4  # less than that of its consequences
STILL = 1e-3  # of the data's deviation, or of the scores' size
POOR, NARROW = 0.6, 0.5  # overlap and spread of samples that are plainly not the data
REFERENCE = "Heusel et al. 2017 (arXiv:1706.08500), two time scales"


def check_generator(history: History) -> Finding | None:
    """Return a finding if samples of fixed latents have stood still although they are not like the data."""
    moved = history.moves(PATIENCE)
    if len(moved) < PATIENCE or not history.last("gap", 1).size or not ((moved < STILL) & _poor(history)).all():
        return None
    if discriminator_overpowers.starved(history, PATIENCE):
        return None
    sentence = f"between looks, samples moved by {moved.max():.1e} deviations of the data, which they are not like"
    advice = "--generator.lr 1e-3 --discriminator.lr 1e-3"
    return _finding(history, "generator-idle", sentence, {"moved": moved.max()}, advice)


def check_discriminator(history: History) -> Finding | None:
    """Return a finding if scores have stood still although samples are plainly not the data."""
    moved = history.moves(PATIENCE, "score")
    if len(moved) < PATIENCE or not _poor(history).all():
        return None
    scores = np.array([history.last(f"score.{i}", 1) for i in range(4)])
    share = moved.max() / max(np.abs(scores).mean(), 1e-12)
    if share > STILL:
        return None
    sentence = f"between looks, the discriminator's scores changed by {share:.1e} of themselves, and samples are poor"
    return _finding(history, "discriminator-idle", sentence, {"moved": share}, "--discriminator.lr 1e-3")


def _poor(history: History) -> np.ndarray:
    overlap, spread = history.last("overlap", PATIENCE), history.last("spread", PATIENCE)
    return (overlap < POOR) | (spread < NARROW) | (spread > 1 / NARROW)


def _finding(history: History, code: str, sentence: str, evidence: dict[str, float], options: str) -> Finding:
    for name in ("overlap", "spread", "separation"):
        evidence[name] = history.last(name, 1)[0]
    advice = history.command(options)
    return Finding(code, "failure", history.now, history.since(PATIENCE), sentence, evidence, advice, REFERENCE)
