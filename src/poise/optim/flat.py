"""One flat buffer for many tensors, which become views of it.

A step of an optimizer over four hundred small tensors is four hundred small loops; over one buffer it is
a single pass at the speed of memory. Modules notice nothing: each parameter keeps its identity, shape and
strides (channels-last kernels stay channels-last), only its storage moves.
"""

import copy
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


class Vector(nn.Parameter):
    """Many parameters as one: they become views of it, and their gradients views of its gradient.

    Any `torch.optim.Optimizer` that treats weights elementwise moves them all in one pass.

    Args:
        parameters: distinct, of one dtype and device.

    Attributes:
        parameters: as given.
        gradient: their gradients, shape [length].

    Raises:
        ValueError: no parameters, or of several dtypes or devices.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> vector = Vector(net.parameters())
        >>> net(torch.ones(1, 3)).sum().backward()
        >>> vector.gradient[:6]
        tensor([1., 1., 1., 1., 1., 1.])
    """

    parameters: list[nn.Parameter]
    gradient: Tensor
    _slots: list[Slot]
    _gradients: list[Tensor]

    def __new__(cls, parameters: Iterable[nn.Parameter]) -> "Vector":
        """Move the parameters into one buffer."""
        chosen = list(parameters)
        if not chosen:
            raise ValueError("a player needs at least one parameter with requires_grad=True")
        slots, _ = lay_out(chosen)
        self = super().__new__(cls, rehome(chosen))
        self.parameters, self._slots = chosen, slots
        self.gradient = torch.zeros_like(self.data)
        self._gradients = self.views(self.gradient)
        self.collect()
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Vector":
        """Copy the parameters, or take their copies where a module was copied along, and make them one."""
        if id(self) not in memo:
            copies = copy.deepcopy(self.parameters, memo)
            gradients = [g.clone() for g in self._gradients]
            memo[id(self)] = twin = Vector(copies)
            for view, gradient in zip(twin._gradients, gradients, strict=True):
                view.copy_(gradient)
        return memo[id(self)]  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        """Refuse: a pickle could not restore what the module's parameters share with the vector."""
        raise TypeError("a flat vector cannot be pickled; save the module's state_dict() and the optimizer's")

    def views(self, buffer: Tensor) -> list[Tensor]:
        """Return one view of `buffer` [length] for each parameter, in its shape and strides."""
        return [slot.view(buffer) for slot in self._slots]

    def collect(self) -> Tensor:
        """Bring gradients that left the buffer back, and return the buffer.

        `module.zero_grad()` drops gradients and the next backward pass makes new ones elsewhere; those are copied
        here. A parameter without a gradient counts as one whose gradient is zero.
        """
        for parameter, view in zip(self.parameters, self._gradients, strict=True):
            gradient = parameter.grad
            if gradient is not view:
                if gradient is None:
                    view.zero_()
                else:
                    view.copy_(gradient)
                parameter.grad = view
        if self.grad is not self.gradient:
            self.grad = self.gradient
        return self.gradient

    def forget(self) -> None:
        """Set all gradients to zero, in place."""
        self.gradient.zero_()
        for parameter, view in zip(self.parameters, self._gradients, strict=True):
            if parameter.grad is not view:
                parameter.grad = view
        self.grad = self.gradient


class Flat:
    """A player's trainable parameters and gradients, each in one contiguous buffer.

    Tied parameters are stored once; frozen ones (`requires_grad=False`) keep their own storage. Move the module to its
    device and memory format first: `module.to` would take the parameters out of the buffer again.

    An optimizer takes a Flat in place of parameters: `Adam(Flat(net), lr=1e-3)`.

    Args:
        module: the player.

    Attributes:
        vector: the weights as one parameter of shape [length]; see `Vector`.

    Raises:
        ValueError: nothing to train, or parameters of several dtypes or devices.

    Example:
        >>> flat = Flat(nn.Linear(3, 2))
        >>> flat.vector.shape  # six weights and two biases, each on a cache line of its own
        torch.Size([32])
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        # parameters() already yields a tied parameter once
        self.vector = Vector(p for p in module.parameters() if p.requires_grad)

    def __iter__(self) -> Iterator[nn.Parameter]:
        """Yield the vector, so that an optimizer can take a Flat as its parameters."""
        yield self.vector

    def __deepcopy__(self, memo: dict[int, object]) -> "Flat":
        """Copy the module, its parameters in one buffer again."""
        twin = object.__new__(Flat)
        memo[id(self)] = twin
        twin.module = copy.deepcopy(self.module, memo)
        twin.vector = copy.deepcopy(self.vector, memo)
        return twin

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The trainable parameters, each once."""
        return self.vector.parameters

    @property
    def gradient(self) -> Tensor:
        """The gradients as one vector, shape [length]."""
        return self.vector.gradient

    def views(self, buffer: Tensor) -> list[Tensor]:
        """Return one view of `buffer` [length] for each parameter, in its shape and strides."""
        return self.vector.views(buffer)

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
