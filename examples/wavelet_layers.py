"""Noise taken away in the wavelet domain: decompose, set small details to zero, put together again, for any size."""

import dataclasses
import math

import torch
import torch.nn.functional as F

from subband.data import Synthetic
from subband.transforms import wavedec, waverec

SIGMA = 0.1


def psnr(image: torch.Tensor, truth: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB, for a peak of 1."""
    return -10 * math.log10((image - truth).square().mean().item())


def denoise(image: torch.Tensor, wavelet: str, *, level: int = 3) -> torch.Tensor:
    """Keep the details whose magnitude is above three deviations of the noise."""
    coefficients = wavedec(image, wavelet, level=level)
    kept = tuple(
        {name: F.hardshrink(band, 3 * SIGMA) for name, band in bands.items()} for bands in coefficients.details
    )
    return waverec(dataclasses.replace(coefficients, details=kept))


def main() -> None:
    """Print the ratio before and after, for some wavelets."""
    sample = Synthetic("scenes", size=(127, 193), count=1, difficulty="easy")[0]  # odd on purpose
    truth = torch.from_numpy(sample.image)
    noisy = truth + SIGMA * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    print(f"noisy      {psnr(noisy, truth):5.1f} dB   {tuple(noisy.shape)}")
    for wavelet in ("haar", "db2", "db4", "bior4.4", "sym8"):
        found = denoise(noisy, wavelet)
        exact = (waverec(wavedec(noisy, wavelet, level=3)) - noisy).abs().max()
        print(f"{wavelet:<10} {psnr(found, truth):5.1f} dB   back without a threshold: error {float(exact):.0e}")


if __name__ == "__main__":
    main()
