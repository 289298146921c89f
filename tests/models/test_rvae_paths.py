"""Whole sequences at once against a slow loop over time, in float64; padding; pieces; one step; schedules."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.config import RvaeConfig
from poise.errors import PoiseError
from poise.game import Batch
from poise.gaussian import kl, log_density, reparameterize
from poise.models.rvae import Facts, Rvae, build, kinds_of
from poise.nets.recurrent import Lstm, remembered
from poise.rng import Rng

VARIANTS = ("srnn", "fast", "vrnn")
CONFIG = RvaeConfig(width=7, latent=3)


def game_of(variant: str, columns: int = 2, **facts: object) -> Rvae:
    torch.manual_seed(1)
    named = tuple(map(str, range(columns)))
    game = build(replace(CONFIG, variant=variant), Facts(named, 6, 6.0, **facts))  # type: ignore[arg-type]
    return game.double()


def slow(game: Rvae, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log p(x_t|·), KL [n, T] and the last latents, one sequence and one step of time after the other."""
    log_p, cost, last = [], [], []
    for row, noise in zip(x, eps.transpose(0, 1), strict=True):
        reading = game.reading(row.unsqueeze(0))
        evidence, state = game.chain.evidence(reading), game.model.begin(1)
        for t in range(len(row)):
            prior = game.model.prior(state)
            posterior = game.chain.posterior(state, prior, evidence[t])
            z = reparameterize(*posterior, noise[t])
            outputs = game.model.decode(state, z)
            log_p.append(game.likelihood.log_prob(reading.x[t], outputs, reading.observed[t]))
            cost.append(kl(*posterior, *prior).sum(-1))
            state = game.model.advance(state, z, reading.seen[t])
        last.append(z)
    shape = x.shape[:2]
    return torch.stack(log_p).view(shape), torch.stack(cost).view(shape), torch.cat(last)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_paths_equal_a_loop_over_time_in_values_and_gradients(variant: str, gaps: bool) -> None:
    game = game_of(variant, gaps=gaps)
    x, eps = torch.randn(4, 6, 2).double(), torch.randn(6, 4, 3).double()
    if gaps:
        x[torch.rand(x.shape) < 0.4] = float("nan")
    found: list[list[Tensor]] = []
    for whole in (True, False):
        game.zero_grad()
        if whole:
            terms = game.terms(game.reading(x), eps)
            log_p, cost, z = terms.log_likelihood.T, terms.kl.sum(-1).T, terms.path.z[-1]
        else:
            log_p, cost, z = slow(game, x, eps)
        (log_p - cost).sum().backward()
        gradients = [p.grad for p in game.parameters() if p.grad is not None]
        assert len(gradients) == len(list(game.parameters()))
        found.append([log_p.detach(), cost.detach(), z.detach(), *gradients])
    for fast, plain in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)


def test_a_step_of_the_lstm_equals_the_fused_network_and_torch() -> None:
    lstm, x = Lstm(3, 5).double(), torch.randn(4, 2, 3).double()
    peer = torch.nn.LSTM(3, 5).double()
    weights = {"weight_ih_l0": lstm.input.weight, "weight_hh_l0": lstm.recurrent.weight}
    peer.load_state_dict({**weights, "bias_ih_l0": lstm.input.bias, "bias_hh_l0": torch.zeros(20)})
    h = cell = torch.zeros(2, 5).double()
    for t, now in enumerate(x):
        h, cell = remembered(lstm.input(now) + lstm.recurrent(h), cell)
        torch.testing.assert_close(lstm(x)[0][t], h)
    torch.testing.assert_close(lstm(x)[0], peer(x)[0])


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_a_batch_of_unequal_lengths_equals_its_sequences_one_by_one(
    variant: str, lengths: list[int], seed: int
) -> None:
    torch.manual_seed(seed)
    game = game_of(variant)
    x, eps = torch.randn(len(lengths), 6, 2).double(), torch.randn(6, len(lengths), 3).double()
    together = game.terms(game.reading(x, torch.tensor(lengths)), eps)
    for i, length in enumerate(lengths):
        alone = game.terms(game.reading(x[i : i + 1, :length]), eps[:length, i : i + 1])
        torch.testing.assert_close(together.bound()[i], alone.bound()[0])
        torch.testing.assert_close(together.log_weights()[i], alone.log_weights()[0])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_what_padding_holds_is_not_seen(variant: str, garbage: float) -> None:
    game = game_of(variant)
    x, lengths = torch.randn(3, 6, 2).double(), torch.tensor([6, 2, 4])
    spoiled = x.clone()
    for row, length in zip(spoiled, lengths, strict=True):
        row[length:] = garbage
    found = []
    for values in (x, spoiled):
        game.zero_grad()
        loss = game.loss("rvae", Batch(values, lengths=lengths), Rng(0))
        loss.total.backward()
        found.append([loss.total.detach(), *(p.grad.clone() for p in game.parameters() if p.grad is not None)])
    for clean, other in zip(*found, strict=True):
        assert torch.equal(clean, other)


