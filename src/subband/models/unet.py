"""U-Net."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from subband._check import one_of, positive
from subband.models._blocks import Norm, conv, double_conv, halve, pad_to_multiple, up_conv

_BRANCH = {"signal": "W_g", "skip": "W_x", "psi": "psi"}


class UNet(nn.Module):
    """U-Net of any width, depth and number of dimensions, as the CWMI and SPW benchmarks use it.

    Level i has ``width * 2**i`` channels and two 3-wide convolutions, each with normalisation and ReLU. Going down is
    max-pooling; going up repeats pixels and convolves, then joins the skip connection of the same level.

    Images of any size are padded to a multiple of ``2**(depth - 1)`` and the logits are cropped again.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits: 1 is the foreground of two classes.
        width: Channels of the first level.
        depth: Number of resolution levels.
        norm: Normalisation. ``group`` has 8 groups, or fewer where 8 does not divide the channels.
        dims: 2 for images (B, C, H, W), 3 for volumes (B, C, D, H, W).

    Raises:
        ValueError: If a size is not positive, or ``norm`` or ``dims`` is unknown; from a call, if the input has other
            dimensions or channels.

    Source:
        Ronneberger et al., 2015 (arXiv:1505.04597), in LeeJunHyun's form that both benchmarks train: padded
        convolutions, batch normalisation, up-sampling by repetition. At ``width=64, depth=5, classes=2`` these are the
        published 34 525 954 parameters for one channel, 34 527 106 for three. Ours: width, depth, norm, dims and sizes
        that are not multiples of 16. An image that one pixel would be left of is padded to two, where the
        normalisation needs two.

    Example:
        >>> import torch
        >>> from subband.models import UNet
        >>> UNet(1, 2, width=8, depth=3)(torch.zeros(1, 1, 30, 45)).shape
        torch.Size([1, 2, 30, 45])
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 1,
        *,
        width: int = 64,
        depth: int = 5,
        norm: Norm = "batch",
        dims: int = 2,
    ) -> None:
        positive(in_channels=in_channels, classes=classes, width=width, depth=depth)
        one_of("norm", norm, ("batch", "instance", "group"))
        if dims not in (2, 3):
            raise ValueError(f"dims is {dims}, but must be 2 for images or 3 for volumes")
        super().__init__()
        self.in_channels, self.dims, self.norm, self.depth = in_channels, dims, norm, depth
        widths = [width * 2**level for level in range(depth)]
        self.pool = halve(dims)
        self.down = nn.ModuleList(
            double_conv(inputs, outputs, norm=norm, dims=dims)
            for inputs, outputs in zip([in_channels, *widths], widths, strict=False)
        )
        upwards = widths[-2::-1] if depth > 1 else []
        self.up = nn.ModuleList(up_conv(2 * outputs, outputs, norm=norm, dims=dims) for outputs in upwards)
        self.gate = nn.ModuleList(self.make_gate(outputs) for outputs in upwards)
        self.join = nn.ModuleList(double_conv(2 * outputs, outputs, norm=norm, dims=dims) for outputs in upwards)
        self.head = conv(width, classes, 1, dims=dims)

    def make_gate(self, channels: int) -> nn.Module:
        """What a skip connection passes through; here a gate that is always open."""
        return OpenGate()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, classes, *space) of images (B, in_channels, *space)."""
        if image.ndim != self.dims + 2 or image.shape[1] != self.in_channels:
            axes = ", ".join(("depth", "height", "width")[-self.dims :])
            raise ValueError(
                f"the image has shape {tuple(image.shape)}, but this network takes (batch, {self.in_channels}, {axes})"
                "; add the batch axis, or set in_channels and dims"
            )
        multiple = 2 ** (self.depth - 1)
        single = max(image.shape[2:]) <= multiple and (self.norm != "batch" or (self.training and image.shape[0] == 1))
        x, inside = pad_to_multiple(image, multiple, smallest=2 * multiple if single else 1)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for up, gate, join in zip(self.up, self.gate, self.join, strict=True):
            x = up(x)
            x = join(torch.cat((gate(x, skips.pop()), x), dim=1))
        logits: Tensor = self.head(x)
        return logits[(slice(None), slice(None), *inside)]


class OpenGate(nn.Module):
    """Passes the skip connection as it is."""

    def forward(self, signal: Tensor, skip: Tensor) -> Tensor:
        """Return ``skip``."""
        return skip


def authors_name(model: UNet, name: str) -> str:
    """Name that LeeJunHyun's networks give to an entry of our state: ``down.0.1.weight`` is ``Conv1.conv.1.weight``."""
    part, _, rest = name.partition(".")
    if part == "head":
        return f"Conv_1x1.{rest}"
    number, _, rest = rest.partition(".")
    if part == "down":
        return f"Conv{int(number) + 1}.conv.{rest}"
    level = model.depth - int(number)
    if part == "gate":
        branch, _, rest = rest.partition(".")
        return f"Att{level}.{_BRANCH[branch]}.{rest}"
    return f"Up{level}.up.{rest}" if part == "up" else f"Up_conv{level}.conv.{rest}"


def authors_state_dict(model: UNet) -> dict[str, Tensor]:
    """State of a network under LeeJunHyun's names, to be read by the authors' code (lurenhaothu/CWMI, SPW).

    Example:
        >>> from subband.models import UNet, authors_state_dict
        >>> list(authors_state_dict(UNet(width=4, depth=2)))[0]
        'Conv1.conv.0.weight'
    """
    return {authors_name(model, name): value for name, value in model.state_dict().items()}


def load_authors(model: UNet, state: Mapping[str, Tensor]) -> None:
    """Load weights that the authors' code saved.

    Args:
        model: Network of the same width, depth, channels and classes.
        state: ``state_dict()`` of LeeJunHyun's ``U_Net`` or ``AttU_Net``.

    Raises:
        ValueError: If names are missing, left over, or of another shape.
    """
    own = model.state_dict()
    names = {authors_name(model, name): name for name in own}
    strange = sorted(set(names) ^ set(state))
    if strange:
        raise ValueError(
            f"{len(strange)} names differ, the first is {strange[0]!r} "
            f"({'missing in' if strange[0] in names else 'left over from'} the given state); "
            "U_Net goes into UNet and AttU_Net into AttentionUNet of the same depth"
        )
    for theirs, ours in names.items():
        if own[ours].shape != state[theirs].shape:
            raise ValueError(
                f"{theirs} has shape {tuple(state[theirs].shape)}, but this network needs {tuple(own[ours].shape)}; "
                "check in_channels, classes and width"
            )
    model.load_state_dict({ours: state[theirs] for theirs, ours in names.items()})
