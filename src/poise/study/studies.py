"""Ready studies: named functions of the data and a size that return a `Study`."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Literal

from ..data.names import kind_of
from ..errors import PoiseError, suggestion
from .design import Arm, Budget, Study

Size = Literal["small", "full"]
Make = Callable[[tuple[str, ...], Size], Study]

EXTRA, LOOK = {"rule": "extragradient"}, {"rule": "lookahead"}


def gan_optimizers(data: tuple[str, ...], size: Size) -> Study:
    """Which optimizer for both players of a GAN? Textbook Adam, Adam, and the methods made for games.

    The recipe's Adam has β₁ = 0, with which the textbook's form is RMSprop: that is no arm of its own.
    """
    arms = {
        "sgd": {"optimizer": "sgd"},
        "textbook-adam": {"optimizer": "textbook-adam"},
        "adam": {"optimizer": "adam"},
        "optimistic-adam": {"optimizer": "optimistic-adam"},
        "extragradient-adam": {"optimizer": "adam", **EXTRA},
        "lookahead-adam": {"optimizer": "adam", **LOOK},
        "lion": {"optimizer": "lion"},
        "muon": {"optimizer": "muon"},
        "schedule-free": {"optimizer": "schedule-free"},
    }
    return _gan("gan-optimizers", data, size, _arms("gan", arms))


def gan_rules(data: tuple[str, ...], size: Size) -> Study:
    """Who should move when? The recipe's own optimizers under each rule that any network can play."""
    rules = ("simultaneous", "alternating", "extragradient", "past-extragradient", "lookahead")
    return _gan("gan-rules", data, size, _arms("gan", {rule: {"rule": rule} for rule in rules}))


def vae_optimizers(data: tuple[str, ...], size: Size) -> Study:
    """Which optimizer for a VAE, by the bound on held-out data?"""
    names = ("sgd", "textbook-adam", "adam", "adamw", "lion", "muon", "schedule-free")
    budget = Budget("gradients", 400 if size == "small" else 10_000)
    return _study(
        "vae-optimizers", data, size, _arms("vae", {name: {"optimizer": name} for name in names}), budget, "bound"
    )


def rvae_optimizers(data: tuple[str, ...], size: Size) -> Study:
    """Which optimizer for a recurrent VAE, by the bound in nats a step of held-out series?"""
    names = ("sgd", "textbook-adam", "adam", "adamw", "lion", "muon", "schedule-free")
    small: dict[str, Any] = {"width": 64, "latent": 8} if size == "small" else {}
    arms = _arms("rvae", {name: {"optimizer": name, **small} for name in names})
    return _study("rvae-optimizers", data, size, arms, Budget("gradients", 300 if size == "small" else 6_000), "bound")


def gd_sgd_adam(data: tuple[str, ...], size: Size) -> Study:
    """The textbook's question: descent on all of the data, on minibatches, or by Adam, at equal gradients?

    A gradient of all of the data costs as many evaluations as it has batches.
    """
    names = ("gradient-descent", "sgd", "textbook-adam", "adam")
    plain = {"clip": "none"}  # a limit on gradients would help the plain ones, and is not what is asked about
    recipe, player = ("gan", None) if _kind(data) == "points" else ("vae-mlp", "vae")
    arms = {name: {"optimizer": name, **({player: plain} if player else {})} for name in names}
    score = "coverage" if recipe == "gan" else "bound"
    budget = Budget("gradients", 4_000 if size == "small" else 60_000)
    return _study("gd-sgd-adam", data, size, _arms(recipe, arms), budget, score)


def toy(data: tuple[str, ...], size: Size) -> Study:
    """Rules × optimizers on points in the plane, where the truth is known."""
    pairs = product(("alternating", "extragradient", "lookahead"), ("adam", "optimistic-adam", "muon"))
    arms = {f"{rule}-{name}": {"rule": rule, "optimizer": name} for rule, name in pairs}
    return _gan("toy", data or ("ring", "grid"), size, _arms("gan", arms))


STUDIES: Mapping[str, Make] = {
    "gan-optimizers": gan_optimizers,
    "gan-rules": gan_rules,
    "vae-optimizers": vae_optimizers,
    "rvae-optimizers": rvae_optimizers,
    "gd-sgd-adam": gd_sgd_adam,
    "toy": toy,
}


def ready(name: str, data: tuple[str, ...], size: Size = "small") -> Study:
    """Return a ready study for data sets.

    Raises:
        PoiseError: no such study; the message names the nearest one.

    Example:
        >>> len(ready("gan-rules", ("ring",)).arms)
        5
    """
    if name not in STUDIES:
        own = "or give your own arms with --recipes, --rules or --optimizers"
        raise PoiseError(f"no study {name!r}; {suggestion(name, STUDIES)}; {own}")
    return STUDIES[name](data, size)


def own(
    name: str,
    data: tuple[str, ...],
    recipes: Sequence[str],
    rules: Sequence[str],
    optimizers: Sequence[str],
    size: Size = "small",
) -> Study:
    """Return a study of all combinations; what is not given is the recipe's own.

    Example:
        >>> [arm.name for arm in own("mine", ("ring",), ["gan"], ["alternating"], ["adam", "lion"]).arms]
        ['adam', 'lion']
    """
    arms = []
    for recipe, rule, optimizer in product(recipes or ["gan"], rules or [""], optimizers or [""]):
        varied = ((recipe, recipes), (rule, rules), (optimizer, optimizers))
        label = "-".join(word for word, among in varied if len(among) > 1) or recipe
        changes = {"rule": rule, "optimizer": optimizer}
        arms.append(Arm(label, recipe, {key: word for key, word in changes.items() if word}))
    if any(arm.recipe.startswith(("rvae", "vrnn")) for arm in arms):
        budget = Budget("gradients", 300 if size == "small" else 6_000)
        return _study(name, data, size, tuple(arms), budget, "bound")
    if all(not arm.recipe.startswith("gan") for arm in arms):
        return _study(name, data, size, tuple(arms), Budget("gradients", 400 if size == "small" else 10_000), "bound")
    return _gan(name, data, size, tuple(arms))


def _gan(name: str, data: tuple[str, ...], size: Size, arms: tuple[Arm, ...]) -> Study:
    if _kind(data) == "images":
        return _study(name, data, size, arms, Budget("gradients", 300 if size == "small" else 15_000), "frechet")
    return _study(name, data, size, arms, Budget("gradients", 2_000 if size == "small" else 24_000), "coverage")


def _study(name: str, data: tuple[str, ...], size: Size, arms: tuple[Arm, ...], budget: Budget, score: str) -> Study:
    if size == "small":  # ten minutes on two cores
        return Study(name, data, arms, budget, score, points=3)
    return Study(name, data, arms, budget, score, trials=5, tuning_seeds=(100, 101), seeds=(0, 1, 2, 3, 4))


def _arms(recipe: str, changes: Mapping[str, Mapping[str, Any]]) -> tuple[Arm, ...]:
    return tuple(Arm(name, recipe, dict(change)) for name, change in changes.items())


def _kind(data: tuple[str, ...]) -> str:
    return kind_of(data[0]) if data else "points"
