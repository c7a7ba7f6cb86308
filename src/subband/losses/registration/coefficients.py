"""Smoothness by the wavelet coefficients of a field."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from subband._check import not_negative
from subband.transforms.wavedec import Coefficients


def coefficient_loss(coefficients: Coefficients, *, order: float = 1.0) -> Float[Tensor, ""]:
    r"""Squared wavelet coefficients of a field, the fine ones heavier.

    .. math:: \frac{1}{B d\,|\Omega|} \sum_{\ell = 1}^{L} 4^{-s \ell} \sum_k |c_{\ell k}|^2

    with the coefficients :math:`c_{\ell k}` of all details of level :math:`\ell`, 1 the finest, whose wavelets are
    :math:`2^\ell` voxels wide. Up to constants it is the mean squared s-th derivative: s = 1 is like `diffusion_loss`,
    s = 2 like `bending_loss` (with wavelets smoother than Haar's). The low-pass band costs nothing. A field
    that is optimised by its coefficients never needs to be computed for it.

    Args:
        coefficients: `wavedec` of the vectors (B, d, *space) of a field, or such coefficients as they are optimised.
        order: s; 0 weighs all levels alike.

    Returns:
        A scalar, 0 or more, in (unit of the field)\ :sup:`2` / voxel\ :sup:`2s`. With an orthogonal wavelet and order 0
        it is the mean square of what the field has above its low-pass part.

    Raises:
        ValueError: If there is no detail, or ``order`` is below 0.

    Source:
        Meyer, Wavelets and operators, 1992: Sobolev norms by wavelet coefficients. Not in WiNet, which penalises the
        slopes of the field.

    Example:
        >>> import torch
        >>> from subband.transforms import wavedec
        >>> vectors = torch.tensor([[[0.0, 2.0], [0.0, 2.0]], [[3.0, 3.0], [3.0, 3.0]]])[None]
        >>> coefficient_loss(wavedec(vectors, "haar", dims=2, level=1))  # 1/4 of (1 + 0) / 2
        tensor(0.1250)
    """
    not_negative(order=order)
    if not coefficients.details:
        raise ValueError("the coefficients have no details; take at least one level")
    total = coefficients.approx.new_zeros(())
    for level, bands in enumerate(reversed(coefficients.details), start=1):
        total = total + sum(band.square().sum() for band in bands.values()) / 4 ** (order * level)
    shape = next(iter(coefficients.details[-1].values())).shape
    vectors = math.prod(shape[: len(shape) - len(coefficients.shape)])
    return total / (vectors * math.prod(coefficients.shape))


class CoefficientLoss(nn.Module):
    """Module form of `coefficient_loss`, called with `wavedec` coefficients."""

    def __init__(self, *, order: float = 1.0) -> None:
        not_negative(order=order)
        super().__init__()
        self.order = order

    def forward(self, coefficients: Coefficients) -> Float[Tensor, ""]:
        """Return `coefficient_loss`."""
        return coefficient_loss(coefficients, order=self.order)
