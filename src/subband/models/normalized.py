"""A network that takes images in [0, 1] and normalises them itself."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Normalized(nn.Module):
    r"""Normalises, then runs the network: what attacks and tests are given.

    .. math:: f(x) = g((x - \mu) / \sigma)

    Args:
        model: Network g of normalised images (B, C, H, W).
        mean: :math:`\mu`, one number for each channel, in units of [0, 1].
        std: :math:`\sigma`, above 0.

    Raises:
        ValueError: If the two have other lengths, or a deviation is not positive.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> Normalized(nn.Identity(), [0.5], [0.25])(torch.ones(1, 1, 1, 1))
        tensor([[[[2.]]]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> None:
        super().__init__()
        found = [torch.as_tensor(each, dtype=torch.float32).reshape(-1, 1, 1).clone() for each in (mean, std)]
        if len(found[0]) != len(found[1]) or not bool((found[1] > 0).all()):
            raise ValueError(
                f"mean has {len(found[0])} and std {len(found[1])} entries, the least {float(found[1].min()):.4g}; "
                "give one mean and one deviation above 0 for each channel"
            )
        self.model = model
        self.register_buffer("mean", found[0], persistent=False)
        self.register_buffer("std", found[1], persistent=False)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Output of the network for images in [0, 1]."""
        found: Tensor = self.model((images - self.mean) / self.std)
        return found
