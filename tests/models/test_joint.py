"""One backward pass for both players gives each the gradient of its own loss."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.config import GanConfig
from poise.game import Batch, Whole
from poise.losses.adversarial import ADVERSARIAL
from poise.models import build
from poise.models.gan import Gan
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import RULES, Alternating, Simultaneous
from poise.rules.rule import Rule
from poise.training import Training
from rules.test_contract import TABLE, adam, deal, train

IMAGES = (1, 28, 28)
POINTS = GanConfig(network="mlp", width=8, latent=3)


@pytest.fixture(autouse=True)
def double(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compute in float64 by default, but where the test says another precision by its name."""
    if "bfloat16" not in request.node.name:
        torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both_ways(
    config: GanConfig, shape: tuple[int, ...], batches: Any, far: float = 0.0, rule: Rule | None = None
) -> list[Training]:
    """Return two trainings after the gradients of one step: with one pass, and with one for each player."""
    found = []
    for one_pass in (True, False):
        torch.manual_seed(0)
        game = build(config, shape)
        assert game.one_pass
        game.one_pass = one_pass
        if far:
            *_, last = game.get_submodule("discriminator").parameters()
            last.data.add_(far)
        training = Training(
            game, rule or Simultaneous(), dict.fromkeys(game.players, lambda p: torch.optim.SGD(p, lr=0.0))
        )
        training.losses = training.play(batches, progress=0.0)  # type: ignore[attr-defined]
        found.append(training)
    return found


def assert_same(one: Training, two: Training) -> None:
    for player in one.flats:
        torch.testing.assert_close(one.flats[player].gradient, two.flats[player].gradient, rtol=1e-9, atol=1e-12)
        first, second = (training.losses[player] for training in (one, two))  # type: ignore[attr-defined]
        assert first.values() == pytest.approx(second.values(), rel=1e-9, nan_ok=False)


@pytest.mark.parametrize("loss", ADVERSARIAL)
@pytest.mark.parametrize("changes", [{}, {"score_scale": 8.0}, {"real_weight": 0.9}, {"packing": 2}], ids=str)
def test_points(loss: Any, changes: dict[str, Any]) -> None:
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    assert_same(*both_ways(replace(POINTS, loss=loss, **changes), (2,), [Batch(x)]))


@pytest.mark.parametrize("network", ["deep", "dcgan", "residual"])
@pytest.mark.parametrize("augment", [0.0, 0.6])
def test_images(network: Any, augment: float) -> None:
    config = GanConfig(network=network, width=8, latent=3, augment=augment)
    x = torch.rand(4, *IMAGES, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert_same(*both_ways(config, IMAGES, [Batch(x)]))


@pytest.mark.parametrize("changes", [{}, {"norm": "spectral"}, {"augment": 0.6}, {"packing": 2}], ids=str)
def test_a_discriminator_in_its_turn_judges_both_kinds_together(changes: dict[str, Any]) -> None:
    config = GanConfig(network="deep", width=8, latent=3, **changes)
    x = torch.rand(4, *IMAGES, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert_same(*both_ways(config, IMAGES, [Batch(x)], rule=Alternating()))


@given(seed=st.integers(0, 2**16), n=st.integers(1, 9), loss=st.sampled_from(sorted(ADVERSARIAL)))
@settings(max_examples=20, deadline=None)
def test_any_batch(seed: int, n: int, loss: Any) -> None:
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    assert_same(*both_ways(replace(POINTS, loss=loss), (2,), [Batch(x)]))


def test_all_of_the_data() -> None:
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(1))
    assert_same(*both_ways(POINTS, (2,), Whole(lambda i: (x[4 * i : 4 * i + 4], None), [4, 4, 2])))


@pytest.mark.parametrize("loss", ["hinge", "non-saturating"])
def test_the_generator_learns_where_the_discriminator_has_nothing_to_learn(loss: Any) -> None:
    """Scores of −1000: the discriminator's loss is flat there, down to the last bit, and the generator's is not."""
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(1))
    one, two = both_ways(replace(POINTS, loss=loss), (2,), [Batch(x)], far=-1e3)
    assert two.flats["generator"].gradient.abs().max() > 1e-6
    assert_same(one, two)


@pytest.mark.parametrize(
    "changes", [{"penalties": ("r1",)}, {"penalties": ("wgan-gp",)}, {"norm": "batch"}, {"minibatch_deviation": True}]
)
def test_samples_that_are_not_judged_one_by_one_get_a_pass_for_each_player(changes: dict[str, Any]) -> None:
    network: Any = "dcgan" if "norm" in changes else "mlp"
    game = build(GanConfig(network=network, width=8, latent=3, **changes), IMAGES if "norm" in changes else (2,))
    assert not game.one_pass


def test_a_discriminator_of_one_s_own_is_looked_at() -> None:
    generator = torch.nn.Linear(3, 2)
    plain = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
    batch = torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1), torch.nn.Flatten(0)
    )

    class Mine(torch.nn.Linear):
        """Who knows what it does with samples."""

    mine = torch.nn.Sequential(Mine(2, 1), torch.nn.Flatten(0))
    assert [Gan(generator, d, POINTS).one_pass for d in (plain, batch, mine)] == [True, False, False]


def test_bfloat16_is_as_near_as_with_two_passes() -> None:
    """Against float32, by the direction of each player's gradient."""
    x = torch.rand(32, *IMAGES, generator=torch.Generator().manual_seed(1)) * 2 - 1

    def gradients(one_pass: bool, half: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        game = build(GanConfig(network="deep", width=16, score_scale=8.0, norm="spectral"), IMAGES)
        game.one_pass = one_pass
        context = (lambda: torch.autocast("cpu", torch.bfloat16)) if half else None
        options: dict[str, Any] = {"autocast": context} if context else {}
        training = Training(game, Simultaneous(), dict.fromkeys(game.players, Adam), **options)
        training.play([Batch(x)], progress=0.0)
        return [flat.gradient.clone() for flat in training.flats.values()]

    exact = gradients(False, False)
    for one, two, true in zip(gradients(True, True), gradients(False, True), exact, strict=True):
        likeness = [torch.cosine_similarity(found, true, dim=0).item() for found in (one, two)]
        assert likeness[0] > likeness[1] - 0.01
        assert likeness[0] > 0.98


@pytest.mark.parametrize("rule", RULES)
def test_it_counts_as_many_gradients(rule: str) -> None:
    counts = []
    for one_pass in (True, False):
        training = train(TABLE[rule](), adam)
        training.game.one_pass = one_pass and training.game.one_pass
        for _ in range(3):
            training.play(deal(training, 6, 2), progress=0.0)
        counts.append(training.gradients)
    assert counts[0] == counts[1]


def test_randomness_is_that_of_two_passes() -> None:
    """The generated samples are those of noise that a step and its purpose determine."""
    game = build(POINTS, (2,))
    batch = Batch(torch.zeros(4, 2))
    game.joint(batch, Rng(3, 5))
    z = torch.randn(4, 3, generator=Rng(3, 5)("latents"))
    with torch.no_grad():
        torch.testing.assert_close(batch.made["generator"], game.generated(z))  # type: ignore[operator]
