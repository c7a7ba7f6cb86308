"""Losses of recognition and uniform classification."""

from subband.losses.recognition.uniform_bce import UniformBCE, uniform_bce_loss

__all__ = ["UniformBCE", "uniform_bce_loss"]
