"""Cross-entropy with the U-Net's border weights."""

from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from subband.losses.segmentation._base import SegmentationLoss
from subband.losses.segmentation._foreground import own_map
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.losses.segmentation._likelihood import likelihood_loss


def unet_weighted_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    weight_map: Shaped[Tensor, "batch *map"] | None = None,
    class_weight: ClassWeight = "balanced",
    eps: float = 1e-7,
) -> Float[Tensor, ""]:
    r"""Cross-entropy whose foreground counts more on narrow borders, the mean over the pixels.

    .. math:: -\frac{1}{n} \sum_x \sum_c (w_c + u(x) [c > 0]) t_c(x) \log(p_c(x) + \epsilon)

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        weight_map: The map u, (B, *space) or (B, 1, *space); if None, `subband.maps.unet_weight_map` of the union of
            the foreground classes, which takes much longer than the loss.
        class_weight: Class weights w_c, see `SegmentationLoss`; None is 1.
        eps: Added inside the logarithm; the module takes the logarithm from the logits, without it.

    Returns:
        A scalar >= 0, in nats per pixel.

    Raises:
        ValueError: If shapes differ.

    Source:
        Ronneberger et al., U-Net, 2015 (arXiv:1505.04597), equations 1 and 2; lurenhaothu/CWMI ``model/loss.py``,
        ``Unet_Weight_BCE``. Departure: class weights are those of each image; the authors' batch mean is
        ``class_weight="balanced-batch"``. Several foreground classes are ours.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[0.0, 1.0, 0.0]]]])
        >>> round(float(unet_weighted_loss(torch.full_like(mask, 0.5), mask)), 3)
        3.057
    """
    inputs = from_probability(probability, target, class_weight=class_weight, eps=eps)
    return _unet_weighted(inputs, read_weight_map(weight_map, inputs.target, 1))


class UNetWeightedLoss(SegmentationLoss):
    """Module form of `unet_weighted_loss` on logits."""

    map_kind = "unet"

    def __init__(self, *, ignore_index: int | None = None, class_weight: ClassWeight = "balanced") -> None:
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `unet_weighted_loss` of prepared inputs."""
        return _unet_weighted(inputs, weight_map)


def _unet_weighted(inputs: Inputs, weight_map: Tensor | None) -> Tensor:
    if weight_map is None:
        from subband.maps import unet_weight_map

        weight_map = own_map(inputs, unet_weight_map)
    own = 1 if inputs.class_weight is None else inputs.per_pixel(inputs.class_weight)
    border = weight_map.expand(-1, inputs.classes - 1, *weight_map.shape[2:])
    return likelihood_loss(inputs, own + F.pad(border, (0, 0) * (weight_map.ndim - 2) + (1, 0)))
