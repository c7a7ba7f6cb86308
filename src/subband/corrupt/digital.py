"""What cameras and files do: brightness, contrast, saturation, large pixels, JPEG."""

import io

import numpy as np
from PIL import Image

from subband.corrupt.constants import Constants
from subband.corrupt.noise import Planes


def brightness(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Add c to the value of hue, saturation and value, which is cut at 1; hue and saturation stay."""
    value = image.max(2, keepdims=True)
    higher = np.minimum(value + constants[0], 1)
    return np.asarray(np.where(value > 0, image * higher / np.where(value > 0, value, 1), higher))


def contrast(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Leave the part c of what differs from the mean of each channel."""
    mean = image.mean((0, 1), keepdims=True)
    return np.asarray((image - mean) * constants[0] + mean)


def saturate(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Make the saturation S of each pixel c1 S + c2, cut at 1; a grey pixel has the hue of red, a grey image stays."""
    if image.shape[2] == 1:
        return image
    value = image.max(2, keepdims=True)
    below = value - image  # saturation times value, by channel
    most = below.max(2, keepdims=True)
    grey = most == 0
    old = np.where(grey, 0, most / np.where(value > 0, value, 1))
    new = np.clip(old * constants[0] + constants[1], 0, 1)
    part = np.where(grey, np.array([0.0, 1.0, 1.0]), below / np.where(grey, 1, most))
    return np.asarray(value - part * new * value)


def pixelate(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Shrink to the part c of the size and back, both by boxes."""
    height, width = image.shape[:2]
    picture = _picture(image)
    small = picture.resize((int(width * constants[0]), int(height * constants[0])), Image.Resampling.BOX)
    return _planes(small.resize((width, height), Image.Resampling.BOX))


def jpeg_compression(image: Planes, constants: Constants, rng: np.random.Generator) -> Planes:
    """Write as a JPEG file of quality c and read it."""
    file = io.BytesIO()
    _picture(image).save(file, "JPEG", quality=int(constants[0]))
    with Image.open(file) as picture:
        return _planes(picture)


def _picture(image: Planes) -> Image.Image:
    pixels = np.rint(image * 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _planes(picture: Image.Image) -> Planes:
    pixels = np.asarray(picture, np.float64) / 255
    return pixels[..., None] if pixels.ndim == 2 else pixels
