"""One image, corrupted: the same pixels for the same name of the image, whoever asks and when."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from subband._check import one_of
from subband.corrupt import blur, digital, noise, weather
from subband.corrupt.constants import Constants, published_constants
from subband.corrupt.elastic import elastic_transform
from subband.corrupt.noise import Planes
from subband.corrupt.spatter import spatter

SMALLEST = 16
"""Pixels on the shorter side of an image that can be corrupted."""

Picture = TypeVar("Picture", NDArray[Any], Tensor)
Corruption = Callable[[Planes, Constants, np.random.Generator], Planes]

_FUNCTIONS: dict[str, Corruption] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": digital.brightness,
    "contrast": digital.contrast,
    "elastic_transform": elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
    "speckle_noise": noise.speckle_noise,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": spatter,
    "saturate": digital.saturate,
}

ALL_CORRUPTIONS = tuple(_FUNCTIONS)
"""All names, the 15 of the benchmark first."""

CORRUPTIONS = ALL_CORRUPTIONS[:15]
"""The 15 corruptions of ImageNet-C's mean corruption error."""

EXTRA_CORRUPTIONS = ALL_CORRUPTIONS[15:]
"""The 4 that the authors keep for validation."""


def corrupt(image: Picture, name: str, severity: int, *, key: str) -> Picture:
    r"""Corrupt an image as ImageNet-C does.

    .. math:: y = \left[ 255 \cdot c_{name, severity}(x; \mathrm{seed}(name, severity, key)) \right] / 255

    The image is brought to 8 bit first, and so is the result, as in the published sets: arrays, tensors and written
    files give the same pixels. Chance comes from a generator of its own, whose seed is a hash (BLAKE2) of the
    corruption, the severity and ``key``; so the order of the images, the number of workers and the process do not
    matter, and the global generators are left alone.

    Args:
        image: Array (H, W), (H, W, 1) or (H, W, 3), or tensor (1, H, W) or (3, H, W), H and W at least 16; uint8, or
            floating point in [0, 1].
        name: One of `ALL_CORRUPTIONS`.
        severity: 1 to 5; the constants of `published_constants`, for the shorter side of the image.
        key: Name of the image, such as ``"cat/0001"``; other keys give other noise.

    Returns:
        An array or tensor of the same shape and type (on the same device), on the steps of 8 bit.

    Raises:
        ValueError: If a name or severity is unknown, the image is too small, has another number of channels, or values
            that are no pixels.

    Source:
        Hendrycks and Dietterich, 2019 (arXiv:1903.12261) and hendrycks/robustness. Departures: results are rounded
        where theirs are cut off; frost is grown (``_ice.py``), not photographed; zooms keep the middle exactly and
        take any shape; the elastic square is about the middle also where H and W differ; water of spatter finds its
        rims by scikit-image's Canny and exact distances; motion blur follows ImageMagick's kernel without its 8-bit
        steps. Glass blur copies pixels as the published sets do (their line that means to swap copies), exactly,
        without a loop over pixels. Grey images get what the luminance of the colours says; saturate leaves them.

    Example:
        >>> import numpy as np
        >>> image = np.full((32, 32, 3), 128, np.uint8)
        >>> noisy = corrupt(image, "gaussian_noise", 5, key="cat/0001")
        >>> noisy.shape, noisy.dtype, bool((corrupt(image, "gaussian_noise", 5, key="cat/0001") == noisy).all())
        ((32, 32, 3), dtype('uint8'), True)
    """
    one_of("corruption", name, ALL_CORRUPTIONS)
    array = _as_array(image)
    planes = _as_planes(array)
    constants = published_constants(name, severity, min(planes.shape[:2]))
    found = _FUNCTIONS[name](planes, constants, _generator(name, int(severity), key))
    pixels = np.rint(np.clip(found, 0, 1) * 255).astype(np.uint8).reshape(array.shape)
    result = pixels if array.dtype == np.uint8 else (pixels / 255).astype(array.dtype)
    if isinstance(image, Tensor):
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(result, -1, 0)))
        return tensor.to(device=image.device, dtype=image.dtype)
    return result


def _generator(name: str, severity: int, key: str) -> np.random.Generator:
    text = "\0".join((name, str(severity), key))
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.PCG64(seed))


def _as_array(image: NDArray[Any] | Tensor) -> NDArray[Any]:
    """(H, W) or (H, W, C); half precision as float32."""
    if not isinstance(image, Tensor):
        return np.asarray(image)
    if image.ndim != 3:
        raise ValueError(f"image is a tensor of shape {tuple(image.shape)}, but must be (C, H, W); corrupt one by one")
    plain = image.detach().cpu()
    return np.moveaxis((plain.float() if plain.is_floating_point() else plain).numpy(), 0, -1)


def _as_planes(array: NDArray[Any]) -> Planes:
    """(H, W, C) in [0, 1], on the steps of 8 bit."""
    planes = array[..., None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3):
        raise ValueError(
            f"image has shape {array.shape} (rows, columns, channels), but must have 1 or 3 channels: "
            "(H, W), (H, W, 1) or (H, W, 3) for arrays, (1, H, W) or (3, H, W) for tensors"
        )
    if min(planes.shape[:2]) < SMALLEST:
        raise ValueError(
            f"image has {planes.shape[0]} x {planes.shape[1]} pixels, but must have at least {SMALLEST} a side"
        )
    if planes.dtype == np.uint8:
        return planes / 255
    if planes.dtype.kind != "f":
        raise ValueError(f"image is of {planes.dtype}, but must be uint8, or floating point in [0, 1]")
    low, high = float(planes.min()), float(planes.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"image holds values from {low:.4g} to {high:.4g}, but must be within [0, 1]; corrupt before normalising"
        )
    return np.rint(planes.astype(np.float64) * 255) / 255
