"""On a GPU everything trains, goes on, and computes what the processor computes. Skipped where there is none."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import poise
from optim.problems import CASES, Shapes, descend
from poise import checkpoint, metrics
from poise.build import build, resolve
from poise.config import override
from poise.game import Batch
from poise.models.gan import Gan
from poise.optim import Adam, compiler
from poise.recipes import RECIPES, from_recipe
from poise.rng import Rng
from poise.rules import RULES
from poise.run import Run

compiles = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch's compiler
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

QUIET: dict[str, Any] = {"progress": False, "log_every": 1, "watch_every": 3}
SMALL: dict[str, Any] = {"width": 8, "latent": 4, "batch": 8}
CPU: dict[str, Any] = {"device": "cpu", "precision": "float32"}
GPU: dict[str, Any] = {"device": "cuda", "precision": "float32"}
OPTIONS: list[dict[str, Any]] = [
    {"augment": 0.6},
    {"packing": 2},
    {"minibatch_deviation": True},
    {"penalties": ("r1", "r2")},
    {"precision": "bfloat16"},
    {"loss": "wasserstein", "penalties": ("wgan-gp",)},
]
SERIES = ("rvae", "rvae-srnn", "rvae-fast", "vrnn")


@pytest.fixture(autouse=True)
def _exact_products() -> Any:
    """Products of float32 in float32, so that both devices compute the same."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def weights(run: Run) -> dict[str, Tensor]:
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    saved = checkpoint.load(path)
    return {f"{part}.{name}": value.cpu() for part, its in saved.tensors.items() for name, value in its.items()}


def assert_goes_on(recipe: str, data: str | Path, folder: Path, settings: Mapping[str, Any]) -> None:
    """Train at once, and in two parts of which the second begins at an older checkpoint; the ends must be equal."""
    settings = {**QUIET, **settings, "device": "cuda"}
    whole = poise.train(recipe, data, steps=6, out=folder / "whole", **settings)
    poise.train(recipe, data, steps=6, out=folder / "parts", **settings | {"checkpoint_every": 3})
    newest, _ = checkpoint.latest(folder / "parts" / "checkpoints")
    assert newest is not None
    (newest / "weights.safetensors").write_bytes(b"damaged by a crash")  # so that it goes on from step 3
    parts = poise.train(recipe, data, steps=6, out=folder / "parts", **settings | {"checkpoint_every": 3})
    first, second = weights(whole), weights(parts)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_and_goes_on_bit_for_bit(recipe: str, images: Path, tmp_path: Path) -> None:
    data = "sines" if recipe in SERIES else images
    settings = {"batch": 8} if recipe == "vae-deepobs" else SMALL
    assert_goes_on(recipe, data, tmp_path, settings)


