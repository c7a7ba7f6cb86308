"""A table of shares as inline SVG: darker where more."""

import html
import math
from collections.abc import Sequence
from typing import Any

CELL, HIGH, LEFT, TOP = 44, 18, 128, 18
"""Width and height of a cell, and room for names, in the drawing's units."""


def heat_map(values: Any, *, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Cells coloured by a share in [0, 1], with its value in per cent; a share that is missing stays empty.

    Args:
        values: Shares (rows, columns).
        rows: Names at the left.
        columns: Names above.

    Example:
        >>> "fog" in heat_map([[0.25]], rows=["fog"], columns=["1"])
        True
    """
    width, height = LEFT + CELL * len(columns), TOP + HIGH * len(rows)
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" font-size="10">']
    parts += [
        _text(LEFT + CELL * (place + 0.5), TOP - 6, name, "middle", "currentColor")
        for place, name in enumerate(columns)
    ]
    for line, name in enumerate(rows):
        y = TOP + HIGH * line
        parts.append(_text(LEFT - 6, y + HIGH - 5, name.replace("_", " "), "end", "currentColor"))
        for place in range(len(columns)):
            value = float(values[line][place])
            if math.isnan(value):
                continue
            x = LEFT + CELL * place
            parts.append(
                f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{HIGH - 1}" fill="{shade(value)}">'
                f"<title>{html.escape(name)} {html.escape(columns[place])}: {100 * value:.1f} %</title></rect>"
            )
            ink = "#fff" if value > 0.55 else "#1d1f23"
            parts.append(_text(x + CELL / 2, y + HIGH - 5, f"{100 * value:.0f}", "middle", ink))
    return "".join([*parts, "</svg>"])


def shade(value: float) -> str:
    """Colour of a share, from almost white to dark red.

    Example:
        >>> shade(0.0), shade(1.0)
        ('#fff4e6', '#8c1414')
    """
    part = min(1.0, max(0.0, value))
    ends = ((255, 244, 230), (232, 120, 60), (140, 20, 20))
    low, high = (ends[0], ends[1]) if part < 0.5 else (ends[1], ends[2])
    place = 2 * part if part < 0.5 else 2 * part - 1
    return "#" + "".join(f"{round(a + (b - a) * place):02x}" for a, b in zip(low, high, strict=True))


def _text(x: float, y: float, text: str, anchor: str, fill: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{fill}">{html.escape(text)}</text>'
