"""Wavelet filters that learn: orthogonal whatever the parameters, or free with a penalty."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from subband.transforms.filter_bank import FilterBank, Wavelet, filter_bank, orthogonal_bank


class OrthogonalFilters(nn.Module):
    r"""Filters of an orthogonal wavelet, made of angles: whatever they are, `idwt` undoes `dwt`.

    .. math:: \begin{pmatrix} e_0 & o_0 \end{pmatrix} = \begin{pmatrix} \cos\theta_0 & \sin\theta_0 \end{pmatrix},
        \quad \begin{pmatrix} e_k & o_k \end{pmatrix} = \begin{pmatrix} e_{k-1} & z^{-1} o_{k-1} \end{pmatrix}
        \begin{pmatrix} \cos\theta_k & \sin\theta_k \\ -\sin\theta_k & \cos\theta_k \end{pmatrix}

    Here e and o are the even and the odd taps of the synthesis low-pass filter. Every orthogonal filter of F taps has
    such angles; it sums to :math:`\sqrt 2`, and its high-pass filter to 0, if the angles sum to
    :math:`\pi/4 + 2 \pi n`. A call returns the bank; gradients reach the angles through it. Give the module to `DWT`
    and `IDWT`.

    Args:
        length: Number of taps F, even. None takes that of ``init``.
        init: Orthogonal wavelet of F taps to begin with. None draws the angles.
        zero_mean: Keep the sum of the low-pass filter at :math:`\sqrt 2`: the last angle follows from the others.
        generator: Source of the random angles; PyTorch's own if None.

    Attributes:
        angles: Parameter (F/2,), or (F/2 - 1,) with ``zero_mean``, in radians.

    Raises:
        ValueError: If the length is not even, positive and that of ``init``, nothing is left to learn, or ``init`` is
            not orthogonal.

    Source:
        Vaidyanathan and Hoang, 1988 (the lattice). Ours: initial angles from a named wavelet, and ``zero_mean``.

    Example:
        >>> filters = OrthogonalFilters(4, init="db2")
        >>> torch.allclose(filters().rec_lo, torch.tensor(filter_bank("db2").rec_lo))
        True
        >>> filters.angles.shape
        torch.Size([2])
    """

    def __init__(
        self,
        length: int | None = None,
        *,
        init: Wavelet | None = None,
        zero_mean: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        bank = None if init is None else filter_bank(init)
        length = len(bank) if length is None and bank is not None else length
        if length is None or length < 2 or length % 2:
            raise ValueError(f"length is {length}, but a filter has an even number of taps from 2 on")
        if zero_mean and length == 2:
            raise ValueError("two taps of zero mean are haar, and nothing is left to learn; give four taps or more")
        if bank is None:
            angles = math.tau * torch.rand(length // 2, generator=generator, dtype=torch.float64)
        else:
            angles = torch.tensor(lattice_angles(_orthogonal_low(bank, length)), dtype=torch.float64)
        free = angles[:-1] if zero_mean else angles
        self.zero_mean = zero_mean
        self.angles = nn.Parameter(free.to(torch.get_default_dtype()))

    def forward(self) -> FilterBank:
        """Return the bank of the angles as they are now."""
        angles = self.angles if self.angles.dtype == torch.float64 else self.angles.float()
        if self.zero_mean:
            angles = torch.cat((angles, (math.pi / 4 - angles.sum()).reshape(1)))
        return orthogonal_bank(_low_pass(angles), name="learnt")

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{2 * (len(self.angles) + self.zero_mean)}, zero_mean={self.zero_mean}"


class FreeFilters(nn.Module):
    r"""Four free filters that begin as those of a wavelet; `penalty` draws them back to exact reconstruction.

    A call returns the bank. Give the module to `DWT` and `IDWT`, and add the penalty to the loss.

    Args:
        wavelet: As for `subband.transforms.filter_bank`.

    Attributes:
        dec_lo: Parameter (F,), as are ``dec_hi``, ``rec_lo`` and ``rec_hi``.

    Raises:
        ValueError: If the wavelet is unknown.

    Source:
        The conditions of perfect reconstruction: Vetterli, 1986. Learning filters with them as penalties: Wolter et
        al., 2020 (adaptive wavelets in ``ptwt``).

    Example:
        >>> filters = FreeFilters("bior2.2")
        >>> bool(filters.penalty() < 1e-12), sum(parameter.numel() for parameter in filters.parameters())
        (True, 24)
    """

    def __init__(self, wavelet: Wavelet = "haar") -> None:
        super().__init__()
        bank = filter_bank(wavelet)
        dtype = torch.get_default_dtype()
        self.dec_lo, self.dec_hi, self.rec_lo, self.rec_hi = (
            nn.Parameter(torch.as_tensor(taps, dtype=dtype).detach().clone())
            for taps in (bank.dec_lo, bank.dec_hi, bank.rec_lo, bank.rec_hi)
        )

    def forward(self) -> FilterBank:
        """Return the bank of the filters as they are now."""
        return FilterBank(self.dec_lo, self.dec_hi, self.rec_lo, self.rec_hi, name="learnt")

    def penalty(self) -> Float[Tensor, ""]:
        r"""How far the filters are from perfect reconstruction.

        .. math:: \sum_t \Big(\sum_c (g_c * h_c)[t] - 2 \, \delta_{t, F-1}\Big)^2
            + \sum_t \Big(\sum_c \sum_m (-1)^m \, h_c[m] \, g_c[t - m]\Big)^2

        with the analysis filters h and the synthesis filters g of both bands c: the first sum is the distortion, the
        second the alias.

        Returns:
            A scalar from 0 on, without unit; 0 if and only if `idwt` undoes `dwt`.

        Source:
            Vetterli, 1986.
        """
        length = self.dec_lo.shape[0]
        sign = torch.ones_like(self.dec_lo)
        sign[1::2] = -1
        target = self.dec_lo.new_zeros(2 * length - 1)
        target[length - 1] = 2
        distortion = _product(self.rec_lo, self.dec_lo) + _product(self.rec_hi, self.dec_hi) - target
        alias = _product(self.rec_lo, sign * self.dec_lo) + _product(self.rec_hi, sign * self.dec_hi)
        return distortion.square().sum() + alias.square().sum()

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"{self.dec_lo.shape[0]}"


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Full convolution of two filters."""
    length = first.shape[0]
    return (F.pad(first, (length - 1, length - 1)).unfold(0, length, 1) * second.flip(0)).sum(-1)


