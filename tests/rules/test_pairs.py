"""Every rule with every optimizer, as the command line would pair them: they train, or say before training why not."""

from dataclasses import replace

import pytest
import torch

from poise.build import build, resolve
from poise.config import override
from poise.data import Dataset
from poise.errors import PoiseError
from poise.game import Batch
from poise.optim import OPTIMIZERS, Elementwise
from poise.recipes import from_recipe
from poise.rules import RULES


@pytest.fixture(scope="module")
def ring() -> Dataset:
    return resolve(from_recipe("gan", "ring"))[1]


def why_not(rule: str, optimizer: str) -> str | None:
    """Say what a person should read who asks for a pair that cannot be."""
    known = OPTIMIZERS[optimizer]
    if rule == "competitive":
        return None if optimizer in ("sgd", "adam") else "takes only step sizes|does not go through all"
    if rule == "unrolled" and not (isinstance(known, type) and issubclass(known, Elementwise)):
        return "differentiates the discriminator's steps"
    if rule in ("consensus", "symplectic", "unrolled") and optimizer == "gradient-descent":
        return "does not go through all of the data; use --optimizer sgd"
    return None


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rule", RULES)
def test_a_pair_trains_or_says_why_not(rule: str, optimizer: str, ring: Dataset) -> None:
    config = override(from_recipe("gan", "ring"), {"optimizer": optimizer, "rule": rule, "loss": "minimax"})
    config = replace(config, model=replace(config.model, width=8), precision="float32", device="cpu")
    reason = why_not(rule, optimizer)
    if reason is not None:
        with pytest.raises(PoiseError, match=reason):
            build(resolve(config)[0], ring)
        return
    training = build(config, ring)
    before = {player: flat.vector.detach().clone() for player, flat in training.flats.items()}
    for _ in range(3):
        training.play([Batch(torch.randn(16, 2))], progress=0.5)
    for player, flat in training.flats.items():
        assert torch.isfinite(flat.vector).all()
        assert not torch.equal(flat.vector, before[player])
