"""Mutual information of two images of different kinds."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from subband._check import not_negative, positive
from subband.losses.registration._images import read_pair

CHUNK = 1 << 17
"""Voxels whose bins are in memory at one time."""
TINY = 1e-30
"""A probability below this adds nothing."""


def mutual_information_loss(
    fixed: Float[Tensor, "batch channels *space"],
    warped: Float[Tensor, "batch channels *space"],
    *,
    bins: int = 32,
    width: float = 1.0,
    limits: tuple[float, float] = (0.0, 1.0),
    eps: float = 0.0,
) -> Float[Tensor, ""]:
    r"""Minus the mutual information of the intensities of two images, for two scanners or contrasts.

    .. math:: -\sum_{k, l} p_{kl} \log\left(\frac{p_{kl}}{p_k p_l + \epsilon} + \epsilon\right), \quad
        p_{kl} = \frac{1}{|\Omega|} \sum_x w_k(I_x) w_l(J_x), \quad
        w_k(v) \propto e^{-(v - c_k)^2 / 2 \sigma^2}, \; \sum_k w_k = 1

    with the centres :math:`c_k` evenly from the lower to the upper limit, both included.

    Args:
        fixed: Image (B, C, *space), 1-D to 3-D; each channel is compared by itself.
        warped: Moving image on the grid of the fixed one; the two may be exchanged.
        bins: Number of centres.
        width: :math:`\sigma` in bins.
        limits: Lowest and highest intensity; what lies beyond counts as the limit and has no gradient.
        eps: :math:`\epsilon`; 0 is the mutual information of the :math:`p_{kl}`, 1e-6 the authors' number.

    Returns:
        A scalar in nats, the mean over images and channels, from minus the log of the number of bins to 0 (up to
        rounding; with ``eps`` a little more).

    Raises:
        ValueError: If shapes differ, a dtype is no float, or an option is out of range.

    Source:
        Guo, Multi-modal image registration with unsupervised deep learning, 2019 (hdl.handle.net/1721.1/123142),
        section 3.1; x-xc/WiNet, ``loss.py``, ``MutualInformation``. Departures: no :math:`\epsilon` by default;
        computed by parts of the volume, again in the backward pass, so that the bins of all voxels are never in memory.

    Example:
        >>> import torch
        >>> image = torch.rand(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> other = image.flip(2)
        >>> bool(mutual_information_loss(image, (3 * image).cos()) < mutual_information_loss(image, other) - 1)
        True
    """
    _check(bins, width, limits, eps)
    fixed, warped = read_pair(fixed, warped)
    low, high = limits
    with torch.autocast(fixed.device.type, enabled=False):
        step = (high - low) / (bins - 1)
        i, j = (((image.clamp(low, high) - low) / step).flatten(2).flatten(0, 1) for image in (fixed, warped))
        joint = _joint(i, j, bins, width)
        product = joint.sum(2, keepdim=True) * joint.sum(1, keepdim=True)
        ratio = joint.clamp_min(TINY) / (product + eps).clamp_min(TINY) + eps
        return -(joint * ratio.log()).sum((1, 2)).mean()


class MutualInformationLoss(nn.Module):
    """Module form of `mutual_information_loss`, called with (warped, fixed)."""

    def __init__(
        self,
        *,
        bins: int = 32,
        width: float = 1.0,
        limits: tuple[float, float] = (0.0, 1.0),
        eps: float = 0.0,
    ) -> None:
        _check(bins, width, limits, eps)
        super().__init__()
        self.bins, self.width, self.limits, self.eps = bins, width, (limits[0], limits[1]), eps

    def forward(
        self, warped: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Float[Tensor, ""]:
        """Return `mutual_information_loss`."""
        return mutual_information_loss(
            fixed, warped, bins=self.bins, width=self.width, limits=self.limits, eps=self.eps
        )


def _check(bins: int, width: float, limits: tuple[float, float], eps: float) -> None:
    positive(width=width)
    not_negative(eps=eps)
    if bins < 2:
        raise ValueError(f"bins is {bins}, but must be 2 or more")
    if len(limits) != 2 or not limits[0] < limits[1]:
        raise ValueError(f"limits are {tuple(limits)}, but must be the lowest and the highest intensity, in that order")


def _joint(i: Tensor, j: Tensor, bins: int, width: float) -> Tensor:
    """Probabilities (batch, bins, bins) of pairs of bins from intensities (batch, voxels) in bins."""
    centres = torch.arange(bins, dtype=i.dtype, device=i.device)

    def weights(v: Tensor) -> Tensor:
        return ((v.unsqueeze(-1) - centres).square() / (-2 * width**2)).softmax(-1)

    def pairs(i: Tensor, j: Tensor) -> Tensor:
        return weights(i).mT @ weights(j)

    total = i.new_zeros(len(i), bins, bins)
    for start in range(0, i.shape[1], CHUNK):
        part = (v[:, start : start + CHUNK] for v in (i, j))
        total = total + checkpoint(pairs, *part, use_reentrant=False, preserve_rng_state=False)
    return total / i.shape[1]
