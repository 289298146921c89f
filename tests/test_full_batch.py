"""Gradient descent on all of the data: the exact gradient in chunks, and an end that says why."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import poise
from poise import checkpoint
from poise.cli import main
from poise.config import GanConfig
from poise.errors import PoiseError
from poise.game import Batch, Game, Loss, Whole
from poise.loop import by_steps, fit
from poise.models import build
from poise.optim import Convergence, GradientDescent
from poise.rng import Rng
from poise.rules import Alternating, Extragradient, Rule, Simultaneous
from poise.training import Training

TARGET = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)


class LeastSquares(Game):
    """min_w ½ E(x·w − x·target)²."""

    players = ("w",)

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Linear(3, 1, bias=False, dtype=torch.float64)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        error = self.w(batch.x).squeeze(1) - batch.x @ TARGET
        return Loss(error.square().mean() / 2, {"worst": error.abs().mean()})

    def sample(self, n: int, rng: Rng) -> Tensor:
        return torch.zeros(n, 1)


def whole(data: Tensor, size: int) -> Whole:
    chunks = data.split(size)
    return Whole(lambda i: (chunks[i], None), [len(chunk) for chunk in chunks])


def descend(data: Tensor, size: int, rate: float, converged: Convergence, rule: Rule) -> Training:
    torch.manual_seed(0)
    game = LeastSquares()
    return Training(game, rule, {"w": partial(GradientDescent, lr=rate)}, converged={"w": converged})


@pytest.mark.parametrize("size", [1, 7, 16, 50])
def test_the_gradient_in_chunks_is_the_gradient(size: int) -> None:
    data = torch.randn(50, 3, dtype=torch.float64)
    one, many = (descend(data, s, 0.1, Convergence(None, None), Simultaneous()) for s in (50, size))
    first, second = one.play(whole(data, 50), 0.0)["w"], many.play(whole(data, size), 0.0)["w"]
    torch.testing.assert_close(many.flats["w"].gradient, one.flats["w"].gradient, rtol=1e-12, atol=1e-14)
    assert first.values() == pytest.approx(second.values(), rel=1e-12)
    assert many.examples == 50


def test_a_gan_in_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(12, 2, dtype=torch.float64)
    torch.manual_seed(0)
    game = build(GanConfig(network="mlp", width=8, latent=2, loss="hinge"), (2,)).double()
    rng, z = Rng(0), torch.randn(12, 2, dtype=torch.float64)
    noise = {4: list(z.split(4)), 12: [z]}

    def gradients(size: int) -> dict[str, Tensor]:
        state = Training(game, Simultaneous(), dict.fromkeys(game.players, partial(GradientDescent, lr=0.0)), rng=rng)
        # the same noise for the same samples, however they are cut
        monkeypatch.setattr(game, "noise", lambda n, rng: noise[size][rng.part])
        state.play(whole(x, size), 0.0)
        return {player: flat.gradient.clone() for player, flat in state.flats.items()}

    one, many = gradients(12), gradients(4)
    for player in one:
        torch.testing.assert_close(many[player], one[player], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("rule", [Simultaneous, Alternating, Extragradient])
@pytest.mark.parametrize(
    ("criteria", "why"),
    [
        ((1e-6, None), r"the gradient's norm fell to .*e-07, below 1e-06"),
        ((None, 1e-3), r"the loss changed by 0.000\d+ of itself, less than 0.001"),
        ((1e-300, 1e-300), "None"),
    ],
)
def test_it_ends_by_the_stated_criterion_and_says_so(
    criteria: tuple[float | None, float | None], why: str, rule: type[Rule]
) -> None:
    data = torch.randn(40, 3, dtype=torch.float64) * torch.tensor([1.0, 1.0, 0.02], dtype=torch.float64)
    data = data if criteria[1] == 1e-3 else torch.randn(40, 3, dtype=torch.float64)
    state = descend(data, 16, 0.5, Convergence(*criteria), rule())
    fit(state, whole(data, 16), progress=by_steps(100))
    assert (state.ended is None) == (why == "None")
    assert re.fullmatch(why, str(state.ended))
    assert (state.step == 100) == (why == "None")


def test_noise_is_the_same_in_every_step() -> None:
    seen: list[Tensor] = []

    class Noisy(LeastSquares):
        def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
            seen.append(torch.rand(1, generator=rng("noise")))
            return super().loss(player, batch, rng)

    data = torch.randn(8, 3, dtype=torch.float64)
    state = Training(Noisy(), Simultaneous(), {"w": partial(GradientDescent, lr=0.1)})
    for _ in range(2):
        state.play(whole(data, 4), 0.0)
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def points(path: Path) -> Path:
    np.save(path / "points.npy", np.random.default_rng(0).integers(0, 255, (30, 28, 28), dtype=np.uint8))
    return path / "points.npy"


SMALL: dict[str, Any] = {"width": 4, "latent": 4, "batch": 16, "log_every": 1, "progress": False}


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["train", "gan", str(points(tmp_path)), "--optimizer", "gradient-descent", "--width", "4", "--batch", "16"]
    out = ["--out", str(tmp_path / "run")]
    assert main([*base, *out, "--steps", "2"]) == 0
    assert "ended at step 2: the limit that was set" in capsys.readouterr().err
    assert poise.Run(tmp_path / "run").metrics() == []  # a line every ten steps
    assert main([*base, *out, "--steps", "9", "--stop-gradient", "1e9"]) == 2  # another configuration
    assert main([*base, *out, "--steps", "9", "--stop-gradient", "1e9", "--overwrite"]) == 0
    said = capsys.readouterr().err
    assert "ended at step 1: discriminator: the gradient's norm fell to" in said
    assert main([*base, *out, "--steps", "9", "--stop-gradient", "1e9", "--json"]) == 0  # stays ended
    printed, said = capsys.readouterr()
    assert "ended at step 1" in said
    assert json.loads(printed)["ended"].startswith("discriminator: the gradient's norm fell to")


@pytest.mark.usefixtures("undrawn")
def test_going_on_is_as_if_never_stopped(tmp_path: Path) -> None:
    constant = {"lr": 0.02, "lr_end": None}  # or it would fall with the share of --steps
    data = points(tmp_path)
    options = {**SMALL, "optimizer": "gradient-descent", "generator": constant, "discriminator": constant}
    whole = poise.train("gan", data, steps=4, out=tmp_path / "whole", **options)
    poise.train("gan", data, steps=2, out=tmp_path / "parts", **options)
    parts = poise.train("gan", data, steps=4, out=tmp_path / "parts", **options)
    ends = []
    for run in (whole, parts):
        path, _ = checkpoint.latest(run.checkpoints)
        assert path is not None
        ends.append({file.name: file.read_bytes() for file in path.glob("*.safetensors")})
    assert ends[0] == ends[1]
    assert whole.metrics()[-1]["examples"] == 4 * 27  # three of 30 are held out


def test_what_cannot_be_done_on_all_of_the_data_is_refused(tmp_path: Path) -> None:
    data = points(tmp_path)
    with pytest.raises(PoiseError, match="for every player or none"):
        poise.train("gan", data, out=tmp_path / "run", generator={"optimizer": "gradient-descent"}, **SMALL)
    with pytest.raises(PoiseError, match="the rule consensus does not go through all of the data; use --optimizer sgd"):
        poise.train("gan", data, out=tmp_path / "run", optimizer="gradient-descent", rule="consensus", **SMALL)
    assert not (tmp_path / "run").exists()
