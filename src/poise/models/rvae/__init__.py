"""Recurrent variational autoencoders."""

from collections.abc import Mapping

from torch import nn
from torch.nn.functional import pad

from ...config import RvaeConfig
from ...errors import PoiseError, suggestion
from ...losses import features
from ...losses.mixed import Mixed
from .facts import Facts
from .fast import Fast
from .game import Rvae, Terms
from .srnn import Srnn
from .vrnn import Vrnn

VARIANTS: Mapping[str, type[nn.Module]] = {"srnn": Srnn, "fast": Fast, "vrnn": Vrnn}
KINDS = ("gaussian", "student-t", "bernoulli", "categorical", "counts")
SCALED = ("gaussian", "student-t")  # the kinds of numbers that are standardized


def build(config: RvaeConfig, facts: Facts) -> Rvae:
    """Make the networks and distributions that fit series of these facts.

    Raises:
        PoiseError: the settings do not fit such data.
    """
    likelihood = _likelihood(config, facts)
    masks = len(facts.columns) if facts.gaps else 0  # which values were observed is read beside them
    persistence = pad(likelihood.persistence(), (0, masks))
    feature = likelihood.feature_of_inputs() if facts.gaps else None
    chain = VARIANTS[config.variant](persistence, feature, config.latent, config.width, facts.steps)
    return Rvae(chain, likelihood, facts, config)


def kinds_of(config: RvaeConfig, columns: tuple[str, ...]) -> list[str]:
    """Return the likelihood of each feature.

    Raises:
        PoiseError: --likelihood-of names no feature, or no likelihood.

    Example:
        >>> kinds_of(RvaeConfig(likelihood_of=("door=bernoulli",)), ("heat", "door"))
        ['gaussian', 'bernoulli']
    """
    kinds = dict.fromkeys(columns, str(config.likelihood))
    for word in config.likelihood_of:
        name, equals, kind = word.rpartition("=")
        if not equals:
            raise PoiseError(f"--likelihood-of {word} has no '='; write it as in: --likelihood-of door=bernoulli")
        if name not in kinds:
            raise PoiseError(f"--likelihood-of: no feature {name!r}; {suggestion(name, columns)}")
        if kind not in KINDS:
            raise PoiseError(f"--likelihood-of: no likelihood {kind!r}; {suggestion(kind, KINDS)}")
        kinds[name] = kind
    return list(kinds.values())


def _likelihood(config: RvaeConfig, facts: Facts) -> Mixed:
    kinds = kinds_of(config, facts.columns)
    parts: list[tuple[features.Features, list[int]]] = []
    plain: Mapping[str, type[features.Features]] = {
        "gaussian": features.Gaussian,
        "student-t": features.StudentT,
        "bernoulli": features.Bernoulli,
        "counts": features.Counts,
    }
    for kind, make in plain.items():
        if chosen := [i for i, given in enumerate(kinds) if given == kind]:
            parts.append((make(), chosen))
    for i, kind in enumerate(kinds):
        if kind == "categorical":
            if not facts.classes[i]:
                needs = "a categorical likelihood needs whole numbers from 0 on, below 1,000"
                raise PoiseError(f"{needs}, and feature {facts.columns[i]!r} has others; use --likelihood gaussian")
            parts.append((features.Categorical(facts.classes[i]), [i]))
    return Mixed(parts)


__all__ = ["SCALED", "Facts", "Rvae", "Terms", "build", "kinds_of"]
