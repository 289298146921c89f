"""The classifier that counts the modes of stacked garments: trained once, then kept in the cache folder."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .data.cache import key_of
from .data.dataset import Dataset
from .data.fashion import load_fashion
from .files import cache_folder, whole_file
from .optim import Adam

VERSION = 1  # change it when the network or its training changes
SIDE = 28
STEPS, BATCH, LR = 2_300, 128, 2e-3  # five passes over all 60,000 garments
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Counter:
    """A classifier of garments.

    Attributes:
        network: from uint8 [n, 1, 28, 28] to scores [n, 10].
        accuracy: share of garments that it was not trained on and tells right.
    """

    network: nn.Module
    accuracy: float

    def __call__(self, images: Tensor) -> Tensor:
        """Return the class of gray images.

        Args:
            images: uint8 [n, 28, 28].

        Returns:
            int64 [n].

        Raises:
            ValueError: images of another size.
        """
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"the classifier knows garments of {SIDE}×{SIDE} pixels, not {list(images.shape[1:])}")
        return _classify(self.network, images)


class Scaled(nn.Module):
    """From bytes to [−1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x/127.5 − 1."""
        return x.float() / 127.5 - 1


def garment_counter(
    garments: Dataset | None = None, progress: Progress | None = None, *, steps: int = STEPS
) -> Counter:
    """Return a classifier of garments: from the cache folder, or trained and kept there.

    Two convolutions and two dense layers, by Adam with a falling learning rate, on garments as they are and mirrored.
    One that is damaged, or was trained on other garments or in another way, is trained anew; where the cache folder
    cannot be written it is trained each time.

    Args:
        garments: `load_fashion()` unless given; 28×28 gray.
        progress: called with the training steps done and their total.
        steps: of training.

    Example:
        >>> counter = garment_counter(steps=20)
        >>> 0.1 < counter.accuracy < 0.9  # 2,300 steps reach .91 with all garments
        True
    """
    garments = load_fashion() if garments is None else garments
    key = key_of("garments", VERSION, garments.fingerprint, steps, BATCH, LR)
    if (kept := _find(key)) is not None:
        return kept
    (images, labels), (others, other_labels) = (
        (torch.tensor(x)[..., 0], torch.tensor(y))
        for x, y in ((garments.train, garments.train_labels), (garments.test, garments.test_labels))
    )
    network = _train(images, labels, steps, progress)
    right = _classify(network, others) == other_labels
    counter = Counter(network, right.double().mean().item())
    with suppress(OSError):
        _keep(key, counter)
    return counter


@torch.no_grad()
def _classify(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network(some.unsqueeze(1)).argmax(1) for some in images.split(1_000)])


def _network() -> nn.Module:
    return nn.Sequential(
        Scaled(),
        nn.Conv2d(1, 32, 5, 2, 2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def _train(images: Tensor, labels: Tensor, steps: int, progress: Progress | None) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # first weights and dropout
        network = _network()
        optimizer = Adam(network.parameters(), LR)
        for step in range(steps):
            rows = torch.randint(len(images), (BATCH,), generator=generator)
            mirrored = torch.rand(BATCH, 1, 1, 1, generator=generator) < 0.5
            some = images[rows].unsqueeze(1)
            loss = cross_entropy(network(torch.where(mirrored, some.flip(3), some)), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.param_groups[0]["lr"] = LR * (1 - step / steps)
            optimizer.step()
            if progress:
                progress(step + 1, steps)
    return network.eval()


def _find(key: str) -> Counter | None:
    """Return what is kept under a key; None when it is not there or is damaged."""
    file = cache_folder() / key
    try:
        notes = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        weights = file.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(weights).hexdigest() != notes["sha256"]:
            return None
        network = _network()
        network.load_state_dict(load(weights))
        return Counter(network.eval(), float(notes["accuracy"]))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return None


def _keep(key: str, counter: Counter) -> None:
    """Write weights, then the notes: an entry counts only when both files are there and agree."""
    file = cache_folder() / key
    weights = save({name: tensor.contiguous().clone() for name, tensor in counter.network.state_dict().items()})
    notes = {"sha256": hashlib.sha256(weights).hexdigest(), "accuracy": counter.accuracy}
    with whole_file(file.with_suffix(".safetensors")) as out:
        out.write(weights)
    with whole_file(file.with_suffix(".json")) as out:
        out.write(json.dumps(notes).encode())
