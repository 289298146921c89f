"""How much the samples of a group differ, told to a discriminator."""

import torch
from torch import Tensor, nn

TINY = 1e-8  # under the root, which has no slope at 0


class MinibatchDeviation(nn.Module):
    """Add a feature that is the same for every sample of a group: how much the group's features differ.

        σ_j² = (1/g) Σ_i (x_ij − x̄_j)² + 10⁻⁸,   feature = mean_j σ_j,   g consecutive samples i, all features j

    A generator whose samples are alike gives itself away. Groups have a fixed size, so that the feature does not
    depend on how many samples are scored together.

    Args:
        group: g.

    Returns:
        (forward) x [n, c, ...] with one more channel, [n, c + 1, ...].

    Raises:
        ValueError: (forward) n is no multiple of g.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 3.

    Example:
        >>> MinibatchDeviation(group=2)(torch.tensor([[0.0], [2.0], [5.0], [5.0]]))
        tensor([[0.0000e+00, 1.0000e+00],
                [2.0000e+00, 1.0000e+00],
                [5.0000e+00, 1.0000e-04],
                [5.0000e+00, 1.0000e-04]])
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Return x with the feature beside it."""
        if len(x) % self.group:
            raise ValueError(
                f"a minibatch deviation is of groups of {self.group} samples, and {len(x)} do not fill them"
            )
        exact = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        deviation = (exact.unflatten(0, (-1, self.group)).var(1, unbiased=False) + TINY).sqrt()
        each = deviation.flatten(1).mean(1).repeat_interleave(self.group).to(x.dtype)
        plane = each.view(-1, *[1] * (x.dim() - 1)).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, plane], 1)
