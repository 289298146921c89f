"""What a step costs: gradients that are counted are those that torch's engine was asked for."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch

import poise
from poise.game import Whole
from poise.rules import RULES, Simultaneous
from rules.test_contract import TABLE, adam, deal, sgd, train


class Counter:
    """Stands before a function and counts its calls."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call, self.count = call, 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.count += 1
        return self.call(*args, **options)


@pytest.mark.parametrize("rule", RULES)
def test_every_backward_pass_counts_once(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    training = train(TABLE[rule](), adam)
    training.game.one_pass = False  # a pass that serves two losses counts as two: tests/models/test_joint.py
    counters = {"grad": Counter(torch.autograd.grad), "backward": Counter(torch.autograd.backward)}
    for name, counter in counters.items():
        monkeypatch.setattr(torch.autograd, name, counter)
    for _ in range(5):
        training.play(deal(training, 6, 2), progress=0.0)
    assert training.gradients == sum(counter.count for counter in counters.values())


@pytest.mark.parametrize(
    ("rule", "each"),
    [("simultaneous", 2), ("alternating", 3), ("extragradient", 4), ("past-extragradient", 2), ("unrolled", 4)],
)
def test_what_rules_pay(rule: str, each: int) -> None:
    """Extragradient pays for both of its gradients, alternating here for two steps of the discriminator."""
    training = train(TABLE[rule](), sgd)
    training.play(deal(training, 6, 2), progress=0.0)  # past extragradient has no past yet
    before = training.gradients
    for _ in range(3):
        training.play(deal(training, 6, 2), progress=0.0)
    assert training.gradients - before == 3 * each


def test_all_of_the_data_cost_as_many_as_they_have_batches() -> None:
    training = train(Simultaneous(), sgd)
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    training.play(Whole(lambda i: (x[4 * i : 4 * i + 4], None), [4, 4, 2]), progress=0.0)
    assert training.gradients == 6


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("rule", "steps"), [("alternating", 30), ("extragradient", 15)])
def test_a_budget_of_gradients_ends_a_run_and_goes_on_where_it_was(rule: str, steps: int, tmp_path: Any) -> None:
    make = functools.partial(poise.train, "gan", "ring", rule=rule, progress=False, width=8, batch=16)
    run = make(out=tmp_path / "whole", gradients=60)
    assert run.metrics()[-1]["step"] == steps // 10 * 10
    assert run.step() == steps
    make(out=tmp_path / "parts", gradients=30)
    again = make(out=tmp_path / "parts", gradients=60)
    assert again.step() == steps
    seen = make(out=tmp_path / "examples", examples=16 * 7 + 1)
    assert seen.step() == 8


def test_two_lengths_are_one_too_many(tmp_path: Any) -> None:
    with pytest.raises(poise.PoiseError, match="--minutes and --gradients both say how long to train"):
        poise.train("gan", "ring", minutes=1, gradients=10, out=tmp_path / "run", progress=False)
