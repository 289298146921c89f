"""Elementwise optimizers that torch already has, for a player's one flat vector.

Zero its gradient in place (`flat.gradient.zero_()`): torch's `zero_grad()` would cut the vector off from it.
"""

from collections.abc import Callable

import torch

from .base import Params

Betas = tuple[float, float]


def nadam(
    params: Params, lr: float = 2e-3, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """NAdam (Dozat 2016): Adam with Nesterov's momentum; torch's own.

    Source: Dozat 2016, Incorporating Nesterov Momentum into Adam, algorithm 2; torch.optim.NAdam.
    """
    return torch.optim.NAdam(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=False)


def adagrad(params: Params, lr: float = 1e-2, eps: float = 1e-10, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Adagrad (Duchi et al. 2011): the gradient divided by the root of the sum of its squares; torch's own.

    Source: Duchi, Hazan & Singer 2011, JMLR 12, with diagonal matrices; torch.optim.Adagrad.
    """
    return torch.optim.Adagrad(params, lr=lr, eps=eps, weight_decay=weight_decay, foreach=False)


def adadelta(params: Params, lr: float = 1.0, eps: float = 1e-6, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Adadelta (Zeiler 2012): RMSprop times the root mean square of its own steps; torch's own.

    Source: arXiv:1212.5701, algorithm 1; torch.optim.Adadelta.
    """
    return torch.optim.Adadelta(params, lr=lr, eps=eps, weight_decay=weight_decay, foreach=False)


def adamax(
    params: Params, lr: float = 2e-3, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Adamax (Kingma & Ba 2015): Adam with a decaying maximum in place of the root mean square; torch's own.

    Source: arXiv:1412.6980, algorithm 2; torch.optim.Adamax.
    """
    return torch.optim.Adamax(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=False)


def asgd(params: Params, lr: float = 1e-2, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Averaged SGD (Polyak & Juditsky 1992): SGD with slowly falling steps, averaging aside; torch's own.

    Source: Polyak & Juditsky 1992; torch.optim.ASGD, which keeps the average in its state "ax".
    """
    return torch.optim.ASGD(params, lr=lr, weight_decay=weight_decay, foreach=False)


def rprop(params: Params, lr: float = 1e-2) -> torch.optim.Optimizer:
    """Rprop (Riedmiller & Braun 1993): full-batch steps that grow while signs stay; torch's own.

    Source: Riedmiller & Braun 1993; torch.optim.Rprop.
    """
    return torch.optim.Rprop(params, lr=lr, foreach=False)


TORCH: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "nadam": nadam,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "adamax": adamax,
    "asgd": asgd,
    "rprop": rprop,
}
