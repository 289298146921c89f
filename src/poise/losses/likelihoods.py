"""What p(x|z) can be: from the decoder's outputs to the log-likelihood of the data.

Scales: x is given as the game takes it, which for images is [−1, 1]. `Gaussian` is a density per unit of that very
scale; `Bernoulli` is a mass over bits, `DiscretizedLogistic` a mass over the 256 gray levels. `levels` says how many
gray levels of an 8-bit image lie in a unit of the scale, and `bits_per_dimension` is the one place that uses it.

Shapes: x is [n, c, ...], the decoder's outputs [n, channels · c, ...], and every sum is over all but the first
dimension. Outputs are in float32 or better and may have any finite value.
"""

import math
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from ..errors import PoiseError
from ..gaussian import bounded, log_density

PIXEL = 127.5  # gray levels in a unit of [−1, 1]
HALF_LEVEL = 0.5 / PIXEL
SD_FLOOR = 1e-3  # an eighth of a gray level: below it a density only measures how exactly the data repeat

Number = TypeVar("Number", float, Tensor)


class Likelihood(Protocol):
    """A distribution of x given the decoder's outputs.

    Attributes:
        channels: how many outputs of the decoder belong to one value of the data.
        levels: gray levels of an 8-bit image in a unit of the scale of log_prob; 1 for a mass.
    """

    channels: int
    levels: float

    def check(self, x: Tensor) -> None:
        """Refuse data outside the support, in one line."""

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Return log p(x|z) in nats, shape [n]."""

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the center of p(x|z), of x's shape and scale."""

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from p(x|z), of x's shape and scale."""


def bits_per_dimension(nll: Number, dimensions: int, levels: float = 1.0) -> Number:
    """Return bits per data value, NLL/(D ln 2) + log₂ levels: comparable between all models of 8-bit images.

    A density of one gray level's width is a mass: the second term takes a density per unit of x to one per gray level,
    7 bits less 6 thousandths for images in [−1, 1] (8 bits for a density on [0, 1], levels = 256). Evaluate a density
    at dequantized data (`dequantize`); the bits are then an upper bound of those of the discrete data.

    Args:
        nll: −log p(x), nats; a number or any shape.
        dimensions: D, values in x.
        levels: of the likelihood.

    Returns:
        Bits, of nll's shape.

    Source: Theis et al. 2016 (arXiv:1511.01844), section 3.1.

    Example:
        >>> round(bits_per_dimension(784 * math.log(256), 784), 12)
        8.0
        >>> round(bits_per_dimension(0.0, 784, levels=256), 12)  # the uniform density on [0, 1]
        8.0
    """
    return (nll / dimensions + math.log(levels)) / math.log(2)


def dequantize(x: Tensor, generator: torch.Generator) -> Tensor:
    """Spread each pixel evenly over the width of its gray level: x + u, u ~ U[−½, ½) levels.

    Args:
        x: 8-bit images in [−1, 1], any shape.
        generator: draws u.

    Returns:
        x's shape, within half a level beyond [−1, 1].

    Source: Theis et al. 2016 (arXiv:1511.01844), section 3.1.

    Example:
        >>> spread = dequantize(torch.ones(100), torch.Generator().manual_seed(0))
        >>> bool(((spread - 1).abs() <= 0.5 / 127.5).all())
        True
    """
    u = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x + (u - 0.5) / PIXEL


class Bernoulli:
    """Bits, or gray values taken as the probability of a bit: y ln p + (1 − y) ln(1 − p), p = σ(output).

    y is x brought from [low, 1] to [0, 1]. For bits it is a likelihood, in nats; for gray values it is the usual
    cross-entropy, no normalized density, so that its bits per dimension compare with no other likelihood's.

    Args:
        low: what stands for 0 in the data: −1 in images, 0 in tables of bits.

    Example:
        >>> Bernoulli().log_prob(torch.tensor([[-1.0, 1.0]]), torch.zeros(1, 2))  # two fair bits
        tensor([-1.3863])
    """

    channels = 1
    levels = 1.0

    def __init__(self, low: float = -1.0) -> None:
        self.low, self.width = low, 1.0 - low

    def check(self, x: Tensor) -> None:
        """Refuse what is not within [low, 1].

        Raises:
            PoiseError: values beyond the range or not finite.

        Example:
            >>> Bernoulli(low=0.0).check(torch.tensor([[0.0, 2.5]]))
            Traceback (most recent call last):
            ...
            poise.errors.PoiseError: a Bernoulli likelihood needs data in [0, 1], but they reach 2.5; ...
        """
        _check_range(x, self.low, "Bernoulli")

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Return Σ y ln p + (1 − y) ln(1 − p) in nats, shape [n]."""
        # y ln p + (1 − y) ln(1 − p) = y · output − ln(1 + e^output): fewer passes over memory than torch's own
        nats = torch.addcmul(softplus(outputs, threshold=40), x - self.low, outputs, value=-1 / self.width)
        return -_total(nats)

    def mean(self, outputs: Tensor) -> Tensor:
        """Return p on the scale of x."""
        return self.low + self.width * torch.sigmoid(outputs)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw bits, low or 1."""
        return self.low + self.width * torch.bernoulli(torch.sigmoid(outputs), generator=generator)


