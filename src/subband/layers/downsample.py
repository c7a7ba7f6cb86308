"""Down-sampling and up-sampling by wavelets: the low band, all bands, or the details handed to the decoder."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from subband._check import one_of, positive
from subband.layers._bank import BankLayer, LayerWavelet
from subband.layers.low_pass import LowPass
from subband.layers.window import Window
from subband.transforms._border import outside
from subband.transforms.dwt import Bands, dwt, idwt
from subband.transforms.filter_bank import FilterBank


class Details(NamedTuple):
    """What `WaveletSplit` keeps back for `WaveletUpsample`.

    Attributes:
        bands: Every band of `subband.transforms.dwt` but the low-pass one, each (B, C, *space).
        shape: Sizes of the axes that were split, in pixels.
    """

    bands: Bands
    shape: tuple[int, ...]


class WaveletDownsample(BankLayer):
    r"""Halves every spatial axis by a wavelet transform: what replaces a pooling layer or a stride of 2.

    .. math:: y = x_{aa} \qquad\text{or}\qquad y = [x_{aa}, x_{ad}, x_{da}, x_{dd}]

    Args:
        wavelet: As for `subband.transforms.dwt`, or a module that returns a bank, such as `OrthogonalFilters`.
        dims: Number of spatial axes, 1 to 3.
        mode: As for `subband.transforms.dwt`.
        bands: ``low``: the low-pass band alone, and no other is computed. ``all``: all bands one after another on the
            channel axis, in the order of their names, so that there are :math:`2^d` times as many channels.

    Raises:
        ValueError: If an option is unknown.

    Source:
        Li et al., WaveCNet, 2020 (arXiv:2005.03337): ``low``, with ``mode="authors"`` and its gain of 2 per low band of
        an image; ``all`` is their ResNet_C. Ours: other modes, any size, 1-D and 3-D.

    Example:
        >>> import torch
        >>> WaveletDownsample("db2")(torch.rand(1, 3, 9, 6)).shape
        torch.Size([1, 3, 5, 3])
        >>> WaveletDownsample(bands="all")(torch.rand(1, 3, 8, 6)).shape
        torch.Size([1, 12, 4, 3])
    """

    def __init__(
        self,
        wavelet: LayerWavelet = "haar",
        *,
        dims: int = 2,
        mode: str = "periodization",
        bands: Literal["low", "all"] = "low",
    ) -> None:
        one_of("bands", bands, ("low", "all"))
        super().__init__(wavelet, dims, mode)
        self.bands = bands
        window = Window(ceil_mode=False) if mode == "authors" else Window(len(self.bank), ceil_mode=False)
        alone = bands == "low" and isinstance(self.wavelet, FilterBank)
        self.low_pass = LowPass(self.bank, dims=dims, window=window) if alone else None

    def forward(self, x: Float[Tensor, "batch channels *space"]) -> Float[Tensor, "batch out *half"]:
        """Return x at half its size."""
        if self.low_pass is not None:
            low: Tensor = self.low_pass(x if self.mode == "authors" else self._extended(x))
            return low
        if self.bands == "low":
            for axis in range(-self.dims, 0):
                x = dwt(x, self.bank, dims=(axis,), mode=self.mode)["a"]
            return x
        return torch.cat(list(dwt(x, self.bank, dims=self.dims, mode=self.mode).values()), dim=-self.dims - 1)

    def _extended(self, x: Tensor) -> Tensor:
        """Put beside x what its low band reads beyond its ends."""
        taps = len(self.bank)
        before, after = (taps // 2 - 1, taps // 2) if self.mode == "periodization" else (taps - 2, taps - 1)
        for axis in range(x.ndim - self.dims, x.ndim):
            size = x.shape[axis]
            unread = 0 if isinstance(size, torch.SymInt) else (size - 1) % 2
            if before or after - unread:
                left = outside(x, axis, torch.arange(-before, 0, device=x.device), self.mode)
                right = outside(x, axis, size + torch.arange(after - unread, device=x.device), self.mode)
                x = torch.cat((left, x, right), axis)
        return x


class WaveletSplit(BankLayer):
    r"""Splits a map into its low band, which goes down the network, and its details, which wait for the way up.

    Args:
        wavelet: As for `subband.transforms.dwt`, or a module that returns a bank, such as `OrthogonalFilters`.
        dims: Number of spatial axes, 1 to 3.
        mode: As for `subband.transforms.dwt`.

    Raises:
        ValueError: If an option is unknown.

    Source:
        Li and Shen, WaveSNet, 2020 (arXiv:2005.14461): the dual structure (PDDS).

    Example:
        >>> import torch
        >>> x = torch.rand(1, 3, 9, 6, dtype=torch.float64)
        >>> low, details = WaveletSplit("db2")(x)
        >>> low.shape, sorted(details.bands)
        (torch.Size([1, 3, 5, 3]), ['ad', 'da', 'dd'])
        >>> bool((WaveletUpsample("db2")(low, details) - x).abs().max() < 1e-12)
        True
    """

    def __init__(self, wavelet: LayerWavelet = "haar", *, dims: int = 2, mode: str = "periodization") -> None:
        super().__init__(wavelet, dims, mode)

    def forward(
        self, x: Float[Tensor, "batch channels *space"]
    ) -> tuple[Float[Tensor, "batch channels *half"], Details]:
        """Return the low band of x and its details."""
        bands = dwt(x, self.bank, dims=self.dims, mode=self.mode)
        low = bands.pop("a" * self.dims)
        return low, Details(bands, tuple(x.shape[-self.dims :]))


class WaveletUpsample(BankLayer):
    r"""Doubles a map with the details of the same level: the inverse of `WaveletSplit`.

    Args:
        wavelet: As given to `WaveletSplit`.
        dims: As given to `WaveletSplit`.
        mode: As given to `WaveletSplit`.
        threshold: Details of at most this magnitude are set to zero. None keeps all.

    Raises:
        ValueError: If an option is unknown or the threshold is negative; from a call, if the sizes do not fit.

    Source:
        Li and Shen, WaveSNet, 2020 (arXiv:2005.14461); 3D WaveUNet, 2022 (arXiv:2106.00259): hard threshold 0.25 in
        its fourth version.

    Example:
        >>> import torch
        >>> low, details = WaveletSplit(dims=3)(torch.rand(1, 2, 4, 6, 5))
        >>> WaveletUpsample(dims=3, threshold=0.25)(low, details).shape
        torch.Size([1, 2, 4, 6, 5])
    """

    def __init__(
        self,
        wavelet: LayerWavelet = "haar",
        *,
        dims: int = 2,
        mode: str = "periodization",
        threshold: float | None = None,
    ) -> None:
        if threshold is not None:
            positive(threshold=threshold)
        super().__init__(wavelet, dims, mode)
        self.threshold = threshold

    def forward(
        self, x: Float[Tensor, "batch channels *half"], kept: Details
    ) -> Float[Tensor, "batch channels *space"]:
        """Return x as the low band, put together with the details that were kept."""
        bands = kept.bands
        if self.threshold is not None:
            bands = {name: F.hardshrink(band, self.threshold) for name, band in bands.items()}
        return idwt({"a" * self.dims: x, **bands}, self.bank, dims=self.dims, mode=self.mode, shape=kept.shape)
