"""Failures that are planted in training, for tests and for `benchmarks/health.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from poise.models.gan import Gan


@contextmanager
def constant_noise() -> Iterator[None]:
    """Let a generator get the same noise for the whole batch."""
    noise = Gan.noise
    with mock.patch.object(Gan, "noise", lambda game, n, rng: noise(game, 1, rng).expand(n, -1)):
        yield
