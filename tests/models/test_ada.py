"""ADA's controller: how fast it moves, where it stays, and that it is part of what a run goes on from."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from models.test_options import TINY, stopped_at, weights
from poise import checkpoint
from poise.models.ada import HEARD, MOST, PASSES, SLOWEST, Ada


def heard(ada: Ada, share: float, steps: int, seen: int = HEARD, known: int = 60_000) -> float:
    """Tell it that so large a share of real samples scores above 0; return p."""
    scores = torch.where(torch.arange(1_000) < 1_000 * share, 1.0, -1.0)
    for _ in range(steps):
        ada(scores, seen, known)
    return ada.p.item()


def test_from_none_to_all_takes_half_a_million_samples() -> None:
    steps = 1_000
    assert heard(Ada(0.6), 1.0, steps, seen=64) == pytest.approx(64 * steps / SLOWEST, rel=1e-4)


def test_a_small_set_is_augmented_after_fewer() -> None:
    assert heard(Ada(0.6), 1.0, 10, seen=30, known=300) == pytest.approx(10 * 30 / (PASSES * 300), rel=1e-4)
    assert heard(Ada(0.6), 1.0, 10, known=5_000) == pytest.approx(heard(Ada(0.6), 1.0, 10, known=0))


def test_it_goes_down_again_and_stays_within_bounds() -> None:
    ada = Ada(0.6)
    assert heard(ada, 0.5, 5) == 0
    up = heard(ada, 0.95, 40)
    assert up > 0
    assert heard(ada, 0.75, 20) < up, "r_t = .5 is below .6"
    assert heard(ada, 1.0, 10_000, seen=10_000) == pytest.approx(MOST)


def test_in_expectation_it_stands_still_at_the_target() -> None:
    """r_t of random batches lies on either side of the target equally often, so that p hardly moves."""
    ada, generator, p = Ada(0.6), torch.Generator().manual_seed(0), []
    ada.p.fill_(0.4)
    for _ in range(2_000):
        scores = torch.where(torch.rand(HEARD, generator=generator) < 0.8, 1.0, -1.0)  # E sign = .6
        ada(scores, HEARD, 0)
        p.append(ada.p.item())
    step = HEARD / SLOWEST
    assert abs(p[-1] - 0.4) < 4 * step * len(p) ** 0.5


def test_it_listens_to_several_batches_and_not_in_evaluation() -> None:
    ada = Ada(0.6)
    ada(-torch.ones(64), 64, 0)
    assert ada.heard.item() == pytest.approx(0.6 + 64 / HEARD * (-1 - 0.6))
    before = ada.heard.clone()
    ada.eval()
    ada(torch.ones(64), 64, 0)
    assert torch.equal(ada.heard, before)


@pytest.mark.parametrize("rule", ["alternating", "extragradient"])
def test_p_moves_once_a_step_is_logged_and_survives_a_kill(rule: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {**TINY, "augment": 0.01, "steps": 12, "rule": rule, "checkpoint_every": 3}
    whole = poise.train("gan", "ring", out=tmp_path / "whole", **options)
    stopped_at(7, "gan", "ring", tmp_path / "cut", options)
    cut = poise.train("gan", "ring", out=tmp_path / "cut", **options)
    assert weights(cut) == weights(whole)
    logged = [line["discriminator.augment"] for line in whole.metrics() if "discriminator.augment" in line]
    assert logged == [line["discriminator.augment"] for line in cut.metrics() if "discriminator.augment" in line]
    moves = {round(abs(b - a) * SLOWEST / 8, 3) for a, b in pairwise(logged)}
    step = SLOWEST / min(SLOWEST, PASSES * whole.data["train"])
    assert moves - {0.0} == {round(step, 3)}
    path, _ = checkpoint.latest(whole.checkpoints)
    assert path is not None
    saved = checkpoint.load(path).tensors["weights"]
    assert {"ada.p", "ada.heard"} <= set(saved)


def test_a_run_without_augmentation_may_go_on_with_it() -> None:
    ada = Ada(0.6)
    ada.load_state_dict({})
    assert ada.p.item() == 0
