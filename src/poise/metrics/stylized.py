"""Stylized facts of series: values, steps, and what goes with what."""

from torch import Tensor

from .autocorrelation import autocorrelation_difference, cross_correlation_difference, lead_lag_difference
from .inputs import check_series, location
from .wasserstein import wasserstein

MOST_LAGS = 50


def stylized(real: Tensor, fake: Tensor, *, lags: int | None = None) -> dict[str, float]:
    """Return how far apart six facts of two sets of sequences are, 0 where they agree.

    | name | what differs | sees | does not see |
    |---|---|---|---|
    | marginal | values: Wasserstein-1, in standard deviations of `real` | level, spread, flat | order |
    | increments | x_{t+1} − x_t, likewise | shuffled, flat, noise, skewed steps reversed | what steps add up to |
    | autocorrelation | of values | shuffled, flat, noise | reversed; level and spread |
    | volatility | autocorrelation of abs(x_{t+1} − x_t) | shuffled, steps as wild at all times | reversed |
    | cross_correlation | of two features at one step | features mixed up | order |
    | lead_lag | of two features some steps apart | shuffled, and reversed where one feature leads | one feature |

    All are means over features and lags. None sees that a few sequences repeat: look at `repeats` too.

    Args:
        real: shape [n, T, d]; NaN where nothing was observed and beyond a sequence's end.
        fake: shape [m, T', d], likewise.
        lags: the greatest, below the shorter T − 1; None takes half of the shorter T, at most 50.

    Returns:
        {"marginal": ..., "increments": ..., and so on}; of two samples of one law not 0: compare with such a pair.

    Raises:
        ValueError: other features, sequences of fewer than three steps, or a feature of which no two values follow.

    Source: Cont 2001, "Empirical properties of asset returns: stylized facts and statistical issues".

    Example:
        >>> import torch
        >>> x = torch.sin(0.5 * torch.arange(40.0)).view(1, 40, 1) + torch.zeros(3, 40, 2)
        >>> facts = stylized(x, 2 * x)
        >>> round(facts["marginal"], 2), facts["autocorrelation"] < 1e-6
        (0.89, True)
    """
    check_series(real, fake, least=1)
    shorter = min(real.shape[1], fake.shape[1])
    if shorter < 3:
        raise ValueError(f"sequences of {shorter} steps are too short for stylized facts; give 3 steps or more")
    lags = min(MOST_LAGS, shorter // 2) if lags is None else lags
    steps = real.diff(dim=1), fake.diff(dim=1)
    check_series(*steps, least=1)
    wild = steps[0].abs(), steps[1].abs()
    return {
        "marginal": _distance(real, fake),
        "increments": _distance(*steps),
        "autocorrelation": autocorrelation_difference(real, fake, lags),
        "volatility": autocorrelation_difference(*wild, lags),
        "cross_correlation": cross_correlation_difference(real, fake),
        "lead_lag": lead_lag_difference(real, fake, lags),
    }


def _distance(real: Tensor, fake: Tensor) -> float:
    """Return the mean over features of the distance of values, in standard deviations of `real`."""
    _, spread = location(real.flatten(0, 1))
    return (wasserstein(real.flatten(0, 1), fake.flatten(0, 1)) / spread).mean().item()
