"""Judges: networks that turn samples into features for the metrics."""

from .efficientnet_lite0 import efficientnet_lite0

__all__ = ["efficientnet_lite0"]
