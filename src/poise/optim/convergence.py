"""When full-batch descent has arrived."""


class Convergence:
    """Says when to stop, and why: the gradient has become small, or the loss no longer changes.

        ‖∇L‖ < gradient_norm,   or   |L − L′| < loss_change · max(|L|, |L′|),  L′ the loss before.

    Both are about full-batch losses; on minibatches the noise decides. A small gradient is found at any stationary
    point, not only at a minimum.

    Args:
        gradient_norm: the first limit; None for no such criterion.
        loss_change: the second, a share of the loss.

    Source: Nocedal & Wright 2006, Numerical Optimization, chapter 3.

    Example:
        >>> convergence = Convergence(gradient_norm=1e-5, loss_change=1e-8)
        >>> convergence.reached(loss=2.0, gradient_norm=0.1)
        >>> convergence.reached(loss=1.0, gradient_norm=9.1e-6)
        "the gradient's norm fell to 9.1e-06, below 1e-05"
        >>> convergence.reached(loss=1.0 + 3e-9, gradient_norm=0.1)
        'the loss changed by 3e-09 of itself, less than 1e-08'
    """

    def __init__(self, gradient_norm: float | None = 1e-5, loss_change: float | None = 1e-8) -> None:
        self.gradient_norm, self.loss_change = gradient_norm, loss_change
        self._loss: float | None = None

    def reached(self, loss: float, gradient_norm: float) -> str | None:
        """Return the criterion that is met, as a sentence, or None; remember the loss."""
        before, self._loss = self._loss, loss
        if self.gradient_norm is not None and gradient_norm < self.gradient_norm:
            return f"the gradient's norm fell to {gradient_norm:.2g}, below {self.gradient_norm:g}"
        if self.loss_change is not None and before is not None:
            size = max(abs(loss), abs(before))
            change = abs(loss - before) / size if size else 0.0
            if change < self.loss_change:
                return f"the loss changed by {change:.2g} of itself, less than {self.loss_change:g}"
        return None

    def state_dict(self) -> dict[str, float]:
        """Return the loss before, if there was one."""
        return {} if self._loss is None else {"loss": self._loss}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Take up a `state_dict`."""
        self._loss = state.get("loss")