class Gaussian(nn.Module):
    """N(output, σ²) with one σ for all values: −½((x − μ)/σ)² − ln σ − ½ ln 2π, a density per unit of x.

    Args:
        deviation: what σ is: `FixedDeviation`, `LearnedDeviation` or `OptimalDeviation`; from the batch's mean
            squared error (or None) to ln σ.

    Source: Rybkin et al. 2020 (arXiv:2006.13202), which compares the three.

    Example:
        >>> Gaussian(FixedDeviation(0.5)).log_prob(torch.zeros(1, 2), torch.zeros(1, 2))
        tensor([-0.4516])
    """

    channels = 1
    levels = PIXEL

    def __init__(self, deviation: nn.Module) -> None:
        super().__init__()
        self.deviation = deviation

    def check(self, x: Tensor) -> None:
        """Refuse what is not finite.

        Raises:
            PoiseError: NaN or infinite values.

        Example:
            >>> Gaussian(LearnedDeviation()).check(torch.tensor([[0.0, math.nan]]))
            Traceback (most recent call last):
            ...
            poise.errors.PoiseError: a Gaussian likelihood needs finite numbers, but 1 of 2 ...
        """
        _check_finite(x, "Gaussian")

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Return ln N(x; outputs, σ²) in nats per unit of x, shape [n]."""
        log_sd = self.deviation((x - outputs).square().mean())
        return _total(log_density(x, outputs, log_sd))

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the outputs."""
        return outputs

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw outputs + σε."""
        eps = torch.randn(outputs.shape, generator=generator, device=outputs.device, dtype=outputs.dtype)
        sd: Tensor = self.deviation(None).exp()
        return outputs + sd * eps


class FixedDeviation(nn.Module):
    """A σ that stays as it is.

    Args:
        sd: σ > 0, in units of x.

    Example:
        >>> FixedDeviation(1.0)(None).item()
        0.0
    """

    log_sd: Tensor

    def __init__(self, sd: float) -> None:
        super().__init__()
        exact = torch.tensor(math.log(sd), dtype=torch.float64)  # a scalar leaves float32 data in float32
        self.register_buffer("log_sd", exact, persistent=False)

    def forward(self, error: Tensor | None) -> Tensor:
        """Return ln σ."""
        return self.log_sd


class LearnedDeviation(nn.Module):
    """A σ that is learned with the decoder's weights: σ² = floor² + e^(2·free), σ ≈ 1 at first.

    Args:
        floor: the smallest σ, in units of x.

    Example:
        >>> deviation = LearnedDeviation(floor=0.1)
        >>> _ = deviation.free.data.fill_(-1e4)
        >>> round(deviation(None).exp().item(), 6)
        0.1
    """

    def __init__(self, floor: float = SD_FLOOR) -> None:
        super().__init__()
        self.free, self.floor = nn.Parameter(torch.tensor(0.0)), floor

    def forward(self, error: Tensor | None) -> Tensor:
        """Return ln σ, finite and with a finite slope whatever `free` is."""
        return torch.logaddexp(2 * self.free, torch.full_like(self.free, 2 * math.log(self.floor))) / 2


class OptimalDeviation(nn.Module):
    """The σ that maximizes the likelihood: σ² = mean squared error, of the batch while it is trained on.

    Being optimal, σ is held fixed in gradients (the total derivative is the same). What is evaluated or drawn later
    must not fit σ to itself, and so uses the batches seen in training: the mean of the first hundred, then a moving
    average over about a hundred.

    Args:
        floor: the smallest σ, in units of x: σ² = floor² + error.

    Source: Rybkin et al. 2020 (arXiv:2006.13202), the optimal σ-VAE.

    Example:
        >>> deviation = OptimalDeviation()
        >>> deviation(torch.tensor(0.25)).exp()
        tensor(0.5000)
        >>> deviation.eval()(torch.tensor(9.0)).exp()
        tensor(0.5000)
    """

    error: Tensor
    batches: Tensor

    def __init__(self, floor: float = SD_FLOOR) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("error", torch.tensor(1.0))
        self.register_buffer("batches", torch.tensor(0.0))

    def forward(self, error: Tensor | None) -> Tensor:
        """Return ln σ of this batch in training, of those seen otherwise."""
        if error is None or not self.training:
            return self._log_sd(self.error)
        now = error.detach()
        self.batches.add_(1.0)
        self.error.lerp_(now.to(self.error), torch.clamp(1 / self.batches, min=0.01))
        return self._log_sd(now)

    def _log_sd(self, error: Tensor) -> Tensor:
        return torch.log(error + self.floor**2) / 2


class DiscretizedLogistic:
    """8-bit images: a logistic distribution, its mass gathered in the 256 gray levels.

        P(x) = σ(a) − σ(b) = σ(a) · σ(−b) · (1 − e^(b − a)),   a, b = (x ± ½ level − μ)/s

    The lowest level has all the mass below (P = σ(a)), the highest all above (P = σ(−b)). The product is exact, and
    loses no digits where the difference would. The outputs are μ, on the scale of x, and ln s, kept within ±10
    (`poise.gaussian.bounded`): the first half of the channels and the second.

    Source: Salimans et al. 2017 (arXiv:1701.05517), eq. 2, with one component.

    Example:
        >>> every_level = torch.arange(256).reshape(256, 1) / 127.5 - 1
        >>> outputs = torch.tensor([[0.3, -2.0]]).expand(256, 2)
        >>> round(DiscretizedLogistic().log_prob(every_level, outputs).exp().sum().item(), 5)
        1.0
    """

    channels = 2
    levels = 1.0

    def check(self, x: Tensor) -> None:
        """Refuse what is not one of the 256 gray levels in [−1, 1].

        Raises:
            PoiseError: values beyond [−1, 1], between the levels, or not finite.

        Example:
            >>> DiscretizedLogistic().check(torch.tensor([[0.0, 1.0]]))
            Traceback (most recent call last):
            ...
            poise.errors.PoiseError: a discretized logistic likelihood needs 8-bit gray levels, but 1 of 2 ...
        """
        _check_range(x, -1.0, "discretized logistic")
        between = ((x - _nearest_level(x)).abs() > 0.01 * HALF_LEVEL).sum().item()
        if between:
            raise PoiseError(
                f"a discretized logistic likelihood needs 8-bit gray levels, but {between} of {x.numel()} values lie "
                "between them; use --likelihood gaussian"
            )

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """Return the log-mass of the gray levels in nats, shape [n]."""
        mean, log_scale = self._parameters(outputs)
        steepness = torch.exp(-log_scale)
        above = (x + HALF_LEVEL - mean) * steepness
        below = (x - HALF_LEVEL - mean) * steepness
        lowest, highest = x < HALF_LEVEL - 1, x > 1 - HALF_LEVEL
        width = torch.log(-torch.expm1(-2 * HALF_LEVEL * steepness))
        return _total(
            logsigmoid(above).masked_fill(highest, 0.0)
            + logsigmoid(-below).masked_fill(lowest, 0.0)
            + width.masked_fill(lowest | highest, 0.0)
        )

    def mean(self, outputs: Tensor) -> Tensor:
        """Return μ within [−1, 1], the mean but for what lies beyond the ends."""
        return self._parameters(outputs)[0].clamp(-1.0, 1.0)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw gray levels, on the scale of x."""
        mean, log_scale = self._parameters(outputs)
        u = torch.rand(mean.shape, generator=generator, device=mean.device, dtype=torch.float64)
        logistic = torch.logit(u, eps=1e-12).to(mean.dtype)
        return _nearest_level((mean + log_scale.exp() * logistic).clamp(-1.0, 1.0))

    def _parameters(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, free = outputs.chunk(2, dim=1)
        return mean, bounded(free)


def _total(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


def _nearest_level(x: Tensor) -> Tensor:
    return torch.round((x + 1) * PIXEL) / PIXEL - 1


def _check_finite(x: Tensor, name: str) -> None:
    bad = x.numel() - int(torch.isfinite(x).sum())
    if bad:
        raise PoiseError(
            f"a {name} likelihood needs finite numbers, but {bad} of {x.numel()} values are missing or infinite; "
            "fill or remove them"
        )


def _check_range(x: Tensor, low: float, name: str) -> None:
    _check_finite(x, name)
    least, most = x.min().item(), x.max().item()
    if least < low or most > 1:
        worst = least if least < low else most
        raise PoiseError(
            f"a {name} likelihood needs data in [{low:g}, 1], but they reach {worst:g}; "
            "rescale them or use --likelihood gaussian"
        )
