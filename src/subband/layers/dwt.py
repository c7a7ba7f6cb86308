"""The wavelet transform as layers, which remember its options and may learn its filters."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from subband._check import positive
from subband.layers._bank import BankLayer, LayerWavelet
from subband.transforms._signal import first_band
from subband.transforms.dwt import Bands, dwt, idwt
from subband.transforms.wavedec import Coefficients, wavedec, waverec


class _Transform(BankLayer):
    """Options of a transform and of its inverse."""

    def __init__(self, wavelet: LayerWavelet, dims: int, level: int, mode: str, compiled: bool) -> None:
        positive(level=level)
        super().__init__(wavelet, dims, mode)
        self.level, self.compiled = level, compiled

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{super().extra_repr()}, level={self.level}{', compiled=True' if self.compiled else ''}"


class DWT(_Transform):
    """`subband.transforms.dwt` as a layer; with more than one level, `subband.transforms.wavedec`.

    Args:
        wavelet: As for `subband.transforms.dwt`, or a module that returns a bank, whose filters are learnt:
            `OrthogonalFilters`, `FreeFilters`.
        dims: Number of last axes to transform, 1 to 3.
        level: Number of levels.
        mode: As for `subband.transforms.dwt`.
        compiled: As for `subband.transforms.dwt`.

    Raises:
        ValueError: If an option is unknown; from a call, as the functions.

    Example:
        >>> bands = DWT("db2")(torch.rand(1, 3, 9, 6))
        >>> {name: tuple(band.shape) for name, band in bands.items()}["aa"], stack_bands(bands).shape
        ((1, 3, 5, 3), torch.Size([1, 3, 4, 5, 3]))
        >>> [sorted(details) for details in DWT("db2", level=2)(torch.rand(1, 3, 9, 6)).details]
        [['ad', 'da', 'dd'], ['ad', 'da', 'dd']]
    """

    def __init__(
        self,
        wavelet: LayerWavelet = "haar",
        *,
        dims: int = 2,
        level: int = 1,
        mode: str = "periodization",
        compiled: bool = False,
    ) -> None:
        super().__init__(wavelet, dims, level, mode, compiled)

    def forward(self, x: Float[Tensor, "..."]) -> Bands | Coefficients:
        """Return the bands by name at one level, the coefficients of all levels at more."""
        if self.level == 1:
            return dwt(x, self.bank, dims=self.dims, mode=self.mode, compiled=self.compiled)
        return wavedec(x, self.bank, dims=self.dims, level=self.level, mode=self.mode, compiled=self.compiled)


class IDWT(_Transform):
    """`subband.transforms.idwt` as a layer, the inverse of `DWT`; with more than one level, ``waverec``.

    Args:
        wavelet: As given to `DWT`; filters that are learnt come from the same module.
        dims: As given to `DWT`.
        level: As given to `DWT`.
        mode: As given to `DWT`.
        compiled: As for `subband.transforms.dwt`.

    Raises:
        ValueError: If an option is unknown; from a call, as the functions.

    Example:
        >>> x = torch.rand(1, 3, 9, 6)
        >>> bool((IDWT("db2")(DWT("db2")(x), shape=(9, 6)) - x).abs().max() < 1e-5)
        True
        >>> bool((IDWT("db2", level=3)(DWT("db2", level=3)(x)) - x).abs().max() < 1e-5)
        True
    """

    def __init__(
        self,
        wavelet: LayerWavelet = "haar",
        *,
        dims: int = 2,
        level: int = 1,
        mode: str = "periodization",
        compiled: bool = False,
    ) -> None:
        super().__init__(wavelet, dims, level, mode, compiled)

    def forward(
        self, bands: Mapping[str, Float[Tensor, "..."]] | Coefficients, shape: Sequence[int] | None = None
    ) -> Float[Tensor, "..."]:
        """Return what the bands or coefficients are of; ``shape`` as for `idwt`, coefficients hold their own."""
        if isinstance(bands, Coefficients) != (self.level > 1):
            found = "coefficients" if isinstance(bands, Coefficients) else "bands"
            raise ValueError(f"there are {found}, but the level is {self.level}; give IDWT the options that DWT had")
        if isinstance(bands, Coefficients):
            return waverec(bands, compiled=self.compiled)
        return idwt(bands, self.bank, dims=self.dims, mode=self.mode, shape=shape, compiled=self.compiled)


def stack_bands(bands: Mapping[str, Float[Tensor, "..."]]) -> Float[Tensor, "..."]:
    r"""Stack the :math:`2^d` bands of `subband.transforms.dwt` on an axis in front of the transformed ones.

    Args:
        bands: All bands of the d last axes, of one size.

    Returns:
        (*batch, 2**d, *space), the bands in the order of their names: aa, ad, da, dd. ``.flatten(1, 2)`` makes channels
        of them.

    Raises:
        ValueError: If a band is missing or has another size than the first.

    Source:
        Ours.

    Example:
        >>> stacked = stack_bands(dwt(torch.rand(1, 3, 8, 6)))
        >>> stacked.shape, sorted(unstack_bands(stacked))
        (torch.Size([1, 3, 4, 4, 3]), ['aa', 'ad', 'da', 'dd'])
    """
    dims = len(next(iter(bands), ""))
    first, names = first_band(bands, dims), _names(dims)
    missing = [name for name in names if name not in bands]
    if missing:
        raise ValueError(f"the band {missing[0]!r} is missing; give all {len(names)} bands, zeros where there is none")
    for name, band in bands.items():
        if band.shape != first.shape:
            raise ValueError(
                f"band {name!r} has shape {tuple(band.shape)}, but another has {tuple(first.shape)}; only bands of one "
                "size can be stacked (mode 'authors' gives such at even sizes only)"
            )
    return torch.stack([bands[name] for name in names], dim=-dims - 1)


def unstack_bands(stacked: Float[Tensor, "..."], *, dims: int = 2) -> Bands:
    """Undo `stack_bands`: views of the stacked tensor, by name.

    Args:
        stacked: (*batch, 2**dims, *space).
        dims: Number of transformed axes.

    Returns:
        Bands by name, as `subband.transforms.idwt` takes them.

    Raises:
        ValueError: If the axis in front of the ``dims`` last ones is not of size 2**dims.

    Source:
        Ours.

    Example:
        >>> bands = dwt(torch.rand(2, 7, 8), dims=1)
        >>> bool((unstack_bands(stack_bands(bands), dims=1)["d"] == bands["d"]).all())
        True
    """
    names = _names(dims)
    if stacked.ndim <= dims or stacked.shape[-dims - 1] != len(names):
        raise ValueError(
            f"stacked has shape {tuple(stacked.shape)}, but must be (*batch, {len(names)}, *space) with {dims} axes in "
            "space; see dims"
        )
    return dict(zip(names, stacked.unbind(-dims - 1), strict=True))


def _names(dims: int) -> list[str]:
    """Names of all bands in their order."""
    names = [""]
    for _ in range(dims):
        names = [name + letter for name in names for letter in "ad"]
    return names
