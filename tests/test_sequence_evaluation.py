"""Held-out scores where all that they estimate is known: a linear state space with its exact posterior."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from poise.config import RvaeConfig
from poise.data.windows import Windows
from poise.models.rvae import Facts, build
from poise.sequence_evaluation import SequenceEvaluation, evaluate
from theory.state_space import STEPS, draw, exact, state_space
from theory.test_forecasts import covariance


def windows(x: Tensor, lengths: np.ndarray | None = None) -> Windows:
    n, steps, d = x.shape
    lengths = np.full(n, steps) if lengths is None else lengths
    return Windows(x.reshape(-1, d).numpy(), steps * np.arange(n), lengths, np.arange(n))


def gaussian_crps(sd: Tensor) -> Tensor:
    """Return the score of a right Gaussian forecast, in expectation: σ/√π."""
    return sd / math.sqrt(math.pi)


@pytest.fixture(scope="module")
def scored() -> SequenceEvaluation:
    return evaluate(state_space(), windows(draw(200, seed=3)), windows(draw(200, seed=4)), draws=200)


def test_all_likelihoods_are_the_exact_one(scored: SequenceEvaluation) -> None:
    x = draw(200, seed=3)
    truth = -(exact(x).mean() / STEPS).item()
    assert abs(scored.nll - truth) < 1e-3  # every draw weighs the same
    assert abs(scored.fivo - truth) < 1e-3
    assert abs(scored.bound + truth) < 0.02  # at one draw of each
    assert abs(scored.ahead - truth) < 0.02
    assert abs(scored.nll_error - (exact(x) / STEPS).std().item() / math.sqrt(200)) < 1e-3
    assert scored.bound == -scored.reconstruction - scored.kl
    assert len(scored.kl_of_steps) == STEPS
    assert math.isclose(sum(scored.kl_of_steps) / STEPS, scored.kl, rel_tol=1e-5)
    assert math.isclose(sum(scored.kl_of_dimensions), scored.kl, rel_tol=1e-5)
    assert (scored.active, scored.dimensions, scored.sequences, scored.steps) == (2, 2, 200, 200 * STEPS)


def test_forecasts_score_as_right_ones_do(scored: SequenceEvaluation) -> None:
    ahead, halves, usual = [], [], []
    for feature in range(2):
        joint = covariance(STEPS, feature)
        variances = 1 / torch.stack([joint[: t + 1, : t + 1].inverse()[t, t] for t in range(STEPS)])
        ahead.append(gaussian_crps(variances[1:].sqrt()).mean())
        known = joint[:6, :6]
        later = joint[6:, 6:] - joint[6:, :6] @ torch.linalg.solve(known, joint[:6, 6:])
        halves.append(gaussian_crps(later.diagonal().sqrt()).mean())
        usual.append(gaussian_crps(joint.diagonal()[6:].sqrt()).mean())
    assert abs(scored.ahead_crps / torch.stack(ahead).mean() - 1) < 0.05
    assert abs(scored.crps / torch.stack(halves).mean() - 1) < 0.05
    assert abs(scored.crps_climatology / torch.stack(usual).mean() - 1) < 0.1
    assert scored.crps < scored.crps_climatology < scored.crps_persistence
    assert scored.ahead_crps < scored.ahead_persistence
    assert abs(scored.coverage_50 - 0.5) < 0.04
    assert abs(scored.coverage_90 - 0.9) < 0.03


def test_samples_of_the_law_itself_are_as_near_as_training_data(scored: SequenceEvaluation) -> None:
    for beside in (scored.autocorrelation, scored.cross_correlation, scored.marginal):
        assert max(beside.model, beside.floor) < 0.08
        assert min(beside.model, beside.floor) > 0


def test_likelihoods_are_in_units_of_what_was_observed() -> None:
    x = draw(10, seed=3)
    x[2, 4, 1] = math.nan
    pieces, lengths = windows(x, np.array([5] + [STEPS] * 9)), 5 + 9 * STEPS
    plain = evaluate(state_space(), pieces, pieces, draws=5)
    scaled = evaluate(state_space(), pieces, pieces, draws=5, log_scale=[math.log(10), math.log(3)])
    volume = (lengths * math.log(10) + (lengths - 1) * math.log(3)) / lengths
    for name in ("reconstruction", "nll", "fivo", "ahead"):
        assert math.isclose(getattr(scaled, name) - getattr(plain, name), volume, rel_tol=1e-4)
    assert (scaled.kl, scaled.crps, scaled.ahead_crps) == (plain.kl, plain.crps, plain.ahead_crps)


def test_blocks_of_pieces_and_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.sequence_evaluation.ROWS", 300)
    seen: list[tuple[int, int]] = []
    pieces = windows(draw(30, seed=3), np.arange(30) % STEPS + 1)
    found = evaluate(state_space(), pieces, pieces, draws=20, limit=9, progress=lambda *now: seen.append(now))
    assert found.sequences == 9
    assert seen == [(3, 9), (6, 9), (9, 9)]
    with pytest.raises(ValueError, match="two pieces"):
        evaluate(state_space(), pieces, pieces, limit=1)
    with pytest.raises(ValueError, match="two draws"):
        evaluate(state_space(), pieces, pieces, draws=1)


@pytest.mark.parametrize(
    ("spoil", "flagged"),
    [
        (lambda x: x[:, torch.randperm(STEPS, generator=torch.Generator().manual_seed(0))], "autocorrelation"),
        (lambda x: x.mean(1, keepdim=True).expand_as(x), "marginal"),
        (lambda x: x[:, :, [0, 0]], "cross_correlation"),
    ],
    ids=["shuffled", "flat", "doubled"],
)
def test_free_scores_flag_what_is_wrong(spoil: object, flagged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(spoil)
    game, pieces = state_space(), windows(draw(800, seed=3))
    monkeypatch.setattr(game, "run_freely", lambda state, steps, generator: (spoil(draw(len(state[0]), 9)), state))
    monkeypatch.setattr("poise.sequence_evaluation._forecasts", _nothing)
    beside = getattr(evaluate(game, pieces, windows(draw(800, seed=4)), draws=2), flagged)
    assert beside.model > 3 * beside.floor


def _nothing(*given: object) -> dict[str, Tensor]:
    pair, names = torch.ones(2), ("crps", "crps_climatology", "crps_persistence", "coverage_50", "coverage_90")
    return {**dict.fromkeys(names, pair), "horizon": torch.ones(1)}


def test_lines_for_people_and_plain_values_for_programs(scored: SequenceEvaluation) -> None:
    lines = scored.lines()
    assert [line.split("  ")[0] for line in lines][:4] == ["held out", "reconstruction", "KL", "bound"]
    assert max(map(len, lines)) <= 120
    assert scored.to_json()["marginal"].keys() == {"model", "floor"}
    many = replace(scored, kl_of_dimensions=tuple([0.1] * 64))
    assert any(line.endswith("...") for line in many.lines())


@pytest.mark.parametrize("variant", ["srnn", "fast", "vrnn"])
def test_every_variant_and_kind_of_feature_is_scored(variant: str) -> None:
    config = RvaeConfig(variant=variant, width=8, latent=2, likelihood_of=("b=bernoulli", "c=counts", "k=categorical"))  # type: ignore[arg-type]
    game = build(config, Facts(("a", "b", "c", "k"), 8, 8.0, gaps=True, classes=(0, 2, 5, 3))).eval()
    generator = np.random.default_rng(0)
    x = np.stack([generator.normal(size=160), *(generator.integers(0, k, 160).astype(float) for k in (2, 5, 3))], 1)
    x[generator.random(x.shape) < 0.1] = np.nan
    pieces = Windows(x, 8 * np.arange(20), np.full(20, 8), np.zeros(20, np.int64))
    found = evaluate(game, pieces, pieces, draws=5).to_json()
    assert all(math.isfinite(value) for value in found.values() if isinstance(value, float))
