"""Mean squared difference."""

from jaxtyping import Float
from torch import Tensor, nn

from subband.losses.registration._images import read_pair


def mse_loss(
    fixed: Float[Tensor, "batch channels *space"], warped: Float[Tensor, "batch channels *space"]
) -> Float[Tensor, ""]:
    r"""Mean squared difference of two images, for one scanner and one contrast.

    .. math:: \frac{1}{|\Omega|} \sum_x (I_x - J_x)^2

    Args:
        fixed: Image (B, C, *space), in [0, 1] so that its weight beside a smoothness means something.
        warped: Moving image on the grid of the fixed one.

    Returns:
        A scalar, 0 or more, in squared units of intensity.

    Raises:
        ValueError: If shapes differ or a dtype is no float.

    Source:
        x-xc/WiNet, ``loss.py``, ``MSE``.

    Example:
        >>> import torch
        >>> mse_loss(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]))
        tensor(0.1250)
    """
    fixed, warped = read_pair(fixed, warped)
    return (fixed - warped).square().mean()


class MSELoss(nn.Module):
    """Module form of `mse_loss`, called with (warped, fixed)."""

    def __init__(self) -> None:
        super().__init__()

    def forward(
        self, warped: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Float[Tensor, ""]:
        """Return `mse_loss`."""
        return mse_loss(fixed, warped)
