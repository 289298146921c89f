"""decoder-ignores-time: free samples of a recurrent VAE have lost the memory of the data.

Signals: `memory`, the mean difference of autocorrelations between free samples and data; `memory_data`, what it
would be were samples without any memory; `memory_floor`, what it is between two halves of the data. The share lost
is their ratio.
"""

from .finding import Finding
from .history import History

PATIENCE = 8
LOST = 0.8  # of the data's memory
CLEAR = 2.0  # times the floor
REFERENCE = "Bengio et al. 2015 (arXiv:1506.03099)"


def check(history: History) -> Finding | None:
    """Return a finding if at each of the last looks samples had lost most of the data's autocorrelation."""
    memory, data, floor = (history.last(name, PATIENCE) for name in ("memory", "memory_data", "memory_floor"))
    if len(memory) < PATIENCE:
        return None
    if not ((memory > LOST * data) & (memory > CLEAR * floor)).all() or memory[4:].mean() < 0.9 * memory[:4].mean():
        return None
    return Finding(
        "decoder-ignores-time",
        "failure",
        history.now,
        history.since(PATIENCE),
        f"free samples have lost {memory[-1] / data[-1]:.0%} of the data's autocorrelation",
        {"difference": memory[-1], "of_data": data[-1], "floor": floor[-1]},
        history.command("--scheduled 0.3 --warm-up 0.3"),
        REFERENCE,
    )
