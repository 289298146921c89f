"""Running statistics move once a step, however often a rule runs the networks; averaged weights have their own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm

from .game import Game
from .rng import Rng

SAMPLES = 2_048  # for weights that are saved or scored
GLANCE = 256  # for pictures during training, eight times as quick
AT_ONCE = 32  # as many as the recipes' batches: larger ones vary less

Estimated = Mapping[_BatchNorm, tuple[Tensor, Tensor]]


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
        self._normalizing = [m for m in game.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        for layer in game.modules():
            if next(layer.buffers(recurse=False), None) is not None:
                layer.register_forward_pre_hook(self._before)
                layer.register_forward_hook(self._after, always_call=True)

    def begin(self) -> None:
        """Begin a new step: the next pass through each layer counts again."""
        self._seen.clear()

    @torch.no_grad()
    def estimate(self, game: Game, rng: Rng, samples: int = SAMPLES) -> Estimated:
        """Return means and variances by which batch normalization scales samples as training's batches did, on average.

        A moving average of weights is no point that training passed, and the running statistics of the last steps are
        not its own. In training a layer divides by the deviation σ of each small batch, so its mean scale is E[1/σ];
        that of a mean variance is less (Jensen), and samples get blunter by it. So the variance here is E[1/σ]⁻².
        The game is left as it was; layers that samples do not pass through are left out.

        Source: Izmailov et al. 2018 (arXiv:1803.05407), section 3.2, for statistics of an average's own.
        """
        if not self._normalizing:
            return {}
        with self._kept(), _modes_kept(game):
            game.eval()
            for layer in self._normalizing:
                layer.reset_running_stats()
                layer.momentum = 1.0  # the statistics of one batch
                layer.train()
            batches = []
            for part in range(1, samples // AT_ONCE + 1):
                self.begin()
                game.sample(AT_ONCE, rng.at(0, part))
                batches.append({layer: _clones(layer) for layer in self._normalizing if layer.num_batches_tracked})
        return {layer: _mean([batch[layer] for batch in batches], layer.eps) for layer in batches[0]}

    @contextmanager
    def at(self, estimated: Estimated) -> Iterator[None]:
        """Within the context, layers have these statistics."""
        with self._kept():
            for layer, values in estimated.items():
                for buffer, value in zip(_statistics(layer), values, strict=True):
                    buffer.copy_(value)
            yield

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """After the context, batch normalization has the statistics that it had before."""
        kept = [(buffer, buffer.clone()) for layer in self._normalizing for buffer in layer.buffers(recurse=False)]
        try:
            yield
        finally:
            for buffer, old in kept:
                buffer.copy_(old)

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


@contextmanager
def _modes_kept(game: nn.Module) -> Iterator[None]:
    """After the context, layers train or not as they did before, and forget batches as fast."""
    kept = [(layer, layer.training, getattr(layer, "momentum", None)) for layer in game.modules()]
    try:
        yield
    finally:
        for layer, training, momentum in kept:
            layer.training = training
            if isinstance(layer, _BatchNorm):
                layer.momentum = momentum


def _statistics(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean, layer.running_var


def _clones(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    mean, variance = _statistics(layer)
    return mean.clone(), variance.clone()


def _mean(batches: Sequence[tuple[Tensor, Tensor]], eps: float) -> tuple[Tensor, Tensor]:
    """Return the mean of means, and the variance whose scale 1/√(σ² + ε) is the mean scale."""
    means, variances = map(torch.stack, zip(*batches, strict=True))
    return means.mean(0), (variances + eps).rsqrt().mean(0).pow(-2).sub(eps).clamp(min=0)
