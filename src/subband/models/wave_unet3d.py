"""3D WaveUNet, and the networks that it is compared with."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import not_negative, one_of, positive
from subband.models._blocks import conv, conv_norm, pad_to_multiple
from subband.models._cube_sampling import DownName, UpName, check_samplers, make_down, make_up
from subband.models._image import check_image
from subband.transforms._border import MODES

LEVELS = 4
MULTIPLE = 2**LEVELS
"""Sizes that are no multiples of this are padded to one inside."""


class WaveUNet3d(nn.Module):
    r"""U-Net of neuron volumes: four levels of ``width`` :math:`\times (1, 2, 4, 8)` channels and a bottom of 8.

    Every level has two convolutions of 3 x 3 x 3, each with batch normalisation and ReLU. With the wavelet, the low
    band :math:`x_{aaa}` goes down and the seven details wait for the inverse transform on the way up. The authors'
    seven networks, at a width of 4 and 2 classes:

    ================ ========= ============ ====== =========== ============
    ..               ``down``  ``up``       skip   threshold   parameters
    ================ ========= ============ ====== =========== ============
    SegNet           max       unpool       none   0           166 402
    U-Net V1         max       transposed   cat    0           204 542
    U-Net V2         conv      linear       cat    0           204 542
    WaveSNet V1      low-pass  linear       cat    0           203 122
    WaveSNet V2      low-pass  transposed   cat    0           204 542
    WaveSNet V3      wavelet   wavelet      cat    0           203 122
    WaveSNet V4      wavelet   wavelet      cat    0.25        203 122
    ================ ========= ============ ====== =========== ============

    Volumes of any size are padded (mirrored) to multiples of 16, and the logits are cropped again.

    Args:
        channels: Channels of the volume.
        classes: Channels of the logits: 1 is the foreground of two classes.
        width: Channels of the first level.
        down: ``max``: maximum of 2 x 2 x 2 voxels. ``conv``: one voxel in eight, through a 1-wide convolution.
            ``low-pass``: the low band alone. ``wavelet``: the low band, the details kept for the way up.
        up: ``unpool``: values back where the maxima were. ``transposed``: a 1-wide transposed convolution, which writes
            one voxel in eight. ``linear``: trilinear interpolation. ``wavelet``: the inverse transform.
        skip: ``cat`` joins the map of the same level before it was halved, ``none`` does not.
        threshold: Details of at most this magnitude are set to zero before the inverse transform.
        wavelet: As for `subband.transforms.dwt`.
        mode: Border of the transform. The default is exact; ``authors`` is what they trained, and the same for Haar.

    Raises:
        ValueError: If an option is out of range or unknown, or the way up cannot use what the way down keeps; from a
            call, if the input has other dimensions or channels.

    Source:
        Li et al., 3D WaveUNet, 2022 (arXiv:2106.00259), in the form of LiQiufu/3D-WaveUNet, ``neuron_net.py``. Ours:
        sizes that are not multiples of 16, modes, more channels. A single volume of at most 16 voxels along every axis
        is padded to 32 in training, where the normalisation needs more than one voxel.

    Example:
        >>> import torch
        >>> from subband.models import WaveUNet3d
        >>> WaveUNet3d(1, 2, width=2, threshold=0.25)(torch.zeros(1, 1, 9, 20, 33)).shape
        torch.Size([1, 2, 9, 20, 33])
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        *,
        width: int = 4,
        down: DownName = "wavelet",
        up: UpName = "wavelet",
        skip: Literal["cat", "none"] = "cat",
        threshold: float = 0.0,
        wavelet: str = "haar",
        mode: str = "periodization",
    ) -> None:
        positive(channels=channels, classes=classes, width=width)
        not_negative(threshold=threshold)
        check_samplers(down, up, threshold)
        one_of("skip", skip, ("cat", "none"))
        one_of("mode", mode, MODES)
        super().__init__()
        self.channels, self.skip = channels, skip
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.encoder = nn.ModuleList(
            _block(inputs, outputs, outputs) for inputs, outputs in zip([channels, *widths], widths, strict=False)
        )
        self.down = nn.ModuleList(make_down(down, up, each, wavelet=wavelet, mode=mode) for each in widths)
        self.bottom = _block(widths[-1], widths[-1], widths[-1])
        upwards = widths[::-1]
        self.up = nn.ModuleList(make_up(up, each, wavelet=wavelet, mode=mode, threshold=threshold) for each in upwards)
        joined = 2 if skip == "cat" else 1
        self.decoder = nn.ModuleList(
            _block(joined * each, each, above) for each, above in zip(upwards, [*upwards[1:], width], strict=True)
        )
        self.head = conv(width, classes, 1, dims=3)

    def forward(self, volume: Float[Tensor, "batch channels *space"]) -> Float[Tensor, "batch classes *space"]:
        """Return logits (B, classes, Z, Y, X) of volumes (B, channels, Z, Y, X)."""
        check_image(volume, self.channels, dims=3)
        single = self.training and len(volume) == 1 and max(volume.shape[2:]) <= MULTIPLE
        x, inside = pad_to_multiple(volume, MULTIPLE, smallest=2 * MULTIPLE if single else 1)
        waiting = []
        for block, down in zip(self.encoder, self.down, strict=True):
            before = block(x)
            x, kept = down(before)
            waiting.append((before, kept))
        x = self.bottom(x)
        for up, block in zip(self.up, self.decoder, strict=True):
            before, kept = waiting.pop()
            x = up(x, kept)
            x = block(torch.cat((x, before), dim=1) if self.skip == "cat" else x)
        logits: Tensor = self.head(x)
        return logits[(slice(None), slice(None), *inside)]


def _block(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    first = conv_norm(inputs, middle, 3, norm="batch", dims=3)
    second = conv_norm(middle, outputs, 3, norm="batch", dims=3)
    return nn.Sequential(*first, nn.ReLU(inplace=True), *second, nn.ReLU(inplace=True))
