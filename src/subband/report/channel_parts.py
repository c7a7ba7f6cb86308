"""Which channel of a layer answers to which part: their matrix, and the strongest channel of each part on images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband.metrics.explain import channel_peaks, enlarge
from subband.report._canvas import WIDTH, Drawing, Theme, drawn, place
from subband.report.heat_map import shade

LEFT, TOP, GAP = 1.35, 0.5, 0.06
"""Room for names, for a heading, and between pictures, in inches."""
ROW = 0.24
"""Height of a row of the matrix, in inches."""
MOST = 40
"""Channels in the matrix at most."""
RING = "#2ec4ff"


def channel_parts_figure(
    maps: Any,
    images: Any,
    matrix: Any,
    part_names: Sequence[str],
    *,
    examples: int = 7,
    title: str = "",
) -> Drawing:
    """Draw the matrix of channels and parts, and below it each part's best channel over evenly chosen images.

    Args:
        maps: Activations (N, C, h, w) of the layer.
        images: Images (N, 3, H, W) in [0, 1].
        matrix: (C, P), from `subband.metrics.explain.channel_part_matrix`.
        part_names: Name of each part.
        examples: Images of each part: the same ones, chosen by place and not by result.
        title: Heading, such as the layer and what has been trained.

    Returns:
        The figure: brighter where the channel is stronger, a ring at its peak.

    Raises:
        ValueError: If shapes do not fit, or every channel is NaN.
    """
    shares, given = np.asarray(matrix, np.float64), np.asarray(images, np.float64)
    heights = np.asarray(maps, np.float64)
    if shares.shape != (heights.shape[1], len(part_names)) or len(given) != len(heights):
        raise ValueError(
            f"matrix has shape {shares.shape}, but must be ({heights.shape[1]}, {len(part_names)}) for these maps and "
            f"names, and {len(given)} images must be as many as the {len(heights)} maps"
        )
    if np.isnan(shares).all():
        raise ValueError("no channel is ever active; choose a layer after its activation, or train the network")
    shown = np.linspace(0, len(given) - 1, min(examples, len(given))).round().astype(int)
    best = [int(np.nanargmax(shares[:, part])) for part in range(len(part_names))]
    side = (WIDTH - LEFT) / examples - GAP
    high = side * given.shape[2] / given.shape[3]
    table = ROW * len(part_names)
    total = TOP + table + TOP + len(best) * (high + GAP)

    def draw(figure: Any, theme: Theme) -> None:
        figure.text(0, 1 - 0.12 / total, title or "Share of a channel's peaks in each part, in per cent", weight="bold")
        _matrix(figure, theme, shares, part_names, (total, TOP, table))
        y = total - TOP - table - TOP
        figure.text(0, (y + 0.1) / total, "The best channel of each part, on the same images", weight="bold")
        for part, channel in enumerate(best):
            y -= high
            words = f"{part_names[part]}\nchannel {channel}\n{100 * shares[channel, part]:.0f} % of its peaks"
            figure.text(0, (y + high / 2) / total, words, va="center")
            strongest = heights[:, channel].max()
            for column, image in enumerate(shown):
                box = ((LEFT + column * (side + GAP)) / WIDTH, y / total, side / WIDTH, high / total)
                _overlay(figure, given[image], heights[image, channel], strongest, box)
            y -= GAP

    return drawn(draw, height=total, key="channel-parts")


def _matrix(
    figure: Any, theme: Theme, shares: NDArray[np.float64], names: Sequence[str], room: tuple[float, float, float]
) -> None:
    """Parts in rows, channels in columns: the clearest ones, sorted by their part."""
    total, top, height = room
    active = np.flatnonzero(~np.isnan(shares).any(1))
    clearest = active[np.argsort(-shares[active].max(1), kind="stable")][:MOST]
    order = clearest[np.lexsort((-shares[clearest].max(1), shares[clearest].argmax(1)))]
    axes = figure.add_axes((LEFT / WIDTH, (total - top - height) / total, 1 - LEFT / WIDTH, height / total))
    axes.set(xlim=(0, len(order)), ylim=(len(names), 0))
    for column, channel in enumerate(order):
        axes.text(column + 0.5, -0.15, channel, ha="center", va="bottom", fontsize=6, color=theme.ink)
        for row, share in enumerate(shares[channel]):
            axes.axvspan(column, column + 0.94, 1 - (row + 0.92) / len(names), 1 - row / len(names), color=shade(share))
            ink = "#ffffff" if share > 0.55 else "#1d1f23"
            axes.text(column + 0.47, row + 0.48, f"{100 * share:.0f}", ha="center", va="center", fontsize=6, color=ink)
    axes.set_axis_off()
    figure.text(0, (total - top + 0.06) / total, "channel", fontsize=6)
    for row, name in enumerate(names):
        figure.text(0, (total - top - (row + 0.5) * height / len(names)) / total, name, va="center")


def _overlay(
    figure: Any,
    image: NDArray[np.float64],
    heights: NDArray[np.float64],
    strongest: float,
    box: tuple[float, float, float, float],
) -> None:
    """An image, bright where the channel is strong, grey and dark where it is not, with a ring at the peak."""
    size = image.shape[1:]
    share = (enlarge(np.maximum(heights, 0)[None], size)[0] / max(strongest, 1e-12)).clip(0, 1)[..., None]
    colour = image.transpose(1, 2, 0)
    grey = colour.mean(2, keepdims=True)
    glow = np.array([1.0, 0.55, 0.1])
    pixels = (1 - share) * (0.35 * colour + 0.3 * grey) + share * (0.35 * colour + 0.65 * glow)
    axes = place(figure, np.rint(255 * pixels.clip(0, 1)).astype(np.uint8), box)
    (x, y), height = channel_peaks(heights[None, None], (size[0], size[1])).places[0, 0], heights.max()
    if height > 0:
        axes.plot(x, y, marker="o", markersize=9, markerfacecolor="none", markeredgecolor=RING, markeredgewidth=1.2)
