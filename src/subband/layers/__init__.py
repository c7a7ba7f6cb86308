"""Layers made of transforms: wavelet down- and up-sampling, and networks converted to them."""
