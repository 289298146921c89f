"""A posterior that is parallel over time, for the model of `vrnn`.

    h_t = LSTM([x_{t−1}, z_{t−1}], h_{t−1})         p(z_t | h_t)           p(x_t | z_t, h_t)
    q(z_t | x_1 ... x_T) from x_t and LSTMs that read x forwards and backwards

Latents are drawn for all steps at once, given all of the data; so no loop over steps is left but those within the fused
kernels. The price: given the data, the posterior's latents do not depend on one another.
"""

import torch
from torch import Tensor, nn

from ...gaussian import reparameterize
from ...nets.mlp import mlp
from ...nets.recurrent import Lstm, backwards, shifted
from .parts import Normal, Path, Reading, State, hush, normal
from .vrnn import VrnnModel


class Fast(nn.Module):
    """The model and its posterior; Args: as `VrnnModel`."""

    def __init__(self, persistence: Tensor, feature: Tensor | None, latent: int, width: int, steps: int) -> None:
        super().__init__()
        self.latent, inputs = latent, persistence.shape[1]
        self.model = VrnnModel(persistence, feature, latent, width, steps)
        self.forth, self.back = Lstm(inputs, width // 2, steps), Lstm(inputs, width // 2, steps)
        self.inference = mlp(width // 2 * 2 + inputs, width, 2 * latent, layers=1)
        hush(self.inference[-1])

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        """Draw all latents; then run the model over them."""
        posterior = normal(self.inference(self.evidence(reading)))
        z = reparameterize(*posterior, eps)
        model = self.model
        first, cell, known = state or model.begin(eps.shape[1])
        h, last = model.past(torch.cat([fed, z.to(fed)], -1), (first, cell))
        h = shifted(h, first)
        held = model.emission.held(fed, known)
        outputs = model.emission(model.emission.context(h), z, shifted(held, known))
        return Path(z, posterior, normal(model.transition(h)), outputs, (*last, held[-1]))

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        """Return x_t and the states of both networks over the data."""
        forth, back = self.forth(reading.seen)[0], backwards(self.back, reading.seen, reading.lengths)
        return torch.cat([forth, back, reading.seen.to(forth)], -1)

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        """Return q(z_t | x)."""
        return normal(self.inference(evidence))
