"""Linear maps of images with exact inverses, and the frequency-domain pieces that losses are made of."""

from subband.transforms.dwt import dwt, idwt
from subband.transforms.filter_bank import FilterBank, filter_bank, orthogonal_bank, wavelet_names
from subband.transforms.spectrum import SubbandCovariances, subband_covariances
from subband.transforms.steerable import Pyramid, reconstruct, steerable_pyramid
from subband.transforms.wavedec import Coefficients, wavedec, waverec

__all__ = [
    "Coefficients",
    "FilterBank",
    "Pyramid",
    "SubbandCovariances",
    "dwt",
    "filter_bank",
    "idwt",
    "orthogonal_bank",
    "reconstruct",
    "steerable_pyramid",
    "subband_covariances",
    "wavedec",
    "wavelet_names",
    "waverec",
]
