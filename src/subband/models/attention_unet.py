"""U-Net with attention gates."""

from torch import nn

from subband.models._blocks import AttentionGate
from subband.models.unet import UNet


class AttentionUNet(UNet):
    """`UNet` whose skip connections pass through attention gates; same arguments.

    The gate of a level has half its channels inside and is driven by the up-sampled features of the level below.

    Source:
        Oktay et al., 2018 (arXiv:1804.03999), in LeeJunHyun's form. At ``width=64, depth=5, classes=2`` these are the
        published 34 877 486 parameters for one channel, 34 878 638 for three.

    Example:
        >>> import torch
        >>> from subband.models import AttentionUNet
        >>> AttentionUNet(3, 1, width=4, depth=2)(torch.zeros(1, 3, 9, 12)).shape
        torch.Size([1, 1, 9, 12])
    """

    def make_gate(self, channels: int) -> nn.Module:
        """An attention gate."""
        return AttentionGate(channels, max(1, channels // 2), norm=self.norm, dims=self.dims)
