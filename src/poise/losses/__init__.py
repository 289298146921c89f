"""Losses as pure functions of scores, images and weights."""
