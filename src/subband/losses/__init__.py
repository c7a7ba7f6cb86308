"""Losses, by task: ``subband.losses.segmentation``."""
