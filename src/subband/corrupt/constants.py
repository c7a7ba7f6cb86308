"""The published strength of each corruption at each severity, for the three sizes of image that there are."""

import math

from subband._check import one_of

Constants = tuple[float, ...]
"""Numbers of one corruption at one severity; each function says what they are."""

_ELASTIC = 244  # the published script's size for images of 224, kept so that its numbers come out
IMAGENET: dict[str, tuple[Constants, ...]] = {
    "gaussian_noise": ((0.08,), (0.12,), (0.18,), (0.26,), (0.38,)),
    "shot_noise": ((60,), (25,), (12,), (5,), (3,)),
    "impulse_noise": ((0.03,), (0.06,), (0.09,), (0.17,), (0.27,)),
    "defocus_blur": ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    "snow": (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    "frost": ((1, 0.4, 1), (0.8, 0.6, 1), (0.7, 0.7, 1), (0.65, 0.7, 1), (0.6, 0.75, 1)),
    "fog": ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    "brightness": ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
    "contrast": ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
    "elastic_transform": (
        (_ELASTIC * 2, _ELASTIC * 0.7, _ELASTIC * 0.1),
        (_ELASTIC * 2, _ELASTIC * 0.08, _ELASTIC * 0.2),
        (_ELASTIC * 0.05, _ELASTIC * 0.01, _ELASTIC * 0.02),
        (_ELASTIC * 0.07, _ELASTIC * 0.01, _ELASTIC * 0.02),
        (_ELASTIC * 0.12, _ELASTIC * 0.01, _ELASTIC * 0.02),
    ),
    "pixelate": ((0.6,), (0.5,), (0.4,), (0.3,), (0.25,)),
    "jpeg_compression": ((25,), (18,), (15,), (10,), (7,)),
    "speckle_noise": ((0.15,), (0.2,), (0.35,), (0.45,), (0.6,)),
    "gaussian_blur": ((1,), (2,), (3,), (4,), (6,)),
    "spatter": (
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
    "saturate": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
}
"""ImageNet-C, images of 224 pixels."""

_SMALL_SNOW = (  # CIFAR-10-C and Tiny ImageNet-C differ in the last number alone
    (0.1, 0.2, 1, 0.6, 8, 3),
    (0.1, 0.2, 1, 0.5, 10, 4),
    (0.15, 0.3, 1.75, 0.55, 10, 4),
    (0.25, 0.3, 2.25, 0.6, 12, 6),
    (0.3, 0.3, 1.25, 0.65, 14, 12),
)
_SMALL_ZOOM = ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01))
TINY: dict[str, tuple[Constants, ...]] = {
    "gaussian_noise": ((0.04,), (0.08,), (0.12,), (0.15,), (0.18,)),
    "shot_noise": ((250,), (100,), (50,), (30,), (15,)),
    "impulse_noise": ((0.01,), (0.02,), (0.05,), (0.08,), (0.14,)),
    "defocus_blur": ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
    "glass_blur": ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
    "motion_blur": ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
    "zoom_blur": _SMALL_ZOOM,
    "snow": tuple((*row, kept) for row, kept in zip(_SMALL_SNOW, (0.8, 0.8, 0.7, 0.65, 0.6), strict=True)),
    "frost": ((1, 0.3, 0.3), (0.9, 0.4, 0.3), (0.8, 0.45, 0.3), (0.75, 0.5, 0.3), (0.7, 0.55, 0.3)),
    "fog": ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
    "brightness": ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
    "contrast": ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
    "elastic_transform": (
        (0, 0, 64 * 0.08),
        (64 * 0.05, 64 * 0.3, 64 * 0.06),
        (64 * 0.1, 64 * 0.08, 64 * 0.06),
        (64 * 0.1, 64 * 0.03, 64 * 0.03),
        (64 * 0.16, 64 * 0.03, 64 * 0.02),
    ),
    "pixelate": ((0.9,), (0.8,), (0.7,), (0.6,), (0.5,)),
    "jpeg_compression": ((65,), (58,), (50,), (40,), (25,)),
    "speckle_noise": ((0.15,), (0.2,), (0.25,), (0.3,), (0.35,)),
    "gaussian_blur": ((0.5,), (0.75,), (1,), (1.25,), (1.5,)),
    "spatter": (
        (0.62, 0.1, 0.7, 0.7, 0.6, 0),
        (0.65, 0.1, 0.8, 0.7, 0.6, 0),
        (0.65, 0.3, 1, 0.69, 0.6, 0),
        (0.65, 0.1, 0.7, 0.68, 0.6, 1),
        (0.65, 0.1, 0.5, 0.67, 0.6, 1),
    ),
    "saturate": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
}
"""Tiny ImageNet-C, images of 64 pixels."""