@pytest.mark.parametrize("data", ["ring", "images"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_plays_as_on_the_processor(rule: str, data: str, images: Path, tmp_path: Path) -> None:
    """One step from the same weights with the same noise: random numbers differ from device to device."""
    wish = from_recipe("gan-textbook", "ring" if data == "ring" else str(images))
    batch = (
        torch.rand(8, *((2,) if data == "ring" else (1, 28, 28)), generator=torch.Generator().manual_seed(0)) * 2 - 1
    )
    after: list[list[Tensor]] = []
    for device in (CPU, GPU):
        changes = {**SMALL, **device, "rule": rule, "norm": "none", "latent": 4, "optimizer": "sgd", "lr": 0.05}
        changes |= {"loss": "minimax", "real_weight": 1.0}
        config, dataset = resolve(override(wish, changes))
        training = build(config, dataset)
        training.game.load_state_dict(_plain(training.game.state_dict()))
        with mock.patch.object(Gan, "noise", noise_of_the_processor):
            training.play([Batch(batch.to(config.device)) for _ in range(training.rule.batches_at(0.0))], 0.0)
        after.append([p.detach().cpu() for p in training.game.parameters()])
    for one, two in zip(*after, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=2e-4)


def noise_of_the_processor(game: Gan, n: int, rng: Rng) -> Tensor:
    return torch.randn(n, game._dimensions, generator=torch.Generator().manual_seed(1)).to(rng.device)


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights that depend on their names alone, not on the device."""
    made = {}
    for name, tensor in state.items():
        numbers = torch.Generator().manual_seed(len(name))
        made[name] = (
            (torch.randn(tensor.shape, generator=numbers) * 0.1).to(tensor) if tensor.is_floating_point() else tensor
        )
    return made


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options)))
def test_options_of_the_game_train(options: dict[str, Any], images: Path, tmp_path: Path) -> None:
    run = poise.train("gan", images, steps=4, out=tmp_path / "run", **{**QUIET, **SMALL, "device": "cuda", **options})
    assert run.metrics()[-1]["step"] == 4
    assert run.sample(3).shape == (3, 28, 28, 1)


@pytest.mark.parametrize("name", CASES)
def test_optimizers_step_as_on_the_processor(name: str) -> None:
    ends = []
    for device in ("cpu", "cuda"):
        problem = Shapes().to(device)
        descend(problem, CASES[name].make(list(problem.parameters()), lr=1e-3), range(5))
        ends.append([p.detach().cpu() for p in problem.parameters()])
    for one, two in zip(*ends, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def features(n: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, 24, generator=torch.Generator().manual_seed(n), dtype=torch.float64) + shift


def on(device: str) -> torch.Generator:
    return torch.Generator(device).manual_seed(0)


SCORES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "frechet": metrics.frechet,
    "frechet of few": lambda real, fake: metrics.frechet(real[:20], fake[:15]),
    "frechet infinity": lambda real, fake: metrics.frechet_infinity(real, fake, generator=on("cpu")),
    "kid": lambda real, fake: metrics.kid(real, fake, size=100, generator=on("cpu")),
    "prdc": metrics.prdc,
    "vendi": lambda real, fake: metrics.vendi(fake),
    "authenticity": metrics.authenticity,
    "copies": lambda real, fake: metrics.copies(real[:200], real[200:], fake),
    "birthday": lambda real, fake: metrics.birthday(fake, real),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_those_of_the_processor(name: str) -> None:
    real, fake = features(400), features(300, 0.3)
    here, there = SCORES[name](real, fake), SCORES[name](real.cuda(), fake.cuda())
    assert here.keys() == there.keys()
    for key in here:
        assert there[key] == pytest.approx(here[key], rel=1e-8), key


def refuse(message: str, *what: object) -> None:
    """Fail because a kernel could not be compiled."""
    pytest.fail(message % what)


@compiles
def test_a_compiled_step_equals_one_in_blocks() -> None:
    """Large vectors go through torch.compile on a GPU, at the first step."""
    ends = []
    for compiled in (True, False):
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(compiler.WORTH + 7, device="cuda"))
        optimizer = Adam([weight], lr=1e-2)
        with pytest.MonkeyPatch.context() as patch:
            if not compiled:
                patch.setattr(compiler, "just_in_time", lambda formula, variant, otherwise: otherwise)
            compiler.find.cache_clear()
            patch.setattr(compiler.log, "warning", refuse)
            for step in range(4):
                weight.grad = torch.sin(weight.detach() * (step + 1))
                optimizer.step()
        ends.append(weight.detach().cpu())
    torch.testing.assert_close(*ends, rtol=1e-6, atol=1e-7)


def test_a_run_of_a_gpu_is_used_where_there_is_none(images: Path, tmp_path: Path) -> None:
    run = poise.train("vae", images, steps=4, out=tmp_path / "run", **QUIET, **SMALL, **GPU)
    assert poise.diagnose(run).verdict
    assert poise.report(run).stat().st_size > 10_000
    codes, _ = poise.encode(run)
    assert np.isfinite(codes.anomaly).all()


@compiles
@pytest.mark.parametrize("rule", ["alternating", "extragradient"])
def test_large_players_move_in_one_compiled_pass(rule: str, images: Path, tmp_path: Path) -> None:
    settings = {**QUIET, "batch": 8, "rule": rule, "width": 64, "device": "cuda"}
    with mock.patch.object(compiler.log, "warning", refuse):
        run = poise.train("gan-textbook", images, steps=3, out=tmp_path / "run", **settings)
    assert run.metrics()[-1]["step"] == 3


@pytest.mark.parametrize("rule", ["lookahead", "past-extragradient", "competitive", "consensus"])
def test_every_rule_with_a_memory_goes_on_bit_for_bit(rule: str, tmp_path: Path) -> None:
    game = {"loss": "minimax", "penalties": (), "optimizer": "adam"} if rule == "competitive" else {}
    assert_goes_on("gan", "ring", tmp_path, {**SMALL, **game, "rule": rule})


def test_a_recurrent_game_takes_rules_of_second_order(tmp_path: Path) -> None:
    run = poise.train("rvae", "sines", steps=3, out=tmp_path / "run", **QUIET, **SMALL, device="cuda", rule="consensus")
    assert run.metrics()[-1]["step"] == 3
