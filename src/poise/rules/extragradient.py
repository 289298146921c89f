"""Look ahead by a half step, and move by the gradient found there."""

from collections.abc import Mapping

from ..game import Loss
from ..play import Play
from .rule import Rule


class Extragradient(Rule):
    """A half step, and from where it started the full step by the gradient found there (Korpelevich 1976; Gidel 2019).

        w_{t+½} = w_t − η F(w_t),   w_{t+1} = w_t − η F(w_{t+½})

    On the bilinear game it converges for η < 1: ρ² = 1 − η² + η⁴. With any other optimizer inside, its direction
    stands for F in both lines and its state moves in both (ExtraAdam: the moments see both gradients, and the bias
    correction counts half steps). Both gradients are on the same batch and noise. A step costs two gradients.

    Source: Korpelevich 1976; Gidel et al. 2019 (arXiv:1802.10551), algorithms 3 and 4.

    Example:
        >>> Extragradient().batches
        1
    """

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        play.gradients(*play.players)
        play.extrapolate(*play.players)
        losses = play.gradients(*play.players)
        play.move(*play.players)
        return losses
