"""Running statistics move once a step, however often a rule runs the networks."""

from collections.abc import Callable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm


class Statistics:
    """Lets every normalization layer of a game update its buffers in its first forward pass of a step only.

    Extragradient, lookahead or unrolling run the networks several times a step, and so does a discriminator that
    scores real and generated samples one after the other. Later passes compute as ever, but leave no trace: batch
    normalization keeps its running statistics, spectral normalization uses the singular vectors that the first pass
    has improved (and so has one norm for all passes of a step).

    Args:
        game: any module; hooks are put on those of its layers that have buffers of their own.

    Example:
        >>> import torch
        >>> layer = nn.BatchNorm1d(1)
        >>> statistics = Statistics(layer)
        >>> statistics.begin()
        >>> _ = layer(torch.tensor([[1.0], [3.0]])), layer(torch.tensor([[7.0], [9.0]]))
        >>> layer.running_mean  # .9 · 0 + .1 · 2: the second batch is not in
        tensor([0.2000])
    """

    def __init__(self, game: nn.Module) -> None:
        self._seen: set[nn.Module] = set()
        self._undo: dict[nn.Module, Callable[[], object]] = {}
        for layer in game.modules():
            if next(layer.buffers(recurse=False), None) is not None:
                layer.register_forward_pre_hook(self._before)
                layer.register_forward_hook(self._after, always_call=True)

    def begin(self) -> None:
        """Begin a new step: the next pass through each layer counts again."""
        self._seen.clear()

    def _before(self, layer: nn.Module, inputs: object) -> None:
        if not layer.training or layer not in self._seen:
            return
        if isinstance(layer, _SpectralNorm):
            layer.training = False  # no power iteration, else the same computation
            self._undo[layer] = lambda: setattr(layer, "training", True)
        elif isinstance(layer, _BatchNorm) and layer.track_running_stats:
            layer.track_running_stats = False
            self._undo[layer] = lambda: setattr(layer, "track_running_stats", True)
        else:
            kept = [(buffer, buffer.clone()) for buffer in layer.buffers(recurse=False)]
            self._undo[layer] = lambda: [buffer.copy_(old) for buffer, old in kept]

    def _after(self, layer: nn.Module, inputs: object, output: object) -> None:
        if layer in self._undo:
            self._undo.pop(layer)()
        elif layer.training:
            self._seen.add(layer)
