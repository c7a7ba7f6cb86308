"""Linear maps of images with exact inverses, and the frequency-domain pieces that losses are made of."""

from subband.transforms.spectrum import SubbandCovariances, subband_covariances
from subband.transforms.steerable import Pyramid, reconstruct, steerable_pyramid

__all__ = ["Pyramid", "SubbandCovariances", "reconstruct", "steerable_pyramid", "subband_covariances"]
