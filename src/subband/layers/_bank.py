"""What all wavelet layers hold: a bank, or a module that makes one, and how to use it."""

from typing import TypeAlias, cast

from torch import nn

from subband._check import one_of
from subband.transforms._border import MODES
from subband.transforms.filter_bank import FilterBank, Wavelet, filter_bank

LayerWavelet: TypeAlias = Wavelet | nn.Module
"""What a layer takes as its wavelet: what a transform takes, or a module that returns a bank at each call."""


class BankLayer(nn.Module):
    """Holds a wavelet, the number of transformed axes and the mode.

    Raises:
        ValueError: If an option is unknown, or a bank holds tensors that nobody would train.
    """

    def __init__(self, wavelet: LayerWavelet, dims: int, mode: str) -> None:
        super().__init__()
        one_of("mode", mode, MODES)
        if dims not in (1, 2, 3):
            raise ValueError(f"dims is {dims}, but must be 1 for signals, 2 for images or 3 for volumes")
        self.wavelet = wavelet if isinstance(wavelet, nn.Module) else filter_bank(wavelet)
        if isinstance(self.wavelet, FilterBank) and self.wavelet.learnable:
            raise ValueError("the bank holds tensors, which this layer would not train; give it the module they are of")
        self.dims, self.mode = dims, mode

    @property
    def bank(self) -> FilterBank:
        """The filters as they are now."""
        return self.wavelet if isinstance(self.wavelet, FilterBank) else cast(FilterBank, self.wavelet())

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        name = f"{self.wavelet.name!r}, " if isinstance(self.wavelet, FilterBank) else ""
        return f"{name}dims={self.dims}, mode={self.mode!r}"
