"""The losses of a detector as one."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from subband._check import one_of


class DetectorLoss(nn.Module):
    r"""Weighted sum of the losses that a detector of torchvision gives in training.

    .. math:: \sum_t w_t L_t

    Args:
        weights: :math:`w_t` by the name of the loss, such as ``{"loss_box_reg": 2}``; 1 for those that it leaves out.

    Raises:
        ValueError: From a call, if a weight is of a loss that the detector has not.

    Source:
        torchvision's ``references/detection`` sums them with weight 1.

    Example:
        >>> terms = {"classification": torch.tensor(0.5), "bbox_regression": torch.tensor(0.25)}
        >>> DetectorLoss()(terms), DetectorLoss({"bbox_regression": 2})(terms)
        (tensor(0.7500), tensor(1.))
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.weights = dict(weights or {})

    def forward(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The sum of ``terms``, which the detector gave."""
        for name in self.weights:
            one_of("a loss in weights", name, terms)
        return torch.stack([self.weights.get(name, 1.0) * value for name, value in terms.items()]).sum()
