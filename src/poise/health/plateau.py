"""plateau and converged: nothing improves any more, so that training may stop early.

Signals: of a GAN `overlap` and the movement of samples from fixed latents; of a VAE the loss. Over two halves of a
long window the means differ by less than two standard errors. Where samples stand still besides, it has converged.
"""

import numpy as np

from .finding import Finding
from .history import History, Values

WINDOW = 40
ERRORS = 2.0
STILL = 0.05  # of the data's deviation, from look to look
REFERENCE = "Welch 1947, of two means"


def check(history: History) -> Finding | None:
    """Return a note if the last looks were no better than those before them."""
    scores = _scores(history)
    if len(scores) < WINDOW:
        return None
    before, after = scores[: WINDOW // 2], scores[WINDOW // 2 :]
    error = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / len(after))
    gained = after.mean() - before.mean()
    if gained > ERRORS * error:
        return None
    moves = history.moves(WINDOW // 2)
    moved = float(np.median(moves)) if len(moves) else 0.0
    what = "the overlap of samples with data" if len(history.players) > 1 else "the loss"
    code = "converged" if moved < STILL else "plateau"
    return Finding(
        code,
        "note",
        history.now,
        history.since(WINDOW),
        f"{what} has not improved over the last {history.now - history.since(WINDOW)} steps; training may stop here if "
        "scores say so too",
        {"gained": gained, "error": error, "moved": moved},
        f"poise evaluate {history.run}",
        REFERENCE,
    )


def _scores(history: History) -> Values:
    """Return what should rise: overlap of a GAN, minus the loss of another game of one player."""
    if len(history.players) > 1:
        return history.last("overlap", WINDOW)
    return -history.last(f"{history.players[0]}.loss", WINDOW) if len(history.players) == 1 else np.array([])
