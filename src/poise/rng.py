"""Randomness as a function of (seed, step, purpose): nothing depends on what ran before."""

import hashlib
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Rng:
    """A source of fresh generators, one for every purpose.

    Two calls with the same purpose give generators in the same state, so a step can be computed again,
    on another day or after a crash, with the same random numbers.

    Args:
        seed: the run's seed.
        step: the training step, or any count that tells draws apart.
        part: which batch of the step, for rules that play several.
        device: where the numbers are drawn.

    Example:
        >>> rng = Rng(seed=7)
        >>> a = torch.rand(3, generator=rng("latents"))
        >>> b = torch.rand(3, generator=rng("latents"))
        >>> bool((a == b).all()), bool((a == torch.rand(3, generator=rng("dropout"))).all())
        (True, False)
    """

    seed: int
    step: int = 0
    part: int = 0
    device: str = "cpu"

    def __call__(self, purpose: str) -> torch.Generator:
        """Return a generator seeded by (seed, step, part, purpose)."""
        key = f"{self.seed}/{self.step}/{self.part}/{purpose}".encode()
        digest = hashlib.blake2b(key, digest_size=8).digest()
        return torch.Generator(self.device).manual_seed(int.from_bytes(digest, "little") >> 1)

    def at(self, step: int, part: int = 0) -> "Rng":
        """Return the source for another step, or another batch of it."""
        return replace(self, step=step, part=part)
