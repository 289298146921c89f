"""Settings of each kind of game."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from tyro.conf import FlagCreatePairsOff

from .player import PlayerConfig

Penalty = Literal["r1", "r2", "wgan-gp"]


@dataclass(frozen=True)
class GanConfig:
    """A generative adversarial network: two players, generator and discriminator."""

    network: Literal["dcgan", "deep", "residual", "mlp"] = "dcgan"
    """Networks of both players (deep: dcgan with more of the work on small maps; mlp: for points in the plane)."""
    width: int = 32
    """Channels at full resolution (mlp: hidden units); everything else is a multiple of it."""
    latent: int = 64
    """Dimensions of the noise a sample is made from."""
    norm: Literal["none", "batch", "spectral"] = "none"
    """Normalization in the discriminator."""
    score_scale: float = 1.0
    """Factor on the discriminator's scores; above 1 it lets a spectrally normalized one be surer of itself."""
    loss: Literal["non-saturating", "minimax", "hinge", "wasserstein", "relativistic"] = "non-saturating"
    """What the two players minimize."""
    real_weight: float = 1.0
    """Weight of the discriminator's term on real samples."""
    penalties: tuple[Penalty, ...] = ()
    """Gradient penalties on the discriminator, added up."""
    gamma: float | None = None
    """Weight of the penalties at the start (None: found from the size of the samples and the batch)."""
    gamma_end: float | None = None
    """Weight of the penalties at the end, reached along half a cosine (None: constant)."""
    discriminator_steps: int = 1
    """Steps of the discriminator, each on a new batch, for each step of the generator."""
    packing: int = 1
    """Samples that the discriminator judges at once, side by side as channels (PacGAN)."""
    minibatch_deviation: Annotated[bool, FlagCreatePairsOff] = False
    """Tell the discriminator's last layer how much the samples of a group of four differ."""
    augment: float = 0.0
    """Augment all that the discriminator sees, as strongly as ADA's controller finds right: at this value it holds the
    mean sign of real samples' scores; .6 as published (0: no augmentation)."""
    generator: PlayerConfig = field(default_factory=PlayerConfig)
    discriminator: PlayerConfig = field(default_factory=PlayerConfig)

    PLAYERS: ClassVar = ("discriminator", "generator")
    GROUP: ClassVar = 4  # samples, or packs of them, that a minibatch deviation is of

    @property
    def together(self) -> int:
        """Samples that the discriminator must be given a multiple of."""
        return self.packing * (self.GROUP if self.minibatch_deviation else 1)

    @property
    def turns(self) -> dict[str, int]:
        """Steps each player of the game takes in a turn of the alternating rule."""
        return {"discriminator": self.discriminator_steps, "generator": 1}


@dataclass(frozen=True)
class VaeConfig:
    """A variational autoencoder: one player, `vae`, of encoder, decoder, prior and likelihood."""

    network: Literal["mlp", "conv", "residual", "deepobs"] = "conv"
    """Networks of encoder and decoder (mlp: one hidden layer, for points and tables too; deepobs: the benchmark's)."""
    width: int = 32
    """Channels at full resolution (mlp: hidden units); everything else is a multiple of it."""
    latent: int = 16
    """Dimensions of the code."""
    conditional: bool = False
    """Tell encoder and decoder each sample's class, so that samples of one class can be asked for."""
    likelihood: Literal["bernoulli", "gaussian", "logistic"] = "gaussian"
    """Distribution of a value given the code (logistic: 256 gray levels)."""
    deviation: Literal["fixed", "learned", "optimal"] = "optimal"
    """Standard deviation of a gaussian likelihood, one for all values."""
    sigma: float = 1.0
    """The fixed standard deviation."""
    prior: Literal["normal", "mixture", "vamp"] = "normal"
    """Distribution of codes (vamp: the posterior's own, at learned inputs)."""
    components: int = 100
    """Components of a mixture or vamp prior."""
    objective: Literal["elbo", "stl", "iwae", "dreg"] = "elbo"
    """The bound that is maximized, and the estimator of its gradient."""
    samples: int = 1
    """Codes drawn for each sample of the data."""
    beta: float = 1.0
    """Weight of the divergence; other than 1 it is no bound."""
    schedule: Literal["linear", "cyclical"] = "linear"
    """How the divergence's weight rises: once, or in four cycles."""
    warm_up: float = 0.0
    """Linear: the share of the training in which it rises."""
    free_bits: float = 0.0
    """Nats of each dimension of the code that cost nothing."""
    tolerance: float | None = None
    """Mean squared error of a value that is good enough: the weight of the reconstruction is then found (GECO)."""
    aggressive: float = 0.0
    """The share of the training, from its start, in which the encoder takes several steps for each of the decoder."""
    encoder_steps: int = 5
    """How many, each on a new batch."""
    vae: PlayerConfig = field(default_factory=PlayerConfig)

    PLAYERS: ClassVar = ("vae",)

    @property
    def turns(self) -> dict[str, int]:
        """Steps each player of the game takes in a turn; two players, if the encoder is to take more."""
        return {"vae.encoder": self.encoder_steps, "vae.decoder": 1} if self.aggressive else {"vae": 1}


Values = Literal["gaussian", "student-t", "bernoulli", "categorical", "counts"]


@dataclass(frozen=True)
class RvaeConfig:
    """A recurrent variational autoencoder for series: one player, `rvae`."""

    variant: Literal["srnn", "fast", "vrnn"] = "srnn"
    """How latents depend on one another and on the data."""
    width: int = 256
    """Units of every recurrent network and hidden layer."""
    latent: int = 64
    """Dimensions of the latent variable of one step."""
    likelihood: Values = "gaussian"
    """Distribution of a value at one step."""
    likelihood_of: tuple[str, ...] = ()
    """Features with another likelihood, as in: --likelihood-of door=bernoulli visits=counts."""
    beta: float = 1.0
    """Weight of the divergence; other than 1 it is no bound."""
    schedule: Literal["linear", "cyclical"] = "linear"
    """How the divergence's weight rises: once, or in four cycles."""
    warm_up: float = 0.0
    """Linear: the share of the training in which it rises."""
    free_bits: float = 0.0
    """Nats a step of each latent dimension that cost nothing."""
    scheduled: float = 0.0
    """Scheduled sampling: the share of steps, at the end, at which the model reads its own output as the past."""
    rvae: PlayerConfig = field(default_factory=PlayerConfig)

    PLAYERS: ClassVar = ("rvae",)

    @property
    def turns(self) -> dict[str, int]:
        """Steps the player takes in a turn."""
        return {"rvae": 1}


ModelConfig = GanConfig | VaeConfig | RvaeConfig