CIFAR: dict[str, tuple[Constants, ...]] = {
    "gaussian_noise": ((0.04,), (0.06,), (0.08,), (0.09,), (0.10,)),
    "shot_noise": ((500,), (250,), (100,), (75,), (50,)),
    "impulse_noise": ((0.01,), (0.02,), (0.03,), (0.05,), (0.07,)),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    "zoom_blur": _SMALL_ZOOM,
    "snow": tuple((*row, kept) for row, kept in zip(_SMALL_SNOW, (0.95, 0.9, 0.9, 0.85, 0.8), strict=True)),
    "frost": ((1, 0.2, 0.2), (1, 0.3, 0.2), (0.9, 0.4, 0.2), (0.85, 0.4, 0.2), (0.75, 0.45, 0.2)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "brightness": ((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),
    "contrast": ((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),
    "elastic_transform": (
        (0, 0, 32 * 0.08),
        (32 * 0.05, 32 * 0.2, 32 * 0.07),
        (32 * 0.08, 32 * 0.06, 32 * 0.06),
        (32 * 0.1, 32 * 0.04, 32 * 0.05),
        (32 * 0.1, 32 * 0.03, 32 * 0.03),
    ),
    "pixelate": ((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),
    "jpeg_compression": ((80,), (65,), (58,), (50,), (40,)),
    "speckle_noise": ((0.06,), (0.1,), (0.12,), (0.16,), (0.2,)),
    "gaussian_blur": ((0.4,), (0.6,), (0.7,), (0.8,), (1,)),
    "spatter": (
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
    "saturate": ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
}
"""CIFAR-10-C, images of 32 pixels."""

SIZES = {32: CIFAR, 64: TINY, 224: IMAGENET}
"""Published constants by the size of the images they were made for."""

SEVERITIES = (1, 2, 3, 4, 5)
"""From hardly seen to strong."""


def published_constants(name: str, severity: int, size: int) -> Constants:
    r"""Constants of a corruption for an image whose shorter side is ``size``.

    .. math:: \arg\min_{s \in \{32, 64, 224\}} |\log(\mathrm{size} / s)|

    The set made for the nearest size serves, on a logarithmic scale: CIFAR-10-C below 46 pixels, Tiny ImageNet-C from
    46 to 119, ImageNet-C from 120 on. Nothing between the sets is interpolated, and lengths are pixels of the image
    as it comes, as in the corrupted COCO of the detection papers; only those of the elastic transform, which the
    scripts write as parts of the size, grow with it. So at 32, 64 and 224 the published numbers hold.

    Args:
        name: A name of `subband.corrupt.ALL_CORRUPTIONS`.
        severity: 1 to 5.
        size: In pixels.

    Returns:
        The numbers, in the order of the published scripts; for frost with the scale of its pictures behind them.

    Raises:
        ValueError: If the corruption or the severity is unknown.

    Source:
        hendrycks/robustness, ``make_imagenet_c.py``, ``make_tinyimagenet_c.py``, ``make_cifar_c.py``. The rule is ours.
        Not every published step is stronger than the one before: those of glass blur, elastic transform and saturate
        are not at any size, and at 32 pixels motion blur 4, snow 5 and frost 4 are about as strong as 3, 4 and 3.

    Example:
        >>> [published_constants("gaussian_noise", 5, size) for size in (16, 64, 512)]
        [(0.1,), (0.18,), (0.38,)]
    """
    one_of("corruption", name, IMAGENET)
    if severity not in SEVERITIES:
        raise ValueError(f"severity is {severity}, but must be a whole number from 1 to 5")
    nearest = min(SIZES, key=lambda one: abs(math.log(size / one)))
    found = SIZES[nearest][name][int(severity) - 1]
    return tuple(number * size / nearest for number in found) if name == "elastic_transform" else found
