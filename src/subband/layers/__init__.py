"""Layers made of transforms: wavelet down- and up-sampling, and networks converted to them."""

from subband.layers.conversion_report import ConversionReport, conversion_report
from subband.layers.convert import waveletize
from subband.layers.downsample import Details, WaveletDownsample, WaveletSplit, WaveletUpsample
from subband.layers.dwt import DWT, IDWT, stack_bands, unstack_bands
from subband.layers.layer_maps import layer_maps
from subband.layers.learnable import FreeFilters, OrthogonalFilters
from subband.layers.low_pass import LowPass
from subband.layers.window import Window

__all__ = [
    "DWT",
    "IDWT",
    "ConversionReport",
    "Details",
    "FreeFilters",
    "LowPass",
    "OrthogonalFilters",
    "WaveletDownsample",
    "WaveletSplit",
    "WaveletUpsample",
    "Window",
    "conversion_report",
    "layer_maps",
    "stack_bands",
    "unstack_bands",
    "waveletize",
]
