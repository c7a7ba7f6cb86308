"""The U-Net on a VGG encoder, and its wavelet form."""

from subband.models._sampling import DoublingConv, Down, HalvingPool, Up
from subband.models._vgg import VggNet, VggNorm, vgg_plan


class VggUNet(VggNet):
    """VGG encoder and its mirror image; every level of the decoder also sees the encoder's map of that level.

    Going down is max-pooling, going up a transposed convolution. Sizes as for `SegNet`.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits: 1 is the foreground of two classes.
        width: Channels of the first level; they double from level to level, up to eight times as many.
        depth: Number of levels, 1 to 5: how often the map is halved.
        norm: Normalisation after every convolution; ``none`` is the VGG without.
        layers: 11, 13, 16 or 19, the VGG that the encoder is of.
        wavelet: None pools and convolves. A wavelet (see `subband.transforms.dwt`) splits each level instead: its low
            band goes down, its details wait for the inverse transform on the way up.
        mode: Border of the wavelet transform. The default is exact at every size; ``authors`` is what they trained.

    Raises:
        ValueError: If an option is out of range or unknown; from a call, if the input has other dimensions or channels.

    Source:
        Ronneberger et al., 2015 (arXiv:1505.04597), and WaveSNet, Li and Shen, 2020 (arXiv:2005.14461), in the form of
        LiQiufu/WaveSNet, ``SegNet_UNet``: 37.42 million parameters at 12 classes, 34.97 million with wavelets, which
        need no transposed convolutions. Their wavelet network has no constructor and cannot run as shipped; this is the
        one that its layers are made for. Ours: width, depth, norm, the modes, and sizes that are not multiples of 32.

    Example:
        >>> import torch
        >>> from subband.models import VggUNet
        >>> VggUNet(3, 12, width=4)(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 12, 33, 47])
    """

    joined = True

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 1,
        *,
        width: int = 64,
        depth: int = 5,
        norm: VggNorm = "batch",
        layers: int = 16,
        wavelet: str | None = None,
        mode: str = "periodization",
    ) -> None:
        plan = vgg_plan(layers, width=width, depth=depth)
        super().__init__(in_channels, classes, plan, width, norm=norm, wavelet=wavelet, mode=mode)

    def plain_down(self) -> Down:
        """Max-pooling."""
        return HalvingPool(2)

    def plain_up(self, inputs: int, outputs: int) -> Up:
        """A transposed convolution."""
        return DoublingConv(inputs, outputs, dims=2)


class WaveUNet(VggUNet):
    """`VggUNet` with a wavelet where it samples; same arguments, the Haar wavelet unless another is named.

    Source:
        As `VggUNet`; the authors' WUNet.

    Example:
        >>> import torch
        >>> from subband.models import WaveUNet
        >>> WaveUNet(3, 12, width=4, wavelet="db2")(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 12, 33, 47])
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 1,
        *,
        width: int = 64,
        depth: int = 5,
        norm: VggNorm = "batch",
        layers: int = 16,
        wavelet: str = "haar",
        mode: str = "periodization",
    ) -> None:
        super().__init__(
            in_channels, classes, width=width, depth=depth, norm=norm, layers=layers, wavelet=wavelet, mode=mode
        )
