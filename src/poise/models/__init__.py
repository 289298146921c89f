"""One game per file."""

from ..config import GanConfig, RvaeConfig, VaeConfig
from ..errors import PoiseError
from ..game import Game
from . import gan, rvae, vae


def build(
    config: GanConfig | VaeConfig | RvaeConfig,
    shape: tuple[int, ...],
    classes: int = 0,
    series: rvae.Facts | None = None,
) -> Game:
    """Make the game that a model's settings describe.

    Args:
        config: the settings.
        shape: of one sample.
        classes: how many classes the data have.
        series: what is known of the data if they are series.

    Raises:
        PoiseError: a model of series for other data, or another model for series.
    """
    if isinstance(config, RvaeConfig):
        if series is None:
            raise PoiseError(
                "a recurrent VAE takes series; for other data there are poise train vae and poise train gan"
            )
        return rvae.build(config, series)
    if series is not None:
        raise PoiseError("the data are series, which only recurrent VAEs take; write poise train rvae DATA")
    return gan.build(config, shape) if isinstance(config, GanConfig) else vae.build(config, shape, classes)


__all__ = ["build"]
