"""Linear maps of images with exact inverses, and the frequency-domain pieces that losses are made of."""

from subband.transforms.dwt import dwt, idwt
from subband.transforms.exponential import compose, exponential, invert
from subband.transforms.field import Field, Grid
from subband.transforms.filter_bank import FilterBank, filter_bank, orthogonal_bank, wavelet_names
from subband.transforms.packets import Packets, inverse_wavelet_packets, wavelet_packets
from subband.transforms.rasterize import rasterize
from subband.transforms.spectrum import SubbandCovariances, subband_covariances
from subband.transforms.stationary import StationaryCoefficients, iswt, swt
from subband.transforms.steerable import Pyramid, reconstruct, steerable_pyramid
from subband.transforms.tree import Tree
from subband.transforms.warp import identity_grid, warp, warp_labels
from subband.transforms.wavedec import Coefficients, wavedec, waverec

__all__ = [
    "Coefficients",
    "Field",
    "FilterBank",
    "Grid",
    "Packets",
    "Pyramid",
    "StationaryCoefficients",
    "SubbandCovariances",
    "Tree",
    "compose",
    "dwt",
    "exponential",
    "filter_bank",
    "identity_grid",
    "idwt",
    "inverse_wavelet_packets",
    "invert",
    "iswt",
    "orthogonal_bank",
    "rasterize",
    "reconstruct",
    "steerable_pyramid",
    "subband_covariances",
    "swt",
    "warp",
    "warp_labels",
    "wavedec",
    "wavelet_names",
    "wavelet_packets",
    "waverec",
]
