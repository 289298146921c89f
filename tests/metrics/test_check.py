"""Features that no metric can use are named, and what is wrong with them."""

import pytest
import torch

from poise.metrics.check import check_features, check_pair


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.zeros(3), r"must be a matrix \[n, d\] with d ≥ 1, not \[3\]"),
        (torch.zeros(3, 0), r"not \[3, 0\]"),
        (torch.zeros(3, 2), "at least 4 samples, not 3"),
        (torch.zeros(5, 2, dtype=torch.long), r"floating-point numbers, not torch.int64; convert them with .float\(\)"),
        (torch.tensor([[1.0, torch.nan]] * 5), "NaN or infinite"),
        (torch.tensor([[1.0, torch.inf]] * 5), "NaN or infinite"),
        (torch.tensor([[1.0, -torch.inf]] * 5), "NaN or infinite"),
    ],
)
def test_features(features: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_features(features, 4)


def test_pairs() -> None:
    good = torch.zeros(5, 2)
    check_pair(good, good.double(), 5)
    with pytest.raises(ValueError, match=r"of one judge, not \[5, 2\] and \[5, 3\]"):
        check_pair(good, torch.zeros(5, 3), 2)
    with pytest.raises(ValueError, match="generated features must be at least 5 samples, not 4"):
        check_pair(good, good[:4], 5)
    with pytest.raises(ValueError, match="real features hold NaN"):
        check_pair(good / 0, good, 5)
