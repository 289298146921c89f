"""Stochastic recurrent network: a chain of latents beside a recurrent network over the data.

    d_t = LSTM(x_{t−1}, d_{t−1})           a_t = LSTM([d_t, x_t], a_{t+1}), backwards
    p(z_t | z_{t−1}, d_t)                  p(x_t | z_t, d_t)
    q(z_t | z_{t−1}, a_t, x_t):  μ_q = μ_p + Δ(z_{t−1}, a_t, x_t)

All but the chain z_1, z_2, ... is computed for all steps at once. In the chain, a step is two products of matrices.

Source: Fraccaro et al. 2016 (arXiv:1605.07571), with LSTM cells, and x_t told to the posterior itself besides: what has
to come through a recurrent network's gates is learned late, and by then the latents may have been given up.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from ...game import full_precision
from ...gaussian import bounded, reparameterize
from ...nets.recurrent import Lstm, backwards, shifted
from .parts import Emission, Head, Normal, Path, Reading, State, normal


class SrnnModel(nn.Module):
    """p(x, z). The state is z_{t−1}, the network over the data: d_t and its cell, and the data held.

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
        self.past = Lstm(self.inputs, width, steps)
        self.transition = Head(width, latent, width, 2 * latent, quiet=True)
        self.emission = Emission(width, latent, width, persistence, feature)

    def begin(self, n: int) -> State:
        """Return z_0 = 0 and d_1 = LSTM(0)."""
        nothing = self.transition.code.weight.new_zeros(1, n, self.inputs)
        return (nothing.new_zeros(n, self.latent), *self.past(nothing)[1], nothing[0])

    def prior(self, state: State) -> Normal:
        """Return p(z_t | z_{t−1}, d_t)."""
        z, d, *_ = state
        return normal(self.transition(self.transition.context(d), z))

    def decode(self, state: State, z: Tensor) -> Tensor:
        """Return the outputs of p(x_t | z_t, d_t)."""
        outputs: Tensor = self.emission(self.emission.context(state[1]), z, state[-1])
        return outputs

    def advance(self, state: State, z: Tensor, seen: Tensor) -> State:
        """Return z_t, and d_{t+1} from x_t."""
        held = self.emission.held(seen.unsqueeze(0), state[-1])[0]
        return (z, *self.past(seen.unsqueeze(0), (state[1], state[2]))[1], held)


class Srnn(nn.Module):
    """The model and its posterior; Args: as `SrnnModel`."""

    def __init__(self, persistence: Tensor, feature: Tensor | None, latent: int, width: int, steps: int) -> None:
        super().__init__()
        self.latent, inputs = latent, persistence.shape[1]
        self.model = SrnnModel(persistence, feature, latent, width, steps)
        self.future = Lstm(width + inputs, width, steps)
        self.correction = Head(width + inputs, latent, width, 2 * latent, quiet=True)

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        """Draw the chain; then its prior and the likelihood, at all steps at once."""
        model = self.model
        before, first, cell, known = state or model.begin(eps.shape[1])
        d, last = model.past(fed, (first, cell))
        d = shifted(d, first)
        a = self._future(d, reading)
        from_d = model.transition.context(d)
        z, posterior = self._chain(from_d, self.correction.context(a), eps, full_precision(before))
        prior = normal(model.transition(from_d, shifted(z, before)))
        held = model.emission.held(fed, known)
        outputs = model.emission(model.emission.context(d), z, shifted(held, known))
        return Path(z, posterior, prior, outputs, (z[-1], *last, held[-1]))

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        """Return a_t and x_t."""
        _, first, cell, _ = state or self.model.begin(reading.seen.shape[1])
        return self._future(shifted(self.model.past(reading.seen, (first, cell))[0], first), reading)

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        """Return q(z_t | z_{t−1}, a_t, x_t)."""
        shift, log_sd = normal(self.correction(self.correction.context(evidence), state[0]))
        return Normal(prior.mean + shift, log_sd)

    def _future(self, d: Tensor, reading: Reading) -> Tensor:
        seen = reading.seen.to(d)
        return torch.cat([backwards(self.future, torch.cat([d, seen], -1), reading.lengths), seen], -1)

    def _chain(self, from_d: Tensor, from_a: Tensor, eps: Tensor, z: Tensor) -> tuple[Tensor, Normal]:
        """Draw z_t ~ q(z_t | z_{t−1}, a_t, x_t) one after the other.

        The hidden layers of transition and correction are one layer here.
        """
        transition, correction, latent = self.model.transition, self.correction, self.latent
        code = torch.cat([transition.code.weight, correction.code.weight])
        to_mean, mean_bias = transition.out.weight[:latent], transition.out.bias[:latent]
        context = full_precision(torch.cat([from_d, from_a], -1))
        drawn = []  # unbind, not context[t]: whose gradient is a whole
        for now, noise in zip(context.unbind(), eps.unbind(), strict=True):
            of_d, of_a = leaky_relu(now + full_precision(linear(z, code)), 0.2).chunk(2, -1)
            shift, log_sd = normal(correction.out(of_a))
            mean = bounded(full_precision(linear(of_d, to_mean, mean_bias))) + shift
            z = reparameterize(mean, log_sd, noise)
            drawn.append((z, mean, log_sd))
        zs, mean, log_sd = (torch.stack(values) for values in zip(*drawn, strict=True))
        return zs, Normal(mean, log_sd)
