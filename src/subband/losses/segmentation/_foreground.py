"""Foreground against background, with own weight maps: what `ABWLoss`, `SkeaTopoLoss` and `UNetWeightedLoss` share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from subband.losses.segmentation._inputs import Inputs


def structure(inputs: Inputs) -> Tensor:
    """Mask (B, 1, *space) of the pixels whose class is not the background, 0 where a pixel is ignored."""
    return is_foreground(inputs.target).to(inputs.target.dtype)


def is_foreground(x: Tensor) -> Tensor:
    """Where another channel of (B, C, *space) is above the first one, (B, 1, *space).

    The same as ``x.argmax(1, keepdim=True) > 0``, which is some hundred times slower on a CPU.
    """
    return x[:, 1:].amax(1, keepdim=True) > x[:, :1]


def own_map(inputs: Inputs, make: Callable[[NDArray[Any]], NDArray[Any]]) -> Tensor:
    """Map (B, channels, *space) of the union of the foreground classes, computed on the CPU image by image."""
    masks = structure(inputs)[:, 0].to("cpu", torch.uint8).numpy()
    found = torch.from_numpy(np.stack([make(mask) for mask in masks])).to(inputs.target)
    return found.unsqueeze(1) if found.ndim == inputs.target.ndim - 1 else found


def pixel_class_weight(inputs: Inputs) -> Tensor:
    """Class weight of each pixel's own class, 1 without class weights, 0 where a pixel is ignored; (B, 1, *space)."""
    return inputs.weighted_target().sum(1, keepdim=True)


def two_sided_cross_entropy(inputs: Inputs, background: Tensor, foreground: Tensor) -> Tensor:
    """Cross-entropy towards the background and towards the foreground, summed with a weight (B, 1, *space) for each.

    Where the target is a foreground class, towards the foreground means towards that class, else away from the
    background. Divided by the sum of the weights.
    """
    total = background.sum() + foreground.sum()
    log_probability = inputs.log_probability
    away, towards = log_probability[:, :1], log_probability[:, 1:]
    if towards.shape[1] > 1:
        own = inputs.target.argmax(1, keepdim=True)
        named = log_probability.gather(1, own)
        towards = torch.where(own > 0, named, towards.logsumexp(1, keepdim=True))
    value = (background * away + foreground * towards).sum()
    return -value / torch.where(total > 0, total, torch.ones_like(total))
