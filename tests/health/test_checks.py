"""Checks on made-up histories: each fires on its failure, is silent on health, and turns at its threshold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.health import CHECKS, EXPLAINS, History, findings, idle, mode_collapse, posterior_collapse

Signals = Mapping[str, Any]  # a number, or one for each look
LOOKS = 12

GAN: Signals = {
    "spread": 1.0,
    "overlap": 0.85,
    "duplicates": 0.05,
    "copies": 1.1,
    "gap": 0.5,
    "separation": 0.7,
    "separation_held_out": 0.7,
    "r_v": 0.02,
    "r_t": 0.3,
    "generator.weights": 13.0,
    "generator.gradient": 0.1,
    "generator.loss": 0.8,
    "discriminator.weights": 13.0,
    "discriminator.gradient": 0.1,
    "discriminator.loss": 1.3,
    **{f"sketch.{i}": np.arange(LOOKS) * 0.1 for i in range(8)},
    **{f"score.{i}": np.sin(np.arange(LOOKS)) for i in range(4)},
}
VAE: Signals = {
    "spread": 1.0,
    "overlap": 0.85,
    "duplicates": 0.05,
    "copies": 1.1,
    "active": 8,
    "latents": 8,
    "kl": 9.0,
    "information": 5.0,
    "weight": 1.0,
    "vae.weights": 20.0,
    "vae.loss": 90.0,
}
SERIES: Signals = {
    "active": 8,
    "latents": 8,
    "kl": 0.5,
    "weight": 1.0,
    "memory": 0.05,
    "memory_data": 0.3,
    "memory_floor": 0.04,
    "rvae.weights": 20.0,
    "rvae.loss": 9.0,
}
STILL = {f"sketch.{i}": 0.0 for i in range(8)}
MUTE = {f"score.{i}": 0.3 for i in range(4)}
SWINGING = {"separation": [0.3, 0.7] * (LOOKS // 2), "overlap": 0.45}
BAD: list[tuple[str, Signals, Signals]] = [
    ("mode-collapse", GAN, {"overlap": 0.1}),
    ("mode-collapse", GAN, {"spread": 0.1}),
    ("mode-collapse", GAN, {"duplicates": 0.9, "overlap": 0.5}),
    ("discriminator-overpowers", GAN, {"separation_held_out": 1.0, "overlap": 0.4}),
    ("discriminator-overpowers", GAN, {"separation_held_out": 1.0, "generator.gradient": [9.0] * 4 + [0.01] * 8}),
    ("generator-idle", GAN, {**STILL, "overlap": 0.2, "separation_held_out": 1.0}),
    ("discriminator-idle", GAN, {**MUTE, "overlap": 0.2}),
    ("rotation", GAN, SWINGING),
    ("divergence", GAN, {"discriminator.weights": 13.0 * 1.2 ** np.arange(LOOKS), "overlap": 0.1}),
    ("divergence", GAN, {"generator.weights": [13.0] * 4 + [90.0] * 8, "overlap": [0.8] * 4 + [0.3] * 8}),
    ("divergence", VAE, {"vae.loss": 1e6}),
    ("divergence", GAN, {"spread": 40.0}),
    ("discriminator-overfits", GAN, {"r_v": 0.8}),
    ("posterior-collapse", VAE, {"active": 0, "kl": 0.02, "information": 0.01}),
    ("posterior-collapse", VAE, {"active": 0, "kl": 3.0, "information": 0.01}),
    ("posterior-collapse", SERIES, {"active": 0, "kl": 0.001}),
    ("decoder-ignores-time", SERIES, {"memory": 0.29}),
    ("memorization", VAE, {"copies": 0.05}),
]


def history(signals: Signals, looks: int = LOOKS) -> History:
    lines = []
    for look in range(looks):
        values = {name: float(np.broadcast_to(value, looks)[look]) for name, value in signals.items()}
        lines += [{"step": 100 * look + 100, "health.step": 100.0 * look + 100}]
        lines[-1] |= {f"health.{name}": value for name, value in values.items()}
        lines += [{"step": 100 * look + 110, "generator.loss": 1.0}]  # lines without signals are passed over
    return History(lines, "gan", "ring", "runs/gan-ring")


def codes(signals: Signals) -> list[str]:
    return [finding.code for finding in findings(history(signals))]


@pytest.mark.parametrize("healthy", [GAN, VAE, SERIES], ids=["gan", "vae", "series"])
def test_health_is_silent(healthy: Signals) -> None:
    assert codes(healthy) == []


@pytest.mark.parametrize(("code", "healthy", "bad"), BAD, ids=[f"{i}-{code}" for i, (code, _, _) in enumerate(BAD)])
def test_a_failure_has_its_code_evidence_and_advice(code: str, healthy: Signals, bad: Signals) -> None:
    (found,) = findings(history({**healthy, **bad}))
    assert found.code == code
    assert found.level == "failure"
    assert found.step == 100 * LOOKS
    assert 100 <= found.since < found.step
    assert found.evidence
    assert all(np.isfinite(value) for value in found.evidence.values())
    assert found.advice.startswith("poise train gan ring --")
    assert found.reference


def test_every_check_is_shown_to_fire() -> None:
    shown = {code for code, _, _ in BAD} | {"plateau"}
    assert shown == set(CHECKS)
    assert set(EXPLAINS) <= set(CHECKS)


@pytest.mark.parametrize(("code", "healthy", "bad"), BAD, ids=[f"{i}-{code}" for i, (code, _, _) in enumerate(BAD)])
def test_one_good_look_at_the_end_is_enough_for_silence(code: str, healthy: Signals, bad: Signals) -> None:
    if code in ("rotation", "discriminator-overfits", "discriminator-overpowers"):
        return  # these go by means over a window
    good = history(healthy).lines[-2:]
    lines = history({**healthy, **bad}).lines
    ended = [finding.code for finding in findings(History([*lines, *({**line, "step": 9_000} for line in good)]))]
    assert code not in ended


@pytest.mark.parametrize(
    ("name", "limit", "rest"),
    [("overlap", mode_collapse.OVERLAP, {}), ("spread", mode_collapse.SPREAD, {})],
)
def test_mode_collapse_turns_at_its_threshold(name: str, limit: float, rest: Signals) -> None:
    assert codes({**GAN, name: limit + 1e-6, **rest}) == []
    assert codes({**GAN, name: limit - 1e-6, **rest}) == ["mode-collapse"]


def test_posterior_collapse_waits_for_the_whole_weight_and_asks_both_numbers() -> None:
    empty = {"active": 0, "kl": 0.02, "information": 0.01}
    assert codes({**VAE, **empty, "weight": 0.5}) == []
    assert codes({**VAE, **empty, "active": 4, "kl": 2.0}) == []
    assert codes({**VAE, **empty, "information": posterior_collapse.NATS + 0.01}) == []


def test_a_player_that_stands_still_where_all_is_well_has_converged() -> None:
    assert codes({**GAN, **STILL, **MUTE}) == []
    assert codes({**GAN, **STILL, "overlap": idle.POOR - 0.01}) == ["generator-idle"]


def test_a_cause_is_named_without_its_consequences() -> None:
    assert codes({**GAN, **STILL, "overlap": 0.1, "spread": 0.05, "separation_held_out": 1.0}) == ["generator-idle"]


def test_a_leap_of_weights_after_which_samples_are_good_is_none() -> None:
    assert codes({**GAN, "generator.weights": [13.0] * 4 + [90.0] * 8}) == []


def test_weights_whose_steps_are_at_right_angles_to_them_may_grow() -> None:
    """|w|² grows by the same each step where a normalization divides |w| out again."""
    assert codes({**GAN, "discriminator.weights": 13.0 * np.arange(1, LOOKS + 1) ** 0.5}) == []
    assert codes({**GAN, "discriminator.weights": 13.0 * np.arange(1, LOOKS + 1)}) == ["divergence"]


def test_a_generator_without_a_gradient_is_not_idle_but_overpowered() -> None:
    apart = {"separation_held_out": 1.0, "separation": 1.0, "overlap": 0.3}
    starved = {**GAN, **STILL, **apart, "generator.gradient": [3.0] * 3 + [1e-3] * 9}
    assert codes(starved) == ["discriminator-overpowers"]
    early = History(history(starved).lines[: 2 * 6], "gan", "ring", "runs/gan-ring")
    assert findings(early) == []  # six looks are too few to say so, but it is not called idle meanwhile
    assert codes({**starved, "generator.gradient": 3.0}) == ["generator-idle"]


def test_a_long_run_without_progress_gets_a_note() -> None:
    looks, rng = 60, np.random.default_rng(0)
    noise = 0.85 + 0.02 * rng.standard_normal(looks)
    moving = {f"sketch.{i}": np.cumsum(np.ones(looks)) for i in range(8)}
    still = {f"sketch.{i}": np.zeros(looks) for i in range(8)}
    base = {name: value for name, value in GAN.items() if not name.startswith(("sketch", "score"))}
    (plateau,) = findings(history({**base, **moving, "overlap": noise}, looks))
    (converged,) = findings(history({**base, **still, "overlap": noise}, looks))
    assert (plateau.code, converged.code) == ("plateau", "converged")
    assert plateau.level == converged.level == "note"
    rising = noise + np.linspace(-0.2, 0, looks)
    assert findings(history({**base, **moving, "overlap": rising}, looks)) == []


def test_an_empty_or_short_history_says_nothing() -> None:
    assert findings(History([])) == []
    assert findings(History([{"step": 10, "generator.loss": 0.7}])) == []
    assert findings(History([{"step": 10, "health.step": 10.0}])) == []
    bad = {**GAN, "overlap": 0.0}
    assert findings(History(history(bad).lines[: 2 * mode_collapse.PATIENCE - 2])) == []


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2]))
def test_noise_about_health_is_silent(seed: int, which: int) -> None:
    """Deviations of the size that real healthy runs have (docs/health.md)."""
    rng = np.random.default_rng(seed)
    healthy = (GAN, VAE, SERIES)[which]
    noisy: dict[str, Any] = {}
    for name, value in healthy.items():
        if name in ("latents", "weight", "memory_data"):
            noisy[name] = value
        elif name.startswith("r_v"):
            noisy[name] = value + 0.2 * rng.standard_normal(LOOKS)
        else:
            noisy[name] = np.asarray(value) * np.exp(0.1 * rng.standard_normal(LOOKS))
    assert [code for code in codes(noisy) if code not in ("plateau", "converged")] == []
