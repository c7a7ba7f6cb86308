"""How well channels of a layer stand for parts: where they peak, how steadily, and in which part."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from subband._check import not_negative, positive
from subband.metrics._peaks import Floats, Peaks, as_maps, channel_peaks

__all__ = [
    "Peaks",
    "channel_part_agreement",
    "channel_part_matrix",
    "channel_peaks",
    "location_instability",
    "part_iou",
    "peak_deviation",
    "peak_spreadness",
]


def location_instability(peaks: Peaks, landmarks: Any, *, top: int = 100, best: float = 1.0) -> float:
    r"""How much the distance from a channel's peak to a landmark changes from image to image; lower is better.

    .. math:: \operatorname{mean}_c \operatorname{mean}_l \frac{\operatorname{std}_n \lVert p_{nc} - q_{nl} \rVert}
              {\sqrt{H^2 + W^2}}

    Args:
        peaks: From `channel_peaks`.
        landmarks: Places q (N, L, 2) of the landmarks, (x, y) in pixels; NaN where one is not seen.
        top: Images of each channel: those in which its peak is highest.
        best: Part of the channels, in (0, 1], to average over: those that change least, at least one.

    Returns:
        A part of the image's diagonal. The deviation is that of a sample (n - 1); a channel and landmark seen together
        in fewer than two of these images do not count; NaN if none counts.

    Raises:
        ValueError: If shapes do not fit or an option is out of range.

    Source:
        Zhang et al., Interpretable convolutional neural networks, 2018 (arXiv:1710.00935), section 5.1, and
        ada-shen/ICNN, ``getDistSqrtVar.py``. A peak lies in the middle of its cell.

    Example:
        >>> peaks = Peaks(np.array([[[0.0, 0.0]], [[3.0, 0.0]]]), np.ones((2, 1)), (6, 8))
        >>> round(location_instability(peaks, np.zeros((2, 1, 2))), 4)  # distances 0 and 3, deviation 2.1213
        0.2121
    """
    positive(top=top)
    if not 0 < best <= 1:
        raise ValueError(f"best is {best}, but must be a part of the channels, above 0 and up to 1")
    points = np.asarray(landmarks, np.float64)
    if points.ndim != 3 or points.shape[0] != len(peaks.places) or points.shape[2] != 2:
        raise ValueError(f"landmarks have shape {points.shape}, but must be ({len(peaks.places)}, landmarks, 2)")
    order = np.argsort(-peaks.heights, axis=0, kind="stable")[:top]
    each = []
    for channel, images in enumerate(order.T):
        away = np.linalg.norm(peaks.places[images, channel, None] - points[images], axis=2)
        each.append(_mean([np.std(one, ddof=1) for one in _known(away.T) if len(one) > 1]))
    kept = np.sort(_not_nan(np.array(each)))
    return _mean(kept[: max(1, math.floor(best * len(kept)))]) / math.hypot(*peaks.size)


def peak_spreadness(peaks: Peaks) -> float:
    """Mean distance of the mean peaks of two channels, over all pairs, in pixels; higher is more varied.

    Channels that are never active are left out; NaN if fewer than two are left.

    Source:
        The spreadness of Yin et al., Towards interpretable face recognition, 2019 (arXiv:1805.00611), as their
        project page words it.

    Example:
        >>> peak_spreadness(Peaks(np.array([[[0.0, 0.0], [3.0, 4.0]]]), np.ones((1, 2)), (8, 8)))
        5.0
    """
    means = _not_nan(np.array([_mean_rows(one) for one in peaks.places.swapaxes(0, 1)]))
    first, second = np.triu_indices(len(means), 1)
    return _mean(np.linalg.norm(means[first] - means[second], axis=1))


def peak_deviation(peaks: Peaks) -> Floats:
    """Root of the mean squared distance of each channel's peaks to their mean, in pixels, (C,); NaN if never active.

    Example:
        >>> peak_deviation(Peaks(np.array([[[0.0, 0.0]], [[6.0, 8.0]]]), np.ones((2, 1)), (9, 9)))
        array([5.])
    """
    found = [_not_nan(one) for one in peaks.places.swapaxes(0, 1)]
    return np.array([math.sqrt(one.var(0).sum()) if len(one) else math.nan for one in found])


def channel_part_matrix(peaks: Peaks, parts: Any, *, reach: int = 0) -> Floats:
    """Part of a channel's peaks that lie in each part.

    Args:
        peaks: From `channel_peaks`.
        parts: Masks (N, P, H, W), bool, of the images' size.
        reach: A peak is in a part that has a pixel at most so many rows and columns away, such as half a cell of the
            maps; beyond 0 a peak may be in several.

    Returns:
        (C, P), in [0, 1]: of the images in which the channel is active, those whose peak's nearest pixel is in the
        part. Rows sum to less than 1 where peaks lie in no part; NaN for a channel that is never active.

    Raises:
        ValueError: If the masks do not fit, or the reach is negative.

    Example:
        >>> peaks = Peaks(np.array([[[0.0, 0.0]], [[1.0, 0.0]]]), np.ones((2, 1)), (1, 2))
        >>> channel_part_matrix(peaks, np.array([[[[True, False]]], [[[True, False]]]]))
        array([[0.5]])
    """
    masks = _as_masks(parts, (len(peaks.places), *peaks.size))
    not_negative(reach=reach)
    if reach:
        masks = maximum_filter(masks, (1, 1, 2 * reach + 1, 2 * reach + 1), mode="constant")
    active = ~np.isnan(peaks.places[..., 0])
    x, y = np.rint(np.where(active[..., None], peaks.places, 0)).astype(int).transpose(2, 0, 1)
    inside = masks[np.arange(len(masks))[:, None], :, y, x] & active[..., None]
    with np.errstate(invalid="ignore"):
        return np.asarray(inside.sum(0) / active.sum(0)[:, None], np.float64)


def channel_part_agreement(matrix: Any) -> float:
    r"""Mean over channels of the share of their best part, :math:`\operatorname{mean}_c \max_p M_{cp}`.

    Args:
        matrix: Shares (C, P) of `channel_part_matrix`, or the IoU of `part_iou`. Large parts, such as skin, agree by
            chance: leave them out, and compare with the value of the plain network.

    Returns:
        A number in [0, 1]; 1 if every channel peaks in one and the same part in every image. Channels of NaN are left
        out; NaN if none is left.

    Raises:
        ValueError: If the matrix is not (C, P) with one part at least.

    Example:
        >>> channel_part_agreement(np.array([[0.5, 0.25], [0.0, 1.0], [np.nan, np.nan]]))
        0.75
    """
    found = np.asarray(matrix, np.float64)
    if found.ndim != 2 or not found.shape[1]:
        raise ValueError(f"matrix has shape {found.shape}, but must be (channels, parts) with one part at least")
    return _mean(_not_nan(found).max(1, initial=-math.inf))


def part_iou(maps: Any, parts: Any, *, top: float = 0.01) -> Floats:
    r"""Intersection over union of each channel's strongest pixels and each part, over all images.

    .. math:: \frac{\sum_n |A_{nc} \cap M_{np}|}{\sum_n |A_{nc} \cup M_{np}|}, \qquad
              A_{nc} = \{ a_{nc} > t_c \}, \quad P(a_c > t_c) = \text{top}

    where a is the map enlarged to the image bilinearly.

    Args:
        maps: Activations (N, C, h, w).
        parts: Masks (N, P, H, W), bool.
        top: Part of all pixels of all images that counts as active for a channel.

    Returns:
        (C, P), in [0, 1]; 0 for a part that is never seen, NaN for a channel without an activation above 0.

    Raises:
        ValueError: If shapes do not fit or ``top`` is not in (0, 1).

    Source:
        Bau et al., Network dissection, 2017 (arXiv:1704.05796), section 2, with 0.005; the 1 % of Bau et al.,
        Understanding the role of individual units, 2020.

    Example:
        >>> maps = np.array([[[[3.0, 1.0], [0.0, 0.0]]]])
        >>> part_iou(maps, np.array([[[[True, True], [False, False]]]]), top=0.25)
        array([[0.5]])
    """
    if not 0 < top < 1:
        raise ValueError(f"top is {top}, but must be a part of the pixels, above 0 and below 1")
    found = as_maps(maps)
    masks = _as_masks(parts, (len(found),))
    shape = masks.shape[2:]
    areas = masks.sum((0, 2, 3))
    result = np.full((found.shape[1], masks.shape[1]), math.nan)
    for channel in np.flatnonzero(found.max((0, 2, 3)) > 0):
        large = enlarge(found[:, channel], shape)
        level = np.quantile(large, 1 - top, method="lower")
        active = (large > level) & (large > 0)
        both = np.einsum("nhw,nphw->p", active, masks, dtype=np.int64)
        result[channel] = both / np.maximum(active.sum() + areas - both, 1)
    return result


def enlarge(maps: Floats, size: tuple[int, ...]) -> Floats:
    """Maps (N, h, w) bilinearly at another size, cells centred on the pixels they tile."""
    import torch
    from torch.nn.functional import interpolate

    given = torch.from_numpy(np.ascontiguousarray(maps))[:, None]
    return np.asarray(interpolate(given, size=size, mode="bilinear", align_corners=False)[:, 0].numpy(), np.float64)


def _as_masks(parts: Any, wanted: tuple[int, ...]) -> NDArray[np.bool_]:
    found = np.asarray(parts.cpu() if hasattr(parts, "cpu") else parts)
    given = (found.shape[0], *found.shape[2:])[: len(wanted)] if found.ndim == 4 else ()
    if given != wanted or found.dtype != bool or not found.shape[1]:
        size = ", ".join(map(str, wanted[1:])) or "height, width"
        raise ValueError(
            f"parts have shape {found.shape} and dtype {found.dtype}, but must be bool ({wanted[0]}, parts, {size})"
        )
    return found


def _known(rows: Floats) -> list[Floats]:
    return [row[~np.isnan(row)] for row in rows]


def _not_nan(rows: Floats) -> Floats:
    kept: Floats = rows[~np.isnan(rows.reshape(len(rows), -1)).any(1)] if len(rows) else rows
    return kept


def _mean_rows(rows: Floats) -> Floats:
    kept = _not_nan(rows)
    return kept.mean(0) if len(kept) else np.full(rows.shape[1:], math.nan)


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else math.nan
