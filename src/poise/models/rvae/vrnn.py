"""Variational recurrent network: the past of data and latents is one recurrent state.

    h_t = LSTM([x_{t−1}, z_{t−1}], h_{t−1})
    p(z_t | h_t)            p(x_t | z_t, h_t)            q(z_t | x_t, h_t)

The posterior knows the past and the present. As h_t depends on the latents drawn, the recurrent network is walked step
by step in training too; what x adds to it and to the posterior, and prior and likelihood, are computed for all steps at
once.

Source: Chung et al. 2015 (arXiv:1506.02216), without its networks that extract features.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from ...game import full_precision
from ...gaussian import reparameterize
from ...nets.mlp import mlp
from ...nets.recurrent import Lstm, remembered, shifted
from .parts import Emission, Head, Normal, Path, Reading, State, hush, normal


class VrnnModel(nn.Module):
    """p(x, z). The state is h_t and its cell, and the data held.

    Args:
        persistence: see `Emission`; its shape says how many outputs and inputs a step has.
        feature: see `Held`.
        latent: dimensions of z_t.
        width: units of networks and hidden layers.
        steps: the longest memory.
    """

    def __init__(self, persistence: Tensor, feature: Tensor | None, latent: int, width: int, steps: int) -> None:
        super().__init__()
        self.inputs, self.latent = persistence.shape[1], latent
        self.past = Lstm(self.inputs + latent, width, steps)
        self.transition = mlp(width, width, 2 * latent, layers=1)
        hush(self.transition[-1])
        self.emission = Emission(width, latent, width, persistence, feature)

    def begin(self, n: int) -> State:
        """Return h_1 = LSTM(0)."""
        nothing = self.past.input.weight.new_zeros(1, n, self.inputs + self.latent)
        return (*self.past(nothing)[1], nothing[0, :, : self.inputs])

    def prior(self, state: State) -> Normal:
        """Return p(z_t | h_t)."""
        return normal(self.transition(state[0]))

    def decode(self, state: State, z: Tensor) -> Tensor:
        """Return the outputs of p(x_t | z_t, h_t)."""
        outputs: Tensor = self.emission(self.emission.context(state[0]), z, state[-1])
        return outputs

    def advance(self, state: State, z: Tensor, seen: Tensor) -> State:
        """Return h_{t+1} from x_t and z_t."""
        held = self.emission.held(seen.unsqueeze(0), state[-1])[0]
        return (*self.past(torch.cat([seen, z], -1).unsqueeze(0), (state[0], state[1]))[1], held)


class Vrnn(nn.Module):
    """The model and its posterior; Args: as `VrnnModel`."""

    def __init__(self, persistence: Tensor, feature: Tensor | None, latent: int, width: int, steps: int) -> None:
        super().__init__()
        self.latent = latent
        self.model = VrnnModel(persistence, feature, latent, width, steps)
        self.inference = Head(persistence.shape[1], width, width, 2 * latent, quiet=True)

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        """Walk the recurrent network and the posterior; then the prior and the likelihood, at all steps at once."""
        model, width = self.model, self.model.past.width
        h, cell, known = map(full_precision, state or model.begin(eps.shape[1]))
        from_x, from_past = map(full_precision, (self.inference.context(reading.seen), self._gates(fed)))
        of_h, of_z, out, out_bias = self._weights()
        drawn = []
        for now, past, noise in zip(from_x.unbind(), from_past.unbind(), eps.unbind(), strict=True):
            gates, hidden = full_precision(linear(h, of_h)).split([4 * width, self.inference.out.in_features], -1)
            posterior = normal(linear(leaky_relu(now + hidden, 0.2), out, out_bias))
            z = reparameterize(*posterior, noise)
            drawn.append((z, *posterior, h))
            h, cell = remembered(past + gates + full_precision(linear(z, of_z)), cell)
        zs, mean, log_sd, hs = (torch.stack(values) for values in zip(*drawn, strict=True))
        held = model.emission.held(fed, known)
        outputs = model.emission(model.emission.context(hs), zs, shifted(held, known))
        return Path(zs, Normal(mean, log_sd), normal(model.transition(hs)), outputs, (h, cell, held[-1]))

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        """Return x_t."""
        return reading.seen

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        """Return q(z_t | x_t, h_t)."""
        return normal(self.inference(self.inference.context(evidence), state[0]))

    def _gates(self, fed: Tensor) -> Tensor:
        """Return what x_t adds to the gates of step t + 1."""
        past = self.model.past.input
        return linear(fed.to(past.weight), past.weight[:, : fed.shape[-1]], past.bias)

    def _weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what a step multiplies h by, for gates and the posterior's hidden layer, and z; and the last layer."""
        past, head = self.model.past, self.inference
        of_h = torch.cat([past.recurrent.weight, head.code.weight])
        return of_h, past.input.weight[:, -self.latent :].contiguous(), head.out.weight, head.out.bias
