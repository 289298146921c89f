"""Gradient penalties: what keeps a discriminator smooth.

All are functions of the scores D(x) and of the very x they were computed from, so that one forward pass
serves the loss and the penalty. x is float32, and so are the norms, whatever the networks compute in.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def squared_gradient_norm(scores: Tensor, x: Tensor) -> Tensor:
    """Return ‖∇ₓD(x)‖² for each sample, differentiable once more.

    Args:
        scores: D(x), shape [n].
        x: shape [n, ...], requires grad.

    Returns:
        shape [n], in x's precision.

    Example:
        >>> x = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> squared_gradient_norm((x**2).sum(1) / 2, x)
        tensor([25.], grad_fn=<SumBackward1>)
    """
    # samples do not mix in D (but for statistics of a batch or a group), so that the gradient of the sum holds every
    # sample's own gradient
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def zero_centered(scores: Tensor, x: Tensor) -> Tensor:
    """½ E‖∇ₓD(x)‖²: R1 when x is real, R2 when x is generated (without its weight γ).

    Args:
        scores: D(x), shape [n].
        x: shape [n, ...], requires grad; what D was given, augmented and packed if it was.

    Returns:
        A scalar, differentiable in D's weights.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), eq. 9 and 10.

    Example:
        >>> x = torch.tensor([[3.0, 4.0]], requires_grad=True)
        >>> zero_centered((x**2).sum(1) / 2, x).item()
        12.5
    """
    return squared_gradient_norm(scores, x).mean() / 2


def one_centered(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, generator: torch.Generator
) -> Tensor:
    """E(‖∇D(x̂)‖ − 1)² at points x̂ drawn evenly on the lines between real and fake samples (WGAN-GP).

    Args:
        discriminator: D, from [n, ...] to scores [n].
        real: shape [n, ...].
        fake: shape [n, ...].
        generator: draws the points.

    Returns:
        A scalar, differentiable in D's weights.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), eq. 3 (there with weight λ = 10).

    Example:
        >>> steep = lambda x: 3 * x.squeeze(1)
        >>> one_centered(steep, torch.ones(2, 1), torch.zeros(2, 1), torch.Generator()).item()
        4.0
    """
    mix = torch.rand(len(real), *[1] * (real.dim() - 1), generator=generator, device=real.device).to(real.dtype)
    between = torch.lerp(real.detach(), fake.detach(), mix).requires_grad_()  # points count as data
    norm = (squared_gradient_norm(discriminator(between), between) + 1e-12).sqrt()  # √ has no slope at 0
    return (norm - 1).square().mean()


PENALTIES = {
    "r1": "½ E‖∇D(x)‖² on real samples (Mescheder et al. 2018)",
    "r2": "½ E‖∇D(G(z))‖² on generated samples (Mescheder et al. 2018)",
    "wgan-gp": "E(‖∇D(x̂)‖ − 1)² between real and generated samples (Gulrajani et al. 2017)",
}
