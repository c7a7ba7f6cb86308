"""Discrete wavelet transform over several levels."""

from dataclasses import dataclass

from jaxtyping import Float, Shaped
from torch import Tensor

from subband.transforms._signal import Dims, read_axes, read_level
from subband.transforms.dwt import Bands, band_sizes, dwt, idwt
from subband.transforms.filter_bank import Wavelet, filter_bank


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Wavelet coefficients over several levels, and how they were made; change values with `dataclasses.replace`.

    Attributes:
        approx: Low-pass band of the last level.
        details: Bands of each level but its low-pass one, the coarsest first, as PyWavelets' ``wavedecn`` has them.
        wavelet: As given to `wavedec`.
        mode: As given to `wavedec`.
        shape: Sizes of the transformed axes.
        axes: The transformed axes, from the end.
    """

    approx: Tensor
    details: tuple[Bands, ...]
    wavelet: Wavelet
    mode: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]


def wavedec(
    x: Shaped[Tensor, "..."],
    wavelet: Wavelet = "haar",
    *,
    dims: Dims = 2,
    level: int | None = None,
    mode: str = "periodization",
    compiled: bool = False,
) -> Coefficients:
    r"""Split x into wavelet bands over several levels: each level splits the low-pass band of the one before.

    Args:
        x: As for `dwt`.
        wavelet: As for `dwt`.
        dims: As for `dwt`.
        level: Number of levels. None takes the largest with a coefficient that no border reaches (at least 1),
            :math:`\lfloor \log_2 (N / (F - 1)) \rfloor` of the shortest axis, as PyWavelets does.
        mode: As for `dwt`.
        compiled: As for `dwt`.

    Returns:
        Low-pass band and details, with what `waverec` needs.

    Raises:
        ValueError: As `dwt`, or if there are more levels than the longest axis can be halved.

    Source:
        Mallat, 1989; equal to ``pywt.wavedecn``.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 3, 33, 47)
        >>> coefficients = wavedec(x, "db2", level=3)
        >>> tuple(coefficients.approx.shape), [tuple(level["dd"].shape[-2:]) for level in coefficients.details]
        ((2, 3, 5, 6), [(5, 6), (9, 12), (17, 24)])
    """
    bank, axes = filter_bank(wavelet), read_axes(x, dims)
    sizes = tuple(x.shape[axis] for axis in axes)
    if level is None:
        level = max(1, min((size // (len(bank) - 1)).bit_length() - 1 for size in sizes))
    approx = x
    details: list[Bands] = []
    for _ in range(read_level(level, sizes)):
        bands = dwt(approx, bank, dims=axes, mode=mode, compiled=compiled)
        approx = bands.pop("a" * len(axes))
        details.insert(0, bands)
    return Coefficients(approx, tuple(details), wavelet, mode, sizes, tuple(axis - x.ndim for axis in axes))


def waverec(coefficients: Coefficients, *, compiled: bool = False) -> Float[Tensor, "..."]:
    """Put the coefficients of `wavedec` together again; the size is that of what they are of, odd or even.

    Args:
        coefficients: What `wavedec` returned, its values changed or not.
        compiled: As for `dwt`.

    Returns:
        (*batch, *space).

    Raises:
        ValueError: If a band has another size than it had.

    Source:
        As `wavedec`.

    Example:
        >>> import torch
        >>> x = torch.rand(1, 7, 5, 9, dtype=torch.float64)
        >>> bool((waverec(wavedec(x, "bior2.2", dims=3, level=2)) - x).abs().max() < 1e-12)
        True
    """
    bank, low = filter_bank(coefficients.wavelet), "a" * len(coefficients.axes)
    sizes = [coefficients.shape]
    for _ in coefficients.details[1:]:
        sizes.append(tuple(band_sizes(size, bank, coefficients.mode)[0] for size in sizes[-1]))
    x = coefficients.approx
    for details, size in zip(coefficients.details, reversed(sizes), strict=True):
        bands = {low: x, **details}
        x = idwt(bands, bank, dims=coefficients.axes, mode=coefficients.mode, shape=size, compiled=compiled)
    return x