def _low_pass(angles: Float[Tensor, " half"]) -> Float[Tensor, " taps"]:
    """Low-pass filter of the angles, see `OrthogonalFilters`."""
    cos, sin = angles.cos(), angles.sin()
    even, odd = cos[:1], sin[:1]
    for k in range(1, angles.shape[0]):
        even, odd = F.pad(even, (0, 1)), F.pad(odd, (1, 0))
        even, odd = even * cos[k] - odd * sin[k], even * sin[k] + odd * cos[k]
    return torch.stack((even, odd), 1).flatten()


def lattice_angles(low: Sequence[float]) -> list[float]:
    """Angles of an orthogonal low-pass filter: the recursion of `OrthogonalFilters` taken back, tap by tap."""
    even, odd = list(low[0::2]), list(low[1::2])
    angles = []
    while len(even) > 1:
        first, last = (even[0], odd[0]), (even[-1], odd[-1])
        if math.hypot(*first) >= math.hypot(*last):
            angle = math.atan2(first[1], first[0])
        else:
            angle = math.atan2(-last[0], last[1])
        cos, sin = math.cos(angle), math.sin(angle)
        even, odd = (
            [e * cos + o * sin for e, o in zip(even, odd, strict=True)][:-1],
            [o * cos - e * sin for e, o in zip(even, odd, strict=True)][1:],
        )
        angles.append(angle)
    angles.append(math.atan2(odd[0], even[0]))
    return angles[::-1]


def _orthogonal_low(bank: FilterBank, length: int) -> list[float]:
    """Synthesis low-pass filter of an orthogonal bank of so many taps."""
    if len(bank) != length:
        raise ValueError(f"init is {bank.name!r} with {len(bank)} taps, but length is {length}; give {len(bank)}")
    low = [float(tap) for tap in bank.rec_lo]
    try:
        own = orthogonal_bank(low)
    except ValueError as error:
        raise ValueError(f"init is {bank.name!r}, but must be an orthogonal wavelet: {error}") from error
    if max(abs(a - float(b)) for a, b in zip(own.dec_lo, bank.dec_lo, strict=True)) > 1e-6:
        raise ValueError(f"init is {bank.name!r}, but must be an orthogonal wavelet; FreeFilters takes any")
    return low
