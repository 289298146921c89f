"""Likelihoods of several kinds side by side, each for some of the features of a series."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .features import Features, Gaussian, StudentT


class Mixed:
    """Independent distributions, each of some features: log p(x) = Σ_parts Σ_(its features) log p(x_i).

    A network's outputs are those of the first part, then those of the second, and so on; so is what it reads.

    Args:
        parts: a distribution and the features it is for; together every feature once.

    Attributes:
        inputs: how many numbers a network reads of one step.
        outputs: how many it must give.

    Example:
        >>> from poise.losses.features import Bernoulli, Gaussian
        >>> mixed = Mixed([(Gaussian(), [0, 2]), (Bernoulli(), [1])])
        >>> mixed.inputs, mixed.outputs
        (3, 5)
        >>> x, every = torch.tensor([[0.5, 1.0, -0.5]]), torch.ones(1, 3, dtype=torch.bool)
        >>> mixed.log_prob(x, torch.zeros(1, 5), every).shape, mixed.mean(torch.zeros(1, 5))
        (torch.Size([1]), tensor([[0.0000, 0.5000, 0.0000]]))
    """

    def __init__(self, parts: Sequence[tuple[Features, Sequence[int]]]) -> None:
        self._parts = [(features, torch.tensor(chosen)) for features, chosen in parts]
        self._order = torch.cat([chosen for _, chosen in self._parts]).argsort()  # from the parts back to the features
        self._sizes = [features.channels * len(chosen) for features, chosen in self._parts]
        self.inputs = sum(features.width * len(chosen) for features, chosen in self._parts)
        self.outputs = sum(self._sizes)

    def feature_of_inputs(self) -> Tensor:
        """Return the feature that each number which a network reads belongs to, int64 [inputs].

        Example:
            >>> from poise.losses.features import Categorical, Gaussian
            >>> Mixed([(Gaussian(), [1]), (Categorical(3), [0])]).feature_of_inputs()
            tensor([1, 0, 0, 0])
        """
        return torch.cat([chosen.repeat(features.width) for features, chosen in self._parts])

    def persistence(self) -> Tensor:
        """Return the matrix [outputs, inputs] that makes of what was read of one step the means of the next.

        Example:
            >>> from poise.losses.features import Bernoulli, Gaussian
            >>> Mixed([(Gaussian(), [1]), (Bernoulli(), [0])]).persistence()
            tensor([[1., 0.],
                    [0., 0.],
                    [0., 0.]])
        """
        matrix = torch.zeros(self.outputs, self.inputs)
        row = column = 0
        for (features, chosen), size in zip(self._parts, self._sizes, strict=True):
            if isinstance(features, Gaussian | StudentT):
                for i in range(len(chosen)):
                    matrix[row + i, column + i] = 1.0
            row, column = row + size, column + features.width * len(chosen)
        return matrix

    def check(self, x: Tensor, names: Sequence[str]) -> None:
        """Refuse data outside some part's support.

        Raises:
            PoiseError: one line that names the feature and the value.
        """
        for features, chosen in self._parts:
            features.check(x[..., chosen], [names[i] for i in chosen])

    def read(self, x: Tensor, observed: Tensor) -> Tensor:
        """Return what a network reads in the place of x [..., d], 0 where nothing was observed, [..., inputs]."""
        seen = []
        for features, chosen in self._parts:
            there = self._of(observed, chosen)
            read = features.read(torch.where(there, self._of(x, chosen), 0.0))
            seen.append(read if features.width == 1 else read * there.repeat(*[1] * (x.dim() - 1), features.width))
        return _joined(seen)

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ log p over the observed values, nats, [...]."""
        each = [
            features.log_prob(self._of(x, chosen), part, self._of(observed, chosen))
            for (features, chosen), part in zip(self._parts, outputs.split(self._sizes, -1), strict=True)
        ]
        return each[0] if len(each) == 1 else torch.stack(each).sum(0)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the centers of all features, [..., d]."""
        split = zip(self._parts, outputs.split(self._sizes, -1), strict=True)
        return self._back([features.mean(part) for (features, _), part in split])

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw all features, [..., d]."""
        split = zip(self._parts, outputs.split(self._sizes, -1), strict=True)
        return self._back([features.sample(part, generator) for (features, _), part in split])

    def _of(self, x: Tensor, chosen: Tensor) -> Tensor:
        return x if len(self._parts) == 1 else x[..., chosen]

    def _back(self, values: list[Tensor]) -> Tensor:
        return values[0] if len(values) == 1 else _joined(values)[..., self._order]


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
