"""The minibatch deviation against a slow reference, and where a square root has no slope."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from poise.nets import dcgan, mlp, residual
from poise.nets.deviation import TINY, MinibatchDeviation

DISCRIMINATORS: dict[str, tuple[Callable[[int], nn.Module], tuple[int, ...]]] = {
    "dcgan": (lambda group: dcgan.Discriminator(28, 1, 4, group=group), (1, 28, 28)),
    "dcgan, one stage": (lambda group: dcgan.Discriminator(12, 3, 4, "spectral", group=group), (3, 12, 12)),
    "deep": (lambda group: dcgan.Discriminator(28, 1, 4, group=group, deep=True), (1, 28, 28)),
    "residual": (lambda group: residual.Discriminator(28, 1, 4, group), (1, 28, 28)),
    "mlp": (lambda group: mlp.Discriminator(2, 8, group), (2,)),
}


def slow(x: Tensor, group: int) -> list[float]:
    """The feature of each sample, by loops in float64."""
    found = []
    for start in range(0, len(x), group):
        rows = x[start : start + group].double().flatten(1).tolist()
        roots = []
        for column in zip(*rows, strict=True):
            mean = sum(column) / group
            roots.append((sum((value - mean) ** 2 for value in column) / group + TINY) ** 0.5)
        found += [sum(roots) / len(roots)] * group
    return found


@given(st.integers(1, 4), st.integers(1, 3), st.sampled_from([(3,), (2, 2, 3)]), st.integers(0, 99))
def test_it_is_the_mean_deviation_of_each_group(group: int, groups: int, shape: tuple[int, ...], seed: int) -> None:
    x = torch.randn(group * groups, *shape, generator=torch.Generator().manual_seed(seed))
    y = MinibatchDeviation(group)(x)
    assert y.shape == (len(x), shape[0] + 1, *shape[1:])
    assert torch.equal(y[:, :-1], x)
    expected = torch.tensor(slow(x, group)).view(-1, *[1] * (x.dim() - 1)).expand_as(y[:, -1:])
    torch.testing.assert_close(y[:, -1:], expected, rtol=1e-5, atol=1e-6)


def test_gradients_are_finite_where_samples_are_equal() -> None:
    x = torch.ones(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(MinibatchDeviation(4)(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(second).all()


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_sees_a_group_and_nothing_beyond(name: str) -> None:
    make, shape = DISCRIMINATORS[name]
    torch.manual_seed(0)
    network = make(4)
    x = torch.randn(8, *shape)
    scores = network(x)
    assert scores.shape == (8,)
    torch.testing.assert_close(network(x[:4]), scores[:4])
    other = x.clone()
    other[0] += 1
    changed = network(other)
    assert (changed[1:4] != scores[1:4]).all(), "the first of the group is seen in all of it"
    torch.testing.assert_close(changed[4:], scores[4:])
    plain = make(0)(x[:3])
    assert plain.shape == (3,)


def test_half_precision_is_kept_and_groups_must_be_full() -> None:
    layer: nn.Module = MinibatchDeviation(4)
    assert layer(torch.ones(4, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="groups of 4 samples, and 6"):
        layer(torch.ones(6, 2))
