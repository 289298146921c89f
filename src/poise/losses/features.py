"""What p(x_t|·) can be for the features of a series: values that may be missing, one kind for all features.

Shapes: x is [..., d], the network's outputs [..., channels · d] (the first d of them are the first channel), and a mask
[..., d] says which values were observed. Outputs are in float32 or better and may have any finite value. Densities are
per unit of x, as the game takes it.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, one_hot, softplus

from ..errors import PoiseError
from ..gaussian import bounded, log_density

SD_FLOOR = 1e-3  # of standardized features: below it a density only measures how exactly the data repeat


class Features(Protocol):
    """A distribution of each feature, independent of the others given the network's outputs.

    Attributes:
        channels: how many outputs of the network belong to one value.
        width: how many numbers stand for one value where a network reads it.
    """

    channels: int
    width: int

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse data outside the support, in one line; NaN are missing values and pass."""

    def read(self, x: Tensor) -> Tensor:
        """Return what a network reads in the place of x, [..., width · d]."""

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ log p over the observed values, nats, [...]; what x holds elsewhere, NaN included, is not seen."""

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the center of p, of x's shape."""

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from p, of x's shape."""


class Gaussian:
    """N(μ, σ²), where σ too is an output: σ² = floor² + e^(2 · output), the output bounded at ±10.

    Args:
        floor: the smallest σ, in units of x.

    Example:
        >>> outputs = torch.tensor([[0.0, 0.0, -1e9, 0.0]])  # two means, then two log-scales
        >>> Gaussian(floor=0.1).log_prob(torch.zeros(1, 2), outputs, torch.tensor([[True, False]])).exp()  # 1/(.1√2π)
        tensor([3.9894])
    """

    channels, width = 2, 1

    def __init__(self, floor: float = SD_FLOOR) -> None:
        self.floor = floor

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse infinite values."""
        _refuse(torch.isinf(x), x, "a gaussian likelihood needs finite numbers", "mend or remove it", names)

    def read(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ ln N(x; μ, σ²)."""
        mean, free = outputs.chunk(2, -1)
        return _total(log_density(_safe(x, observed), mean, _log_scale(free, self.floor)), observed)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return μ."""
        return outputs.chunk(2, -1)[0]

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw μ + σε."""
        mean, free = outputs.chunk(2, -1)
        return mean + _log_scale(free, self.floor).exp() * _noise(mean, generator)