@pytest.mark.parametrize("variant", VARIANTS)
def test_missing_values_are_left_out_of_the_likelihood(variant: str) -> None:
    game = game_of(variant, gaps=True)
    x = torch.randn(2, 6, 2).double()
    x[0, 2, 1] = x[1, 0] = float("nan")
    reading, eps = game.reading(x), torch.randn(6, 2, 3).double()
    terms = game.terms(reading, eps)
    every = game.likelihood.log_prob(reading.x, terms.path.outputs, torch.ones_like(reading.observed))
    missing = game.likelihood.log_prob(reading.x, terms.path.outputs, ~reading.observed)
    torch.testing.assert_close(terms.log_likelihood, every - missing)
    assert terms.log_likelihood[0, 1] == 0  # nothing was observed there
    terms.bound().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in game.parameters() if p.grad is not None)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_step_is_a_variational_autoencoder(variant: str) -> None:
    game = game_of(variant)
    x, eps = torch.randn(5, 1, 2).double(), torch.randn(1, 5, 3).double()
    terms = game.terms(game.reading(x), eps)
    prior, posterior, outputs = terms.path.prior, terms.path.posterior, terms.path.outputs
    mean, free = outputs[0].chunk(2, -1)
    for part in prior:  # before any data there is one prior for all
        torch.testing.assert_close(part[0, 0].expand_as(part[0]), part[0])
    log_sd = torch.logaddexp(2 * 10 * torch.tanh(free / 10), torch.full_like(free, 2 * -6.907755278982137)) / 2
    elbo = log_density(x[:, 0], mean, log_sd).sum(-1) - kl(*posterior, *prior)[0].sum(-1)
    torch.testing.assert_close(terms.bound(), elbo)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_last_observed_is_the_mean_of_the_next_value(variant: str) -> None:
    game = game_of(variant, gaps=True)
    nan = float("nan")
    x = torch.tensor([[[100.0, nan], [nan, nan], [nan, 200.0], [nan, nan]]]).double()
    reading = game.reading(x)
    with torch.no_grad():
        outputs = game.terms(reading, torch.zeros(4, 1, 3).double()).path.outputs
    expected = torch.tensor([[0.0, 0.0], [100.0, 0.0], [100.0, 0.0], [100.0, 200.0]])
    assert (game.likelihood.mean(outputs)[:, 0] - expected).abs().max() < 5  # what untrained networks add


