"""Random changes of an image's values, which leave its mask as it is."""

import numpy as np

from subband.data.sample import FloatImage

Generator = np.random.Generator
LARGEST_BLUR = 1.0
"""Largest standard deviation of a random blur, in pixels."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Share of red, green and blue in the grey value (ITU-R BT.601)."""


def change_intensity(generator: Generator, image: FloatImage, brightness: float, contrast: float) -> FloatImage:
    """Shift an image in [0, 1] and stretch it around its mean, both at random; cut to [0, 1]."""
    shift = np.float32(generator.uniform(-brightness, brightness))
    gain = np.float32(1 + generator.uniform(-contrast, contrast))
    mean = image.mean(dtype=np.float32)
    changed: FloatImage = np.clip((image - mean) * gain + mean + shift, 0, 1)
    return changed


def blur_sometimes(generator: Generator, image: FloatImage, probability: float) -> FloatImage:
    """Blur an image (C, *space), with some probability, by a Gaussian of random deviation up to `LARGEST_BLUR`."""
    from scipy import ndimage

    if generator.random() >= probability:
        return image
    sigma = generator.uniform(0, LARGEST_BLUR)
    blurred: FloatImage = ndimage.gaussian_filter(image, (0, *([sigma] * (image.ndim - 1))), truncate=3)
    return blurred


def jitter_colour(generator: Generator, image: FloatImage, strength: float) -> FloatImage:
    r"""Change brightness, contrast and saturation of an image (C, *space) in [0, 1], in random order.

    .. math:: x \mapsto r + f (x - r), \qquad f \sim U(1 - s, 1 + s)

    with reference :math:`r` black, the mean of the grey image, or the grey image; cut to [0, 1] after each.

    Args:
        generator: Draws the order and the three factors.
        image: Colour is three channels; the grey value of other images is the mean of their channels.
        strength: :math:`s`, in [0, 1].

    Source:
        The three changes of torchvision's ``ColorJitter``, without its hue.
    """
    for change in generator.permutation(3):
        factor = np.float32(generator.uniform(1 - strength, 1 + strength))
        if change == 0:
            reference = np.zeros((), np.float32)
        else:
            grey = np.tensordot(LUMA, image, 1) if len(image) == len(LUMA) else image.mean(0, dtype=np.float32)
            reference = grey.mean(dtype=np.float32) if change == 1 else grey
        image = np.clip(reference + factor * (image - reference), 0, 1)
    return image
