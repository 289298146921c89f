"""Can a classifier tell samples of series from data?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

UNITS, BATCH, STEPS, EVERY = 64, 128, 600, 25
LEAST = 10  # sequences of each kind
CHOSEN = 0.2  # share of the training sequences by which the best step is chosen


class TwoSample(NamedTuple):
    """What a classifier has found.

    Attributes:
        accuracy: on sequences it was not trained on, real and fake weighing alike; ½ where it knows nothing.
        chance: an accuracy that one in forty classifiers without knowledge exceeds.
    """

    accuracy: float
    chance: float

    @property
    def told_apart(self) -> bool:
        """Whether the accuracy is more than chance."""
        return self.accuracy > self.chance


def two_sample(
    train: Sequence[NDArray[np.floating]], test: Sequence[NDArray[np.floating]], seed: int = 0, steps: int = STEPS
) -> TwoSample:
    """Train a classifier to tell two sets of sequences apart, and return how well it does on others.

    A GRU of 64 units reads values and their differences from step to step; its mean and last states are weighed. It
    sees order in time, levels, spread and how features go together; it does not see that one sample copies another.

    Overlapping pieces of one series must not be on both sides: give pieces of other times to `test` than to `train`.

    Args:
        train: real and fake sequences, [n, T, d] and [m, T, d]; NaN count as missing and are read as the mean.
        test: real and fake sequences that have nothing in common with those.
        seed: of the classifier.
        steps: of its training.

    Raises:
        ValueError: fewer than ten sequences somewhere, other features, or a feature never observed.

    Source: Lopez-Paz & Oquab 2017 (arXiv:1610.06545).

    Example:
        >>> up = np.linspace(0, 1, 10)[None, :, None] + np.zeros((60, 1, 1))
        >>> down = 1 - up
        >>> two_sample((up[:30], down[:30]), (up[30:], down[30:]), steps=50).told_apart
        True
    """
    _check(train, test)
    both = np.concatenate(train).reshape(-1, train[0].shape[-1])
    center, scale = np.nanmean(both, 0), np.maximum(np.nanstd(both, 0), 1e-12)
    (x, y), (held_x, held_y) = (_labeled(parts, center, scale) for parts in (train, test))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    chosen = max(2, int(CHOSEN * len(x)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(x.shape[2])
    _fit(classifier, (x[order[chosen:]], y[order[chosen:]]), (x[order[:chosen]], y[order[:chosen]]), steps, generator)
    accuracy = _accuracy(classifier, held_x, held_y)
    return TwoSample(accuracy, chance(min(map(len, test))))


def chance(fewest: int) -> float:
    """Return the accuracy that one in forty classifiers without knowledge exceeds on so many of each kind."""
    return 0.5 + 1.96 * math.sqrt(0.25 * 2 / fewest) / 2


def _check(train: Sequence[NDArray[np.floating]], test: Sequence[NDArray[np.floating]]) -> None:
    parts = (*train, *test)
    if min(map(len, parts)) < LEAST:
        raise ValueError("a two-sample test needs at least ten sequences of each kind to train and to test with")
    features = [part.shape[-1] for part in parts]
    if len(set(features)) > 1:
        raise ValueError(
            f"real and generated sequences must have the same features, not {sorted(set(features))} of them"
        )
    for feature in range(features[0]):
        if any(np.isnan(part[..., feature]).all() for part in train):
            raise ValueError(f"feature {feature} was never observed in training sequences of one kind; leave it out")


class Classifier(nn.Module):
    """From sequences [n, T, d] to logits [n]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.past, self.out = nn.GRU(2 * features, UNITS, batch_first=True), nn.Linear(2 * UNITS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of being real."""
        steps = torch.diff(x, dim=1, prepend=x[:, :1])
        h, _ = self.past(torch.cat([x, steps], -1))
        logits: Tensor = self.out(torch.cat([h.mean(1), h[:, -1]], -1))
        return logits.squeeze(-1)


def _fit(
    classifier: Classifier,
    train: tuple[Tensor, Tensor],
    chosen: tuple[Tensor, Tensor],
    steps: int,
    generator: torch.Generator,
) -> None:
    """Train, and leave the classifier at the step that did best on `chosen`."""
    optimizer, (x, y) = torch.optim.Adam(classifier.parameters(), 3e-3), train
    best, kept = -1.0, {name: value.clone() for name, value in classifier.state_dict().items()}
    for step in range(1, steps + 1):
        rows = torch.randint(len(x), (min(BATCH, len(x)),), generator=generator)
        loss = binary_cross_entropy_with_logits(classifier(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step % EVERY == 0 or step == steps) and (now := _accuracy(classifier, *chosen)) > best:
            best, kept = now, {name: value.clone() for name, value in classifier.state_dict().items()}
            if best == 1:  # no later step can do better
                break
    classifier.load_state_dict(kept)


@torch.no_grad()
def _accuracy(classifier: Classifier, x: Tensor, y: Tensor) -> float:
    """Return the mean of the shares of real and of fake sequences that are told as such."""
    right = (torch.cat([classifier(part) for part in x.split(1_000)]) > 0) == (y > 0.5)
    return float(torch.stack([right[y == kind].double().mean() for kind in (0, 1)]).mean())


def _labeled(
    parts: Sequence[NDArray[np.floating]], center: NDArray[np.floating], scale: NDArray[np.floating]
) -> tuple[Tensor, Tensor]:
    real, fake = (torch.from_numpy(np.nan_to_num((part - center) / scale).astype(np.float32)) for part in parts)
    return torch.cat([real, fake]), torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
