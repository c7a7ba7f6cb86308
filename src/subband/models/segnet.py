"""SegNet, and its wavelet form."""

from subband.models._sampling import Down, IndexPool, IndexUnpool, Up
from subband.models._vgg import VggNet, VggNorm, vgg_plan


class SegNet(VggNet):
    """VGG encoder and its mirror image; going up puts every value back where the maximum was.

    Images of any size: a level of odd size is rounded up going down and cut going up, an image smaller than
    ``2**depth`` along an axis is padded (mirrored) to that, and the logits are cropped.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits: 1 is the foreground of two classes.
        width: Channels of the first level; they double from level to level, up to eight times as many.
        depth: Number of levels, 1 to 5: how often the map is halved.
        norm: Normalisation after every convolution; ``none`` is the VGG without.
        layers: 11, 13, 16 or 19, the VGG that the encoder is of.
        wavelet: None pools and un-pools. A wavelet (see `subband.transforms.dwt`) splits each level instead: its low
            band goes down, its details wait for the inverse transform on the way up.
        mode: Border of the wavelet transform. The default is exact at every size; ``authors`` is what they trained.

    Raises:
        ValueError: If an option is out of range or unknown; from a call, if the input has other dimensions or channels.

    Source:
        Badrinarayanan et al., 2015 (arXiv:1511.00561), and WaveSNet, Li and Shen, 2020 (arXiv:2005.14461), in the form
        of LiQiufu/WaveSNet, ``SegNet_UNet``: 29.48 million parameters at 12 classes, with wavelets or without. Ours:
        width, depth, norm, the modes, and sizes that are not multiples of 32; at those their numbers are reached with
        ``mode="authors"``.

    Example:
        >>> import torch
        >>> from subband.models import SegNet
        >>> SegNet(3, 12, width=4)(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 12, 33, 47])
    """

    joined = False

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
        """Max-pooling that remembers where the maxima were."""
        return IndexPool(2)

    def plain_up(self, inputs: int, outputs: int) -> Up:
        """Values back where the maxima were."""
        return IndexUnpool(2)


class WaveSegNet(SegNet):
    """`SegNet` with a wavelet where it pools and un-pools; same arguments, the Haar wavelet unless another is named.

    Source:
        As `SegNet`; the authors' WSegNet.

    Example:
        >>> import torch
        >>> from subband.models import WaveSegNet
        >>> WaveSegNet(3, 12, width=4, wavelet="ch2.2")(torch.zeros(1, 3, 33, 47)).shape
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
