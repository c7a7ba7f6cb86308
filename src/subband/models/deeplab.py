"""DeepLabv3+, and its wavelet form."""

from torch import Tensor, nn

from subband._check import positive
from subband.models._aspp import ASPP
from subband.models._blocks import Norm
from subband.models._deeplab_decoders import PlainDecoder, WaveDecoder, resized
from subband.models._image import check_image, pad_small
from subband.models._resnet import ResNetEncoder
from subband.models._vgg import kaiming


class DeepLabV3Plus(nn.Module):
    """DeepLabv3+ on a ResNet: dilated backbone, spatial pyramid pooling, decoder at stride 4.

    Images of any size: maps are rounded up going down and resized going up, an image smaller than twice the output
    stride along an axis is padded (mirrored) to that, and the logits are resized to the image, corner pixel to corner
    pixel.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits: 1 is the foreground of two classes.
        backbone: ``resnet18`` to ``resnet152``, ``resnext...`` or ``wide_resnet...`` of torchvision, at random.
        width: Channels of the pyramid pooling and of the decoder.
        norm: Normalisation, in the backbone too. With ``batch``, the pooled pixel of a single training image, which has
            no variance, is normalised by the running statistics.
        output_stride: Pixels of the image for one of the last map, 16 or 8.
        dropout: Probabilities after the last two convolutions of the decoder.
        wavelet: None enlarges bilinearly and joins the first stage's map. A wavelet (see `subband.transforms.dwt`)
            gives the details of the first two stages' maps to the inverse transforms that enlarge the last one.
        mode: Border of the wavelet transform. The default is exact at every size; ``authors`` is what they trained.

    Attributes:
        encoder: The ResNet under torchvision's names, so that it loads an ImageNet state without ``fc``.

    Raises:
        ValueError: If an option is out of range or unknown; from a call, if the input has other dimensions or channels.

    Source:
        Chen et al., 2018 (arXiv:1802.02611), and WaveSNet, Li and Shen, 2020 (arXiv:2005.14461), in the form of
        LiQiufu/WaveSNet: 59.34 million parameters at 21 classes on ResNet-101, 60.22 million with a wavelet, of which
        12 384 are two layers that the authors' wavelet decoder makes and never uses; ours has them not. Ours: width,
        norm, the modes; sizes that are not multiples of the stride; 1-wide convolutions on the first stage's details
        where its channels are not ``width``, as on ResNet-18. Output stride 8 fails in the authors' wavelet network:
        there the last map has the second stage's size already, so ours leaves the second stage's details out, rather
        than resize bands to where they are no details of any map, or throw the last map's own away.

    Example:
        >>> import torch
        >>> from subband.models import DeepLabV3Plus
        >>> model = DeepLabV3Plus(3, 21, backbone="resnet18", width=16)
        >>> model(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 21, 33, 47])
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 21,
        *,
        backbone: str = "resnet101",
        width: int = 256,
        norm: Norm = "batch",
        output_stride: int = 16,
        dropout: tuple[float, float] = (0.5, 0.1),
        wavelet: str | None = None,
        mode: str = "periodization",
    ) -> None:
        positive(in_channels=in_channels, classes=classes, width=width)
        if len(dropout) != 2 or not all(0 <= one <= 1 for one in dropout):
            raise ValueError(f"dropout is {dropout}, but must hold two probabilities in [0, 1]")
        super().__init__()
        self.in_channels, self.smallest = in_channels, 2 * output_stride
        self.encoder = ResNetEncoder(in_channels, backbone, norm=norm, output_stride=output_stride)
        first, second, last = self.encoder.channels
        rates = (6, 12, 18) if output_stride == 16 else (12, 24, 36)
        self.pyramid = ASPP(last, width, rates=rates, norm=norm)
        self.decoder = (
            PlainDecoder(first, width, classes, dropout=dropout, norm=norm)
            if wavelet is None
            else WaveDecoder(
                (first, second) if output_stride == 16 else (first,),
                width,
                classes,
                dropout=dropout,
                norm=norm,
                wavelet=wavelet,
                mode=mode,
            )
        )
        kaiming(self.pyramid)
        kaiming(self.decoder)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, classes, H, W) of images (B, in_channels, H, W)."""
        check_image(image, self.in_channels)
        x, inside = pad_small(image, self.smallest)
        first, second, last = self.encoder(x)
        logits = resized(self.decoder(self.pyramid(last), first, second), tuple(x.shape[2:]))
        return logits[(slice(None), slice(None), *inside)]


class WaveDeepLabV3Plus(DeepLabV3Plus):
    """`DeepLabV3Plus` with a wavelet decoder; same arguments, the Haar wavelet unless another is named.

    Source:
        As `DeepLabV3Plus`; the authors' WDeepLabv3+.

    Example:
        >>> import torch
        >>> from subband.models import WaveDeepLabV3Plus
        >>> model = WaveDeepLabV3Plus(3, 21, backbone="resnet18", width=16, wavelet="ch2.2")
        >>> model(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 21, 33, 47])
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 21,
        *,
        backbone: str = "resnet101",
        width: int = 256,
        norm: Norm = "batch",
        output_stride: int = 16,
        dropout: tuple[float, float] = (0.5, 0.1),
        wavelet: str = "haar",
        mode: str = "periodization",
    ) -> None:
        super().__init__(
            in_channels,
            classes,
            backbone=backbone,
            width=width,
            norm=norm,
            output_stride=output_stride,
            dropout=dropout,
            wavelet=wavelet,
            mode=mode,
        )
