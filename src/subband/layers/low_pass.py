r"""Low-pass filtering and down-sampling in one depthwise convolution: what replaces a stride or a pooling layer."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.fx
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import closest, one_of
from subband.layers.window import HALF, Window, margins, steps_of
from subband.transforms.filter_bank import Wavelet, filter_bank, wavelet_names

Gain = Literal["orthonormal", "dc1"]

_BLUR = {f"blur{count}": count for count in range(2, 8)}
_CONV: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def low_pass_taps(wavelet: Wavelet, *, gain: Gain = "orthonormal") -> tuple[float, ...]:
    """Taps of a low-pass filter in the order of a correlation, see `LowPass`."""
    one_of("gain", gain, ("orthonormal", "dc1"))
    if isinstance(wavelet, str) and wavelet in _BLUR:
        count = _BLUR[wavelet]
        return tuple(math.comb(count - 1, place) / 2 ** (count - 1) for place in range(count))
    if isinstance(wavelet, str) and wavelet not in wavelet_names():
        raise ValueError(
            f"there is no wavelet or blur called {wavelet!r}{closest(wavelet, [*wavelet_names(), *_BLUR])} "
            "(known: the names of subband.transforms.wavelet_names(), and blur2 to blur7)"
        )
    bank = filter_bank(wavelet)
    if bank.learnable:
        raise ValueError("the filters learn, but this low-pass filter is fixed; use WaveletDownsample for them")
    taps = [float(tap) for tap in bank.analysis[0]]
    total = math.fsum(taps) if gain == "dc1" else 1.0
    return tuple(tap / total for tap in taps)


class LowPass(nn.Module):
    r"""Low-pass filters every channel and keeps every second sample: the low band of `subband.transforms.dwt` alone.

    .. math:: y[k] = \sum_m h[m] \, x[2k + m - \lfloor (F - 1)/2 \rfloor + \lfloor (k_w - 1)/2 \rfloor - p]

    along each axis in turn, with zeros beyond the ends, for a window of size :math:`k_w` and padding p; as one
    depthwise convolution of stride 2 (axis by axis for long filters), whose padding is the same for every input size.

    Args:
        wavelet: Name or bank as for `subband.transforms.filter_bank`, or ``blur2`` to ``blur7``, the binomial filters
            of anti-aliased networks, which sum to 1.
        dims: Number of spatial axes, 1 to 3.
        window: Size, stride and padding of what is replaced, for all axes or one for each. The default leaves
            :math:`\lceil n/2 \rceil` samples, ``Window(ceil_mode=False)`` the authors' :math:`\lfloor n/2 \rfloor`.
        gain: ``orthonormal``: the wavelet's own filter, whose sum :math:`\sqrt 2` doubles the mean of an image.
            ``dc1``: divided by its sum.

    Raises:
        ValueError: If an option is unknown, or filters learn; from a call, if the input is not floating point.

    Source:
        Li et al., WaveCNet, 2020 (arXiv:2005.03337), ``DWT_2D_tiny``: the same numbers for even sizes, and for odd ones
        with ``ceil_mode=False``. Blur: Zhang, 2019 (arXiv:1904.11486), with zeros for reflection. Ours: windows.

    Example:
        >>> import torch
        >>> LowPass("haar", gain="dc1")(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]))
        tensor([[[[4.]]]])
    """

    def __init__(
        self,
        wavelet: Wavelet = "haar",
        *,
        dims: int = 2,
        window: Window | Sequence[Window] = HALF,
        gain: Gain = "orthonormal",
    ) -> None:
        super().__init__()
        if dims not in _CONV:
            raise ValueError(f"dims is {dims}, but must be 1 for signals, 2 for images or 3 for volumes")
        self.windows = (window,) * dims if isinstance(window, Window) else tuple(window)
        if len(self.windows) != dims:
            raise ValueError(f"there are {len(self.windows)} windows for {dims} axes; give one, or one for each axis")
        self.dims, self.gain, self.taps = dims, gain, low_pass_taps(wavelet, gain=gain)
        self.wavelet = wavelet if isinstance(wavelet, str) else filter_bank(wavelet).name
        self.steps = steps_of(self.windows, len(self.taps))
        where, dtype = torch.get_default_device(), torch.get_default_dtype()
        for number, kernel in enumerate(self._kernels()):
            self.register_buffer(f"kernel{number}", kernel.to(device=where, dtype=dtype), persistent=False)

    def _kernels(self) -> list[Tensor]:
        """Kernels of all steps in float64: the taps, with zeros where the two borders of an axis differ."""
        kernels = []
        for step in self.steps:
            kernel = torch.ones((1,) * (self.dims + 2), dtype=torch.float64, device="cpu")
            for axis, (front, behind) in step.items():
                taps = F.pad(kernel.new_tensor(self.taps), margins(front, behind))
                kernel = kernel * taps.reshape(-1, *(1,) * (self.dims - 1 - axis))
            kernels.append(kernel)
        return kernels

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "LowPass":
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for number, kernel in enumerate(self._kernels()):  # anew, so that no rounding of an earlier dtype stays
            buffer = self.get_buffer(f"kernel{number}")
            setattr(self, f"kernel{number}", kernel.to(device=buffer.device, dtype=buffer.dtype))
        return self

    def forward(self, x: Float[Tensor, "batch channels *space"]) -> Float[Tensor, "batch channels *half"]:
        """Return x (B, C, *space), or (C, *space), at half its size; at a quarter for windows of stride 4."""
        for number, step in enumerate(self.steps):
            x = depthwise(x, self.get_buffer(f"kernel{number}"), step)
        return x

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        same = len(set(self.windows)) == 1
        return f"{self.wavelet!r}, dims={self.dims}, window={self.windows[0] if same else self.windows}"


@torch.fx.wrap  # what is traced must keep this call whole: it reads sizes
def depthwise(x: Tensor, kernel: Tensor, borders: dict[int, tuple[int, int]]) -> Tensor:
    """Filter each channel of (..., C, *space) and keep every second sample of the axes that have borders."""
    dims = kernel.ndim - 2
    if not x.is_floating_point():
        raise ValueError(f"x has dtype {x.dtype}, but must be real floating point; convert it, e.g. x.float()")
    if x.ndim not in (dims + 1, dims + 2):
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but must have a channel axis and {dims} axes of space; set dims"
        )
    channels = int(x.shape[-dims - 1])  # a number, so that every exporter knows the kernel's shape
    weight = kernel.to(x.dtype).expand(channels, *kernel.shape[1:])
    stride = [2 if axis in borders else 1 for axis in range(dims)]
    padding = [max(*borders[axis], 0) if axis in borders else 0 for axis in range(dims)]
    return _CONV[dims](x, weight, stride=stride, padding=padding, groups=channels)
