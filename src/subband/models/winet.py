"""WiNet: registration of two images by the wavelet coefficients of their displacement field."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from subband._check import one_of, positive, same_shape
from subband.layers.dwt import stack_bands, unstack_bands
from subband.models._blocks import pad_to_multiple
from subband.models._image import check_image
from subband.models._winet_blocks import CONV, ConvPair, Refinement, UpStage
from subband.transforms.dwt import dwt, idwt
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.filter_bank import Wavelet, filter_bank

Border = Literal["periodization", "authors"]
Initial = Literal["identity", "authors"]
MULTIPLE = 16
"""What the sizes are padded to: the wavelet transform and three strided convolutions halve them."""


class WiNet(nn.Module):
    r"""Field that warps a moving image onto a fixed one, predicted as wavelet coefficients.

    The :math:`2^d` bands of both images go through a small U-Net, whose levels at 1/8, 1/4 and 1/2 of the size give
    bands of the field: all :math:`2^d` at 1/8, the details alone above. Three inverse transforms, each followed by a
    depthwise convolution, make the field of them; before the second and the third the details are refined by those of
    the level below. Nothing is computed at the images' own size but the field, hence the small memory.

    Sizes from 16 voxels on; others than multiples of 16 are padded (mirrored) and the field is cropped.

    Args:
        channels: Channels of either image.
        width: Least number of channels c of the authors (``start_channel``); levels have 4c to 8c.
        dims: 3 for volumes (B, C, D, H, W), 2 for images (B, C, H, W).
        wavelet: See `subband.transforms.dwt`; the authors take ``haar`` for the brain, ``db4`` for the heart.
        diffeomorphic: The field is a velocity, whose exponential warps. Weights know which they are trained for, and
            do not load into the other.
        initial: ``identity``: depthwise convolutions pass their input on, heads are near 0, so that training begins
            with almost no displacement. ``authors``: PyTorch's own, some voxels of random displacement.
        checkpointing: Of the stages at half the size, keep the inputs alone for the backward pass and compute the rest
            again: less memory, more time, the same bits; both are in ``benchmarks/results/registration.json``.
        border: How the wavelet transform goes on beyond the image: ``periodization`` inverts exactly; ``authors``:
            zeros, which do not for wavelets longer than ``haar``.

    Raises:
        ValueError: If an option is out of range or unknown; from a call, if the images have other dimensions or
            channels, differ in shape, or have an axis below 16 voxels.

    Source:
        Cheng et al., WiNet, MICCAI 2024 (arXiv:2407.13426), in the form of x-xc/WiNet: 1 418 573 parameters at width 8,
        54 721 at width 1. As there, and other than the abstract's "incrementally" might be read, the last refinement
        takes the details of the level below as its head gives them, not refined. Ours: 2-D, channels, any size (the
        authors' need multiples of 16, no depth above both other sizes), any wavelet with an exact border,
        identity initialisation, checkpointing. Under autocast the field is put together in float32.

    Example:
        >>> model = WiNet(width=1, dims=2)
        >>> field = model(torch.rand(1, 1, 40, 33), torch.rand(1, 1, 40, 33))
        >>> field.vectors.shape, field.unit, field.kind
        (torch.Size([1, 2, 40, 33]), 'normalised', 'displacement')
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 8,
        *,
        dims: int = 3,
        wavelet: Wavelet = "haar",
        diffeomorphic: bool = False,
        initial: Initial = "identity",
        checkpointing: bool = False,
        border: Border = "periodization",
    ) -> None:
        positive(channels=channels, width=width)
        one_of("initial", initial, get_args(Initial))
        one_of("border", border, get_args(Border))
        if dims not in (2, 3):
            raise ValueError(f"dims is {dims}, but must be 2 for images or 3 for volumes")
        super().__init__()
        self.channels, self.dims, self.border, self.bank = channels, dims, border, filter_bank(wavelet)
        self.diffeomorphic, self.checkpointing = diffeomorphic, checkpointing
        bands = 2**dims
        low, all_bands, details = 4 * width, dims * bands, dims * (bands - 1)
        self.down = nn.ModuleList(
            ConvPair(inputs, outputs, dims=dims, stride=stride, norm=stride == 1)
            for inputs, outputs, stride in [
                (2 * channels * bands, low, 1),
                (low, low, 2),
                (low, 2 * low, 2),
                (2 * low, 2 * low, 2),
            ]
        )
        self.up = nn.ModuleList(
            UpStage(2 * low, skip, outputs, heads, dims=dims)
            for skip, outputs, heads in [(2 * low, 2 * low, all_bands), (low, 2 * low, details), (low, low, details)]
        )
        self.refine = nn.ModuleList(Refinement(dims=dims) for _ in range(2))
        self.smooth = nn.ModuleList(CONV[dims](dims, dims, 3, padding=1, groups=dims, bias=False) for _ in range(3))
        if initial == "identity":
            self._begin_with_identity()

    def forward(
        self, moving: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Field:
        """Return the field on the voxels of ``fixed``, normalised: a velocity if diffeomorphic, else a displacement."""
        return Field(self.vectors(moving, fixed), "normalised", "velocity" if self.diffeomorphic else "displacement")

    def displacement(
        self, moving: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Field:
        """Return the displacement: the field itself, or its exponential if diffeomorphic."""
        field = self(moving, fixed)
        return exponential(field) if self.diffeomorphic else field

    def vectors(
        self, moving: Float[Tensor, "batch channels *space"], fixed: Float[Tensor, "batch channels *space"]
    ) -> Float[Tensor, "batch dims *space"]:
        """Return the field's vectors alone, float32 at least, in the normalised unit."""
        for image in (moving, fixed):
            check_image(image, self.channels, dims=self.dims)
        same_shape(moving=moving, fixed=fixed)
        space = tuple(moving.shape[2:])
        if min(space) < MULTIPLE:
            raise ValueError(f"the images have {space} voxels, but must have {MULTIPLE} or more on each axis; pad them")
        images, inside = pad_to_multiple(torch.cat((moving, fixed), 1), MULTIPLE)
        vectors = self.put_together(*self.coefficients(images))
        if images.shape[2:] == moving.shape[2:]:
            return vectors
        ratios = [(padded - 1) / (size - 1) for padded, size in zip(images.shape[2:], space, strict=True)]
        return vectors[(slice(None), slice(None), *inside)] * vectors.new_tensor(ratios).view(-1, *[1] * self.dims)

    def coefficients(self, images: Float[Tensor, "batch both *space"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the bands of the field at 1/8 (all), 1/4 and 1/2 (details), band by band with ``dims`` components.

        Args:
            images: Moving and fixed images along the channels, sizes multiples of 16.
        """
        x = stack_bands(dwt(images, self.bank, dims=self.dims, mode=self.border)).flatten(1, 2)
        skips: list[Tensor] = []
        for number, stage in enumerate(self.down):
            x = self._run(stage, x, wide=number == 0)
            skips.append(x)
        skips.pop()
        found: list[Tensor] = []
        for number, stage in enumerate(self.up):
            x, bands = self._run(stage, x, skips.pop(), wide=number == 2)
            found.append(bands)
        coarse, middle, fine = found
        return coarse, middle, fine

    def put_together(self, coarse: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        """Return the vectors of the bands that `coefficients` gives."""
        details = coarse[:, self.dims :]
        low = self._joined(0, coarse[:, : self.dims], details)
        for level, bands in enumerate((middle, fine), 1):
            low = self._run(self._refined, level, low, details, bands, wide=level == 2)
            details = bands
        return low

    def _refined(self, level: int, low: Tensor, coarse: Tensor, bands: Tensor) -> Tensor:
        return self._joined(level, low, self.refine[level - 1](coarse, bands))

    def _joined(self, level: int, low: Tensor, details: Tensor) -> Tensor:
        """Low-pass part of twice the size, in float32 at least, whatever autocast says."""
        dtype = torch.promote_types(low.dtype, torch.float32)
        with torch.autocast(low.device.type, enabled=False):
            bands = torch.cat((low.to(dtype), details.to(dtype)), 1)
            vectors = bands.view(len(bands), -1, self.dims, *bands.shape[2:]).transpose(1, 2)
            whole = idwt(unstack_bands(vectors, dims=self.dims), self.bank, dims=self.dims, mode=self.border)
            smoothed: Tensor = self.smooth[level](whole)
        return smoothed

    def _run(self, stage: Callable[..., Any], *inputs: Any, wide: bool) -> Any:
        """Output of a stage, of which the backward pass keeps the inputs alone if it is ``wide`` and checkpointing."""
        if wide and self.checkpointing and torch.is_grad_enabled():
            return checkpoint(stage, *inputs, use_reentrant=False, preserve_rng_state=False)
        return stage(*inputs)

    def _begin_with_identity(self) -> None:
        """Nearly no displacement at first, and no component with a constant part of its own."""
        for name, parameter in self.named_parameters():
            part = name.split(".")[0]
            if part == "smooth":
                nn.init.zeros_(parameter)
                parameter.data.flatten(2)[..., 3**self.dims // 2] = 1.0
            elif ".head." in name or (part == "refine" and ".second.weight" in name):
                nn.init.normal_(parameter, std=1e-3)
            elif part == "refine" and ".second.bias" in name:
                nn.init.zeros_(parameter)

    def get_extra_state(self) -> dict[str, Any]:
        """Options that weights are trained for; kept beside them."""
        return {"wavelet": self.bank.name, "border": self.border, "diffeomorphic": self.diffeomorphic}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Raise ``ValueError`` if weights are of another variant."""
        for name, own in self.get_extra_state().items():
            if state[name] != own:
                raise ValueError(
                    f"the weights are of a WiNet with {name}={state[name]!r}, but this one has {own!r}; "
                    "make the network with the options that it was trained with"
                )
