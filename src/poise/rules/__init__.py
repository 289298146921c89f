"""Who moves when, and at which point the gradient is taken."""

from .alternating import Alternating
from .competitive import Competitive
from .consensus import Consensus
from .extragradient import Extragradient
from .lookahead import Lookahead
from .past_extragradient import PastExtragradient
from .rule import Rule
from .simultaneous import Simultaneous
from .symplectic import Symplectic
from .unrolled import Unrolled

RULES: dict[str, type[Rule]] = {
    "simultaneous": Simultaneous,
    "alternating": Alternating,
    "extragradient": Extragradient,
    "past-extragradient": PastExtragradient,
    "lookahead": Lookahead,
    "consensus": Consensus,
    "symplectic": Symplectic,
    "competitive": Competitive,
    "unrolled": Unrolled,
}

__all__ = [
    "RULES",
    "Alternating",
    "Competitive",
    "Consensus",
    "Extragradient",
    "Lookahead",
    "PastExtragradient",
    "Rule",
    "Simultaneous",
    "Symplectic",
    "Unrolled",
]
