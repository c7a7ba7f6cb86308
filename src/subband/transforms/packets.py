"""Wavelet packets: low-pass and high-pass bands are split alike, level by level, into a full tree."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of
from subband.transforms._signal import Dims, read_axes, read_level
from subband.transforms.dwt import Bands, band_sizes, dwt, idwt
from subband.transforms.filter_bank import FilterBank, Wavelet, filter_bank


@dataclass(frozen=True, eq=False)
class Packets:
    """Wavelet packets of one level, and how they were made; change values with `dataclasses.replace`.

    Attributes:
        bands: Bands by path: the band's name at the first level, at the second, and so on; ``aaad`` is the band ``ad``
            of the band ``aa`` of an image, ``ad`` the high-pass band of the low-pass band of a signal.
        wavelet: As given to `wavelet_packets`.
        mode: As given to `wavelet_packets`.
        shape: Sizes of the transformed axes.
        axes: The transformed axes, from the end.
    """

    bands: Bands
    wavelet: Wavelet
    mode: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]


def wavelet_packets(
    x: Shaped[Tensor, "..."],
    wavelet: Wavelet = "haar",
    *,
    dims: Dims = 2,
    level: int = 1,
    mode: str = "periodization",
    order: Literal["natural", "frequency"] = "natural",
    compiled: bool = False,
) -> Packets:
    r"""Split x into :math:`2^{d \cdot \text{level}}` bands of about one size: every band is split again.

    Args:
        x: As for `dwt`.
        wavelet: As for `dwt`.
        dims: As for `dwt`.
        level: Number of levels, from 1 on.
        mode: As for `dwt`.
        order: Order of the bands. ``natural``: by path, low before high. ``frequency``: by rising frequency along the
            first axis, then the second, and so on; a high-pass band has its frequencies reversed, so its halves change
            places. The names are the same.
        compiled: As for `dwt`.

    Returns:
        Bands of the last level by path, with what `inverse_wavelet_packets` needs.

    Raises:
        ValueError: As `dwt`, or if there are more levels than the longest axis can be halved.

    Source:
        Coifman and Wickerhauser, 1992; equal to ``pywt.WaveletPacketND`` and its paths, and to the order ``freq`` of
        ``pywt.WaveletPacket``.

    Example:
        >>> import torch
        >>> packets = wavelet_packets(torch.rand(3, 20), "db2", dims=1, level=2, order="frequency")
        >>> {path: tuple(band.shape) for path, band in packets.bands.items()}
        {'aa': (3, 5), 'ad': (3, 5), 'dd': (3, 5), 'da': (3, 5)}
    """
    one_of("order", order, ("natural", "frequency"))
    bank, axes = filter_bank(wavelet), read_axes(x, dims)
    shape = tuple(x.shape[axis] for axis in axes)
    bands = {"": x}
    for _ in range(read_level(level, shape)):
        bands = {
            path + name: half
            for path, band in bands.items()
            for name, half in dwt(band, bank, dims=axes, mode=mode, compiled=compiled).items()
        }
    if order == "frequency":
        bands = {path: bands[path] for path in sorted(bands, key=lambda path: _frequency(path, len(axes)))}
    return Packets(bands, wavelet, mode, shape, tuple(axis - x.ndim for axis in axes))


def inverse_wavelet_packets(packets: Packets, *, compiled: bool = False) -> Float[Tensor, "..."]:
    """Put the bands of `wavelet_packets` together again; the size is that of what they are of, odd or even.

    Args:
        packets: What `wavelet_packets` returned, its values changed or not; a missing band counts as zero.
        compiled: As for `dwt`.

    Returns:
        (*batch, *space).

    Raises:
        ValueError: If there is no band, or one has another name or size than it had.

    Source:
        As `wavelet_packets`.

    Example:
        >>> import torch
        >>> x = torch.rand(1, 5, 9, dtype=torch.float64)
        >>> bool((inverse_wavelet_packets(wavelet_packets(x, "db2", level=2)) - x).abs().max() < 1e-12)
        True
    """
    bank, count, bands = filter_bank(packets.wavelet), len(packets.axes), packets.bands
    _check_paths(bands, count)
    while "" not in bands:
        nodes: dict[str, Bands] = {}
        for path, band in bands.items():
            nodes.setdefault(path[:-count], {})[path[-count:]] = band
        bands = {
            path: idwt(
                children,
                bank,
                dims=packets.axes,
                mode=packets.mode,
                shape=_size(path, packets.shape, bank, packets.mode),
                compiled=compiled,
            )
            for path, children in nodes.items()
        }
    return bands[""]


def _size(path: str, shape: tuple[int, ...], bank: FilterBank, mode: str) -> tuple[int, ...]:
    """Size of the band at a path."""
    for name in _names(path, len(shape)):
        shape = tuple(
            band_sizes(size, bank, mode)["ad".index(letter)] for size, letter in zip(shape, name, strict=True)
        )
    return shape


def _names(path: str, count: int) -> list[str]:
    """Names of a band's ancestors and its own, each within its parent."""
    return [path[start : start + count] for start in range(0, len(path), count)]


def _frequency(path: str, count: int) -> tuple[int, ...]:
    """Place of a band among the frequencies, along each axis: its path as a Gray code."""
    places = []
    for axis in range(count):
        place = 0
        for letter in path[axis::count]:
            place = 2 * place + ((letter == "d") ^ (place & 1))
        places.append(place)
    return tuple(places)


def _check_paths(bands: Bands, count: int) -> None:
    wrong = [path for path in bands if not path or len(path) % count or set(path) - set("ad")]
    lengths = sorted({len(path) // count for path in bands})
    if wrong or len(lengths) != 1:
        found = f"a band at {wrong[0]!r}" if wrong else f"bands of the levels {lengths}" if bands else "no band"
        raise ValueError(
            f"there is {found}, but packets of {count} axes have bands of one level, whose paths are made of "
            f"{'a' * count!r} to {'d' * count!r}, one such name for each level"
        )
