"""States carried from one piece of a long series to the next."""

import torch
from torch import Tensor, nn

from .parts import State


class Carry(nn.Module):
    """Remembers in which states the pieces of a step ended, for the step after it.

    A rule may play a step several times, at several weights; each of them begins in the states that the step before
    ended in. Gradients end at the border between pieces. States are buffers, and so in checkpoints.

    Args:
        state: of the right shapes.

    Source: truncated backpropagation through time, Williams & Peng 1990.

    Example:
        >>> carry = Carry((torch.zeros(2, 1),))
        >>> for step in (1, 2, 2):
        ...     before = carry.before(step)
        ...     carry.after((before[0] + 1,))
        >>> carry.before(3)[0].T
        tensor([[2., 2.]])
    """

    step: Tensor

    def __init__(self, state: State) -> None:
        super().__init__()
        self._count = len(state)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        for i, part in enumerate(state):
            self.register_buffer(f"began{i}", torch.zeros_like(part, dtype=torch.float32))
            self.register_buffer(f"ended{i}", torch.zeros_like(part, dtype=torch.float32))

    def before(self, step: int) -> State:
        """Return the states at the end of the step before this one."""
        if step != int(self.step):
            self.step.fill_(step)
            for i in range(self._count):
                self.get_buffer(f"began{i}").copy_(self.get_buffer(f"ended{i}"))
        return tuple(self.get_buffer(f"began{i}").clone() for i in range(self._count))

    def after(self, state: State) -> None:
        """Remember how this step ended."""
        for i, part in enumerate(state):
            self.get_buffer(f"ended{i}").copy_(part.detach())