class StudentT:
    """μ + s · t(ν): a Gaussian's center with tails that forgive outliers.

        ln p = ln Γ((ν+1)/2) − ln Γ(ν/2) − ½ ln πν − ln s − (ν+1)/2 · ln(1 + ((x − μ)/s)²/ν)

    All three are outputs. ν = 2 + e^output lies between 2 and 150, so that samples have a variance and the other end
    is nearly a Gaussian. s² = floor² + e^(2 · output).

    Args:
        floor: the smallest s, in units of x.

    Example:
        >>> one = torch.tensor([[True]])
        >>> StudentT().log_prob(torch.zeros(1, 1), torch.zeros(1, 3), one).exp()  # Γ(2)/(Γ(3/2) √3π) at ν = 3
        tensor([0.3676])
    """

    channels, width = 3, 1

    def __init__(self, floor: float = SD_FLOOR) -> None:
        self.floor = floor

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse infinite values."""
        _refuse(torch.isinf(x), x, "a student-t likelihood needs finite numbers", "mend or remove it", names)

    def read(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ ln t((x − μ)/s; ν) − ln s."""
        mean, log_scale, freedom = self._parameters(outputs)
        gap = (_safe(x, observed) - mean) * torch.exp(-log_scale)
        peak = torch.lgamma((freedom + 1) / 2) - torch.lgamma(freedom / 2) - torch.log(math.pi * freedom) / 2
        return _total(peak - log_scale - (freedom + 1) / 2 * torch.log1p(gap.square() / freedom), observed)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return μ."""
        return outputs.chunk(3, -1)[0]

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw μ + s ε/√(χ²/ν)."""
        mean, log_scale, freedom = self._parameters(outputs)
        chi_squared = 2 * torch._standard_gamma(freedom / 2, generator=generator)
        return mean + log_scale.exp() * _noise(mean, generator) * (freedom / chi_squared).sqrt()

    def _parameters(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, free, tail = outputs.chunk(3, -1)
        return mean, _log_scale(free, self.floor), 2 + bounded(tail, limit=5.0).exp()


class Bernoulli:
    """Bits: x ln p + (1 − x) ln(1 − p), p = σ(output).

    Example:
        >>> Bernoulli().log_prob(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2), torch.tensor([[True, True]]))
        tensor([-1.3863])
    """

    channels, width = 1, 1

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse what is neither 0 nor 1.

        Raises:
            PoiseError: some value is something else.

        Example:
            >>> Bernoulli().check(torch.tensor([[0.0, 2.5]]))
            Traceback (most recent call last):
            ...
            poise.errors.PoiseError: a bernoulli likelihood needs values of 0 or 1, but feature 2 holds 2.5; ...
        """
        bad = ~((x == 0) | (x == 1) | torch.isnan(x))
        _refuse(bad, x, "a bernoulli likelihood needs values of 0 or 1", "use --likelihood gaussian", names)

    def read(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ x ln p + (1 − x) ln(1 − p)."""
        return _total(_safe(x, observed) * outputs - softplus(outputs, threshold=40), observed)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return p."""
        return torch.sigmoid(outputs)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw 0 or 1."""
        return torch.bernoulli(torch.sigmoid(outputs), generator=generator)


class Categorical:
    """One of K classes, 0 to K − 1: ln p_x, p = softmax(outputs). A network reads a class as K numbers, one of them 1.

    Args:
        classes: K.

    Example:
        >>> Categorical(4).log_prob(torch.tensor([[2.0]]), torch.zeros(1, 4), torch.tensor([[True]])).exp()
        tensor([0.2500])
    """

    def __init__(self, classes: int) -> None:
        self.channels = self.width = classes

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse what is no whole number from 0 to K − 1."""
        bad = ~(((x == x.round()) & (x >= 0) & (x < self.channels)) | torch.isnan(x))
        needs = f"a categorical likelihood needs classes from 0 to {self.channels - 1}"
        _refuse(bad, x, needs, "number the classes, or use --likelihood gaussian", names)

    def read(self, x: Tensor) -> Tensor:
        """Return x as K channels of 0 and 1."""
        chosen: Tensor = one_hot(x.long(), self.width)
        return chosen.to(x.dtype).transpose(-1, -2).flatten(-2)

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return Σ ln p_x."""
        log_p = self._channels(outputs).log_softmax(-1)
        return _total(log_p.gather(-1, _safe(x, observed).long().unsqueeze(-1)).squeeze(-1), observed)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the most probable class."""
        return self._channels(outputs).argmax(-1).to(outputs.dtype)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a class."""
        p = self._channels(outputs).softmax(-1)
        drawn = torch.multinomial(p.flatten(0, -2), 1, generator=generator)
        return drawn.view(p.shape[:-1]).to(outputs)

    def _channels(self, outputs: Tensor) -> Tensor:
        return torch.unflatten(outputs, -1, (self.channels, -1)).transpose(-1, -2)


class Counts:
    """0, 1, 2, ... by a negative binomial distribution of mean m and size r: its variance is m + m²/r.

        ln p = ln Γ(x + r) − ln Γ(r) − ln Γ(x + 1) + r ln r/(r + m) + x ln m/(r + m)

    ln m and ln r are outputs, bounded at ±10. A network reads ln(1 + x). Logarithms of Γ are taken in float64: their
    difference would lose its digits.

    Example:
        >>> one = torch.tensor([[True]])
        >>> Counts().log_prob(torch.tensor([[3.0]]), torch.zeros(1, 2), one).exp()  # geometric: ½⁴
        tensor([0.0625])
    """

    channels, width = 2, 1

    def check(self, x: Tensor, names: Sequence[str] = ()) -> None:
        """Refuse what is no whole number from 0 on."""
        bad = ~(((x == x.round()) & (x >= 0) & torch.isfinite(x)) | torch.isnan(x))
        _refuse(bad, x, "a counts likelihood needs whole numbers from 0 on", "use --likelihood gaussian", names)

    def read(self, x: Tensor) -> Tensor:
        """Return ln(1 + x)."""
        return x.log1p()

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        """Return the log-mass."""
        count, (log_mean, log_size) = _safe(x, observed).double(), self._parameters(outputs.double())
        ways = torch.lgamma(count + log_size.exp()) - torch.lgamma(log_size.exp()) - torch.lgamma(count + 1)
        odds = log_mean - log_size
        log_p = ways + log_size.exp() * logsigmoid(-odds) + count * logsigmoid(odds)
        return _total(log_p, observed).to(outputs.dtype)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return m."""
        return self._parameters(outputs)[0].exp()

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw Poisson counts of a gamma distributed rate."""
        log_mean, log_size = self._parameters(outputs)
        rate = torch._standard_gamma(log_size.exp(), generator=generator) * (log_mean - log_size).exp()
        return torch.poisson(rate, generator=generator)

    def _parameters(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        log_mean, log_size = outputs.chunk(2, -1)
        return bounded(log_mean), bounded(log_size)


def _safe(x: Tensor, observed: Tensor) -> Tensor:
    """Return x with 0 where nothing was observed: a NaN behind a mask would still make NaN of gradients."""
    return torch.where(observed, x, 0.0)


def _total(log_p: Tensor, observed: Tensor) -> Tensor:
    return torch.where(observed, log_p, 0.0).sum(-1)


def _log_scale(free: Tensor, floor: float) -> Tensor:
    """Return ln √(floor² + e^(2 · free)), free bounded."""
    free = bounded(free)
    return torch.logaddexp(2 * free, torch.full_like(free, 2 * math.log(floor))) / 2


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def _refuse(bad: Tensor, x: Tensor, needs: str, remedy: str, names: Sequence[str]) -> None:
    if bad.any():
        *place, number = bad.nonzero()[0].tolist()
        name = repr(names[number]) if names else number + 1
        raise PoiseError(f"{needs}, but feature {name} holds {x[(*place, number)].item():g}; {remedy}")
