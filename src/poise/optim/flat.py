"""One flat buffer for many tensors, which become views of it.

A step of an optimizer over four hundred small tensors is four hundred small loops; over one buffer it is
a single pass at the speed of memory. Modules notice nothing: each parameter keeps its identity, shape and
strides (channels-last kernels stay channels-last), only its storage moves.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

ALIGNMENT = 16  # elements: 64 bytes of float32, one cache line, so every view starts on a line of its own


@dataclass(frozen=True)
class Slot:
    """Where one tensor lives in a buffer."""

    offset: int
    shape: torch.Size
    stride: tuple[int, ...]

    def view(self, buffer: Tensor) -> Tensor:
        """Return the tensor of this slot as a view of `buffer`."""
        return buffer.as_strided(self.shape, self.stride, self.offset)


def lay_out(tensors: Sequence[Tensor]) -> tuple[list[Slot], int]:
    """Plan slots for tensors one after another; return them and the length of the buffer in elements."""
    slots, end = [], 0
    for tensor in tensors:
        # empty_like keeps the order of the dimensions in memory but packs them without gaps
        slots.append(Slot(end, tensor.shape, torch.empty_like(tensor).stride()))
        end += -(-tensor.numel() // ALIGNMENT) * ALIGNMENT
    return slots, end


@torch.no_grad()
def rehome(tensors: Sequence[Tensor]) -> Tensor:
    """Move tensors of one dtype and device into one new buffer, of which they become views.

    Args:
        tensors: distinct tensors, of any shapes; their values, shapes and order of dimensions stay.

    Returns:
        The buffer, one-dimensional; the gaps that align each tensor hold zeros.

    Raises:
        ValueError: the tensors differ in dtype or device.

    Example:
        >>> a, b = torch.ones(3), torch.zeros(2, 2)
        >>> buffer = rehome([a, b])
        >>> buffer[:3] = 5
        >>> a
        tensor([5., 5., 5.])
    """
    kinds = {(tensor.dtype, tensor.device) for tensor in tensors}
    if len(kinds) > 1:
        raise ValueError(f"one flat buffer needs one dtype and device, not {sorted(map(str, kinds))}")
    dtype, device = kinds.pop() if kinds else (torch.float32, torch.device("cpu"))
    slots, length = lay_out(tensors)
    buffer = torch.zeros(length, dtype=dtype, device=device)
    for tensor, slot in zip(tensors, slots, strict=True):
        view = slot.view(buffer)
        view.copy_(tensor)
        tensor.data = view
    return buffer


class Flat:
    """A player's trainable parameters and gradients, each in one contiguous buffer.

    Tied parameters are stored once; frozen ones (`requires_grad=False`) keep their own storage. Floating-point
    buffers (running statistics, singular vectors) get a buffer of their own, so that they can be set aside and
    put back in one copy. Move the module to its device and memory format first: `module.to` would take the
    parameters out of the buffer again.

    Args:
        module: the player.

    Attributes:
        vector: the weights as one parameter of shape [length], with `vector.grad` the gradients. Any
            elementwise `torch.optim.Optimizer` over `[vector]` moves all parameters in one pass.
        buffers: the module's floating-point buffers, shape [buffer length].

    Raises:
        ValueError: nothing to train, or parameters of several dtypes or devices.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> flat = Flat(net)
        >>> net(torch.ones(1, 3)).sum().backward()
        >>> flat.vector.grad[:6]
        tensor([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, module: nn.Module) -> None:
        # parameters() already yields a tied parameter once
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError("a player needs at least one parameter with requires_grad=True")
        self._slots, _ = lay_out(self.parameters)
        self.vector = nn.Parameter(rehome(self.parameters))
        self.vector.grad = torch.zeros_like(self.vector)
        for parameter, view in zip(self.parameters, self.views(self.vector.grad), strict=True):
            parameter.grad = view
        self.buffers = rehome([b for b in module.buffers() if b.is_floating_point()])

    @property
    def gradient(self) -> Tensor:
        """The gradients as one vector, shape [length]."""
        gradient = self.vector.grad
        assert gradient is not None, "the gradient buffer was taken away: zero it in place"
        return gradient

    def views(self, buffer: Tensor) -> list[Tensor]:
        """Return one view of `buffer` [length] for each parameter, in its shape and strides."""
        return [slot.view(buffer) for slot in self._slots]

    def holds_parameters(self) -> bool:
        """Whether every parameter and gradient is still a view of the buffers."""

        def within(tensor: Tensor | None, buffer: Tensor) -> bool:
            return tensor is not None and tensor.untyped_storage().data_ptr() == buffer.data_ptr()

        return all(
            within(parameter, self.vector) and within(parameter.grad, self.gradient) for parameter in self.parameters
        )

    @contextmanager
    def at(self, buffer: Tensor) -> Iterator[None]:
        """Within the context, the module computes with the weights of `buffer` [length] instead; no copy."""
        own = [parameter.data for parameter in self.parameters]
        try:
            _point(self.parameters, self.views(buffer))
            yield
        finally:
            _point(self.parameters, own)


def _point(parameters: Iterable[nn.Parameter], storages: Iterable[Tensor]) -> None:
    for parameter, storage in zip(parameters, storages, strict=True):
        parameter.data = storage
