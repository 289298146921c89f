"""The weight of gradient penalties where nothing is known but the sizes of samples and batch."""

from .models import GanConfig
from .settings import Config


def first_gamma(config: Config) -> float:
    """Return the weight that penalties of a new data set begin with: .0002 · pixels / batch; of points .1.

    A gradient is of as many numbers as there are pixels (each in [−1, 1], as here), and a larger batch has less noise
    to be held against. WGAN-GP has its published 10, which depends on neither.

    Args:
        config: resolved, or at least with the size of images.

    Source: Karras et al. 2020 (arXiv:2006.06676), the automatic configuration of StyleGAN2-ADA; Gulrajani et al. 2017.

    Example:
        >>> first_gamma(Config("gan", "cats/", GanConfig(), batch=32, size=64))
        0.0256
    """
    if isinstance(config.model, GanConfig) and "wgan-gp" in config.model.penalties:
        return 10.0
    return 0.1 if config.size is None else 0.0002 * config.size**2 / config.batch