@pytest.mark.parametrize("variant", ["srnn", "vrnn"])
def test_pieces_that_carry_their_state_make_a_whole(variant: str) -> None:
    """But for the posterior's look ahead, which ends with a piece; so the model is scored at the same latents."""
    game = game_of(variant)
    x, eps = torch.randn(3, 6, 2).double(), torch.randn(6, 3, 3).double()
    first = game.terms(game.reading(x[:, :4]), eps[:4])
    second = game.terms(game.reading(x[:, 4:]), eps[4:], first.path.state)
    z, state = torch.cat([first.path.z, second.path.z]), game.model.begin(3)
    for t in range(6):
        part, at = (first, t) if t < 4 else (second, t - 4)
        torch.testing.assert_close(part.path.prior.mean[at], game.model.prior(state).mean)
        torch.testing.assert_close(part.path.outputs[at], game.model.decode(state, z[t]))
        state = game.model.advance(state, z[t], game.reading(x).seen[t])
    for carried, walked in zip(second.path.state, state, strict=True):
        torch.testing.assert_close(carried, walked)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_carried_batch_goes_on_or_begins_row_by_row(variant: str) -> None:
    game = game_of(variant, carried=2)
    x = torch.randn(2, 3, 2).double()
    game.loss("rvae", Batch(x, goes_on=torch.tensor([False, False])), Rng(0, 1))
    kept = game.state_dict()
    mixed = game.loss("rvae", Batch(x, goes_on=torch.tensor([True, False])), Rng(0, 2)).total
    again = game.loss("rvae", Batch(x, goes_on=torch.tensor([True, False])), Rng(0, 2)).total
    assert mixed == again  # a rule may play a step twice
    other = game_of(variant, carried=2)
    other.load_state_dict(kept)
    assert other.loss("rvae", Batch(x, goes_on=torch.tensor([True, False])), Rng(0, 2)).total == mixed
    assert game.loss("rvae", Batch(x, goes_on=torch.tensor([False, False])), Rng(0, 2)).total != mixed


def test_scheduled_sampling_feeds_back_outputs_as_training_goes_on() -> None:
    game = build(replace(CONFIG, scheduled=0.5), Facts(("a",), 6, 6.0))
    batch = Batch(torch.randn(8, 6, 1))
    game.progress = 0.0
    early = game.loss("rvae", batch, Rng(0)).total
    plain = build(CONFIG, Facts(("a",), 6, 6.0))
    plain.load_state_dict(game.state_dict())
    assert plain.loss("rvae", batch, Rng(0)).total == early
    game.progress = 1.0
    assert game.loss("rvae", batch, Rng(0)).total != early
    assert game.eval().loss("rvae", batch, Rng(0)).total == early  # held-out data are read as they are


def test_free_bits_cost_nothing_below_their_floor() -> None:
    facts, batch = Facts(("a",), 6, 6.0), Batch(torch.randn(8, 6, 1))
    plain = build(CONFIG, facts)
    loss = plain.loss("rvae", batch, Rng(0))
    free = build(replace(CONFIG, free_bits=5.0), facts)
    free.load_state_dict(plain.state_dict())
    total = free.loss("rvae", batch, Rng(0)).total
    torch.testing.assert_close(total, loss.parts["reconstruction"] + 3 * 5.0)  # no dimension comes near five nats


def test_mixed_features_have_their_own_kinds() -> None:
    columns = ("heat", "door", "visits", "day")
    named = ("door=bernoulli", "visits=counts", "day=categorical")
    config = replace(CONFIG, likelihood_of=named)
    assert kinds_of(config, columns) == ["gaussian", "bernoulli", "counts", "categorical"]
    game = build(config, Facts(columns, 5, 5.0, classes=(0, 2, 9, 7)))
    x = game.sample(50, Rng(0))
    assert x.shape == (50, 5, 4)
    assert set(x[..., 1].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(x[..., 2], x[..., 2].round())
    assert set(x[..., 3].unique().tolist()) == set(map(float, range(7)))
    game.check(x)
    assert torch.isfinite(game.loss("rvae", Batch(x), Rng(0)).total)
    x[3, 2, 1] = 0.5
    with pytest.raises(PoiseError, match=r"feature 'door' holds 0\.5; use --likelihood gaussian"):
        game.check(x)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("door", "has no '='"),
        ("dor=bernoulli", "no feature 'dor'; did you mean"),
        ("door=bernouli", "no likelihood 'bernouli'; did you mean"),
    ],
)
def test_a_mistyped_likelihood_is_told_in_one_line(word: str, said: str) -> None:
    with pytest.raises(PoiseError, match=said):
        kinds_of(replace(CONFIG, likelihood_of=(word,)), ("heat", "door"))


def test_categorical_needs_whole_numbers() -> None:
    with pytest.raises(PoiseError, match="feature 'a' has others"):
        build(replace(CONFIG, likelihood="categorical"), Facts(("a",), 5, 5.0, classes=(0,)))
