"""Figures drawn twice: as SVG in the colours of the page, and as a PNG on paper."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from subband.report.comparison import Array
from subband.report.figures import COLOURS, INK, LINE, inline

WIDTH = 10.0
"""Width of a figure, in inches; on the page it takes the width that there is."""
MARGIN = 0.15
"""Around the figure in the PNG, in inches."""
DPI = 160


@dataclass(frozen=True)
class Theme:
    """Colours of a figure: text, fine lines, the page's line colours, and the paper (None is transparent)."""

    ink: str
    line: str
    colours: tuple[str, ...]
    paper: str | None


PAGE = Theme(INK, LINE, tuple(f"#0000{16 + number:02x}" for number in range(COLOURS)), None)
PAPER = "2f5fd0 d98e04 d8432e 1f9e89 3a8f3a d6498f 8444d8 5b8ff0 8a5a3c 7b8089 0d7fa5 a39500 4b3f8f"
"""The page's line colours on paper."""
FILE = Theme("#1d1f23", "#d6d6d0", tuple(f"#{colour}" for colour in PAPER.split()), "#fcfcfa")


@dataclass(frozen=True)
class Drawing:
    """One figure: SVG for a page, and a PNG file."""

    svg: str
    png: bytes


@dataclass(frozen=True)
class Cell:
    """A picture (H, W) or (H, W, 3) of 8 bits, and a line below it."""

    picture: Array
    caption: str = ""


def drawn(draw: Callable[[Any, Theme], None], *, height: float, key: str) -> Drawing:
    """Draw a figure in both forms.

    Args:
        draw: Fills an empty matplotlib figure in the colours of a theme.
        height: Height of the figure, in inches.
        key: Set before all identifiers of the SVG, so that several figures fit on one page.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": key, "font.size": 8, "axes.unicode_minus": True}
    contents = []
    for theme, kind in ((PAGE, "svg"), (FILE, "png")):
        with mpl.rc_context({**style, "text.color": theme.ink}):
            figure = Figure(figsize=(WIDTH, height))
            draw(figure, theme)
            content = io.BytesIO()
            plain: Any = dict.fromkeys(("Creator", "Date", "Format", "Type") if kind == "svg" else ("Software",))
            margin = Bbox([[-MARGIN, -MARGIN], [WIDTH + MARGIN, height + MARGIN]])
            paper: Any = {"facecolor": theme.paper, "bbox_inches": margin} if theme.paper else {"transparent": True}
            figure.savefig(content, format=kind, dpi=DPI, metadata=plain, **paper)
            contents.append(content.getvalue())
    svg = re.sub(r' id="image[0-9a-f]+"', "", contents[0].decode())  # of its pixels: two black pictures share it
    return Drawing(inline(svg, re.sub(r"\W+", "-", key)), contents[1])


def picture_grid(rows: Sequence[Sequence[Cell]], *, heads: Sequence[str], labels: Sequence[str], key: str) -> Drawing:
    """Pictures in rows and columns, all shown at one size, with a head for each column and a label for each row."""
    left, gap, top, below = 0.95, 0.08, 0.26, 0.2
    count = len(heads)
    width, height = fitted(rows[0][0].picture, (WIDTH - left - gap * (count - 1)) / count, 4.0)
    feet = [gap + below * any(cell.caption for cell in row) for row in rows]
    total = top + sum(feet) + height * len(rows)

    def draw(figure: Any, theme: Theme) -> None:
        y = total - top
        for number, row in enumerate(rows):
            y -= height
            figure.text(0, (y + height / 2) / total, labels[number], va="center")
            for column, cell in enumerate(row):
                x = left + column * (width + gap)
                place(figure, cell.picture, (x / WIDTH, y / total, width / WIDTH, height / total))
                middle = (x + width / 2) / WIDTH
                if number == 0:
                    figure.text(
                        middle, (total - 0.6 * top) / total, heads[column], ha="center", va="center", weight="bold"
                    )
                figure.text(middle, (y - 0.55 * below) / total, cell.caption, ha="center", va="center")
            y -= feet[number]

    return drawn(draw, height=total, key=key)


def fitted(picture: Array, width: float, height: float) -> tuple[float, float]:
    """Width and height of a picture as large as fits into a box, all in inches."""
    rows, columns = picture.shape[:2]
    width = min(width, height * columns / rows)
    return width, width * rows / columns


def place(figure: Any, picture: Array, box: tuple[float, float, float, float]) -> Any:
    """Put a picture into a box (left, bottom, width, height) of a figure, its pixels unsmoothed; returns the axes."""
    axes = figure.add_axes(box)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
    axes.set_axis_off()
    return axes
