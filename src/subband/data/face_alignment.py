"""Faces brought to one place by five points: eyes, tip of the nose, corners of the mouth."""

import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from subband._check import positive

Points = Float[NDArray[np.floating], "points 2"]

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where the five points (x, y) come to lie in an image of 112 x 112 pixels; left in the image first."""

TEMPLATE_SIZE = 112


def five_points(landmarks: Float[NDArray[np.floating], "68 2"]) -> Float[NDArray[np.float64], "5 2"]:
    """Five points of the 68 of iBUG's scheme: ends of the eyes averaged, tip of the nose, corners of the mouth.

    Args:
        landmarks: (x, y) of the 68 points, in pixels.

    Raises:
        ValueError: If there are not 68.

    Source:
        CVI-SZU/UniTSFace and deepinsight/insightface: points 36 and 39, 42 and 45, 30, 48, 54, counted from 0.

    Example:
        >>> five_points(np.stack([np.arange(68.0), np.zeros(68)], 1))[:, 0].tolist()
        [37.5, 43.5, 30.0, 48.0, 54.0]
    """
    if landmarks.shape != (68, 2):
        raise ValueError(f"landmarks have shape {landmarks.shape}, but must be 68 points (68, 2)")
    points = np.asarray(landmarks, np.float64)
    eyes = (points[[36, 42]] + points[[39, 45]]) / 2
    return np.concatenate([eyes, points[[30, 48, 54]]])


def similarity(points: Points, target: Points) -> Float[NDArray[np.float64], "2 3"]:
    r"""Turn, scale and shift that bring points nearest to others, without mirroring.

    .. math:: \min_{s, R, t} \sum_i \| s R p_i + t - q_i \|^2, \qquad R^\top R = 1, \ \det R = 1

    Written with complex numbers the best :math:`s R` is :math:`\sum \bar p_i q_i / \sum |p_i|^2` of the centred points.

    Args:
        points: (x, y) of the points :math:`p_i`.
        target: (x, y) of the points :math:`q_i`.

    Returns:
        Matrix :math:`[s R \mid t]`.

    Raises:
        ValueError: If the numbers of points differ, there are fewer than two, one is not finite, or all lie at one
            place.

    Source:
        Umeyama, Least-squares estimation of transformation parameters, 1991, without its mirrored case: where the
        points fit the mirrored template better, the best true turn is taken.

    Example:
        >>> similarity(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0], [3.0, 6.0]])).tolist()
        [[0.0, -2.0, 3.0], [2.0, 0.0, 4.0]]
    """
    p, q = (np.asarray(each, np.float64) for each in (points, target))
    if p.shape != q.shape or p.ndim != 2 or p.shape[1] != 2 or len(p) < 2:
        raise ValueError(f"points have shape {p.shape} and target {q.shape}; give both (n, 2) with 2 points or more")
    a, b = ((each[:, 0] + 1j * each[:, 1]) for each in (p, q))
    if not np.isfinite(p).all() or np.ptp(p, 0).max() == 0:
        raise ValueError(f"the points {p.tolist()} are not finite or lie at one place; mark the face again")
    centred = a - a.mean()
    factor = (centred.conj() * b).sum() / (np.abs(centred) ** 2).sum()
    shift = b.mean() - factor * a.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def align_face(
    image: UInt8[NDArray[np.uint8], "channels height width"],
    points: Float[NDArray[np.floating], "5 2"],
    *,
    size: int = TEMPLATE_SIZE,
) -> UInt8[NDArray[np.uint8], "channels size size"]:
    """The face as recognition networks want it: its five points at those of `TEMPLATE`, linear, black outside.

    Args:
        image: 8 bits.
        points: Left eye in the image, right eye, tip of the nose, left and right corner of the mouth: (x, y) in pixels,
            where (0, 0) is the middle of the first pixel.
        size: Side of the result in pixels; the template grows with it.

    Raises:
        ValueError: If there are not five points, or they lie at one place.

    Source:
        deepinsight/insightface, ``face_align.py``: template, similarity and border. Where theirs rounds the places to
        1/32 of a pixel (OpenCV), ours are exact, which is up to a few grey values at sharp edges. For another size
        they shift the template by 8 pixels of 128; ours scales with the image.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 256, (3, 112, 112)).astype(np.uint8)
        >>> bool((align_face(image, TEMPLATE) == image).all())
        True
    """
    from scipy import ndimage

    positive(size=size)
    if np.shape(points) != (5, 2):
        raise ValueError(f"points have shape {np.shape(points)}, but must be five (5, 2); see five_points for 68")
    matrix = similarity(points, TEMPLATE * (size / TEMPLATE_SIZE))
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    rows_first = back[::-1, [1, 0, 2]]
    found = [
        ndimage.affine_transform(
            channel.astype(np.float64),
            rows_first[:, :2],
            offset=rows_first[:, 2],
            output_shape=(size, size),
            order=1,
            mode="grid-constant",
        )
        for channel in image
    ]
    return np.asarray(np.rint(np.stack(found)), np.uint8)
