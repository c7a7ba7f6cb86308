"""Drawing of a face: the parts one over the other, and which part is seen at each pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subband.data._drawing import Array, Generator, blur, smooth_noise
from subband.data._face_traits import Person, View

PARTS = ("eyes", "brows", "nose", "mouth", "hair", "skin")
"""Parts of a face that are known at every pixel. Ears and neck are skin, beards too."""

_HALF = 1.24
"""Half of the image's side, in units of half a head's height."""


@dataclass(eq=False)
class Canvas:
    """An image in the making.

    Args:
        image: Colours (3, H, W).
        owner: Number of the part seen at each pixel (H, W), -1 for none.
        edge: Width of an edge: one and a half pixels, in units of half a head's height.
        x: Place of each pixel on the flat picture, to the right of the head's middle.
        y: The same, downwards.
        u: Place of each pixel on the face, which turns with the head, to the right.
        v: The same, downwards.
    """

    image: Array
    owner: NDArray[np.int64]
    edge: float
    x: Array
    y: Array
    u: Array
    v: Array

    def paint(self, distance: Array, colour: Array, part: str | None = None, *, cover: float | Array = 1.0) -> None:
        """Lay a colour (3,) or (3, H, W) over all pixels of negative distance; ``part`` then is what is seen there."""
        share = cover * np.clip(0.5 - distance / self.edge, 0, 1)
        self.image += share * (colour.reshape(3, *colour.shape[1:] or (1, 1)) - self.image)
        if part is not None:
            self.owner[distance < 0] = PARTS.index(part) if part else -1


def depth(u: Array) -> Array:
    """How far the face comes forward at ``u``, as a round head does."""
    return np.asarray(0.62 * np.sqrt(np.maximum(1 - (u / 0.95) ** 2, 0.05)), np.float64)


def seen_at(point: tuple[float, float], view: View, size: int, *, forward: float = 0.0) -> Array:
    """Pixel (x, y) at which a point (u, v) of the face is seen; the middle of the first pixel is (0, 0).

    Args:
        point: Right and down on the face.
        view: Circumstances.
        size: Side of the image, in pixels.
        forward: How far the point stands out of the face, as the nose's tip does.
    """
    z = float(depth(np.array(point[0]))) + forward
    x = point[0] * np.cos(view.yaw) + z * np.sin(view.yaw)
    y = point[1] * np.cos(view.pitch) + z * np.sin(view.pitch)
    cos, sin = np.cos(view.roll), np.sin(view.roll)
    at = view.scale * np.array([cos * x - sin * y, sin * x + cos * y]) + view.shift
    return np.asarray((at / _HALF + 1) * size / 2 - 0.5, np.float64)


def canvas(view: View, size: int) -> Canvas:
    """An empty canvas with the places of its pixels."""
    line = ((np.arange(size) + 0.5) * 2 / size - 1) * _HALF
    x, y = ((line - at) / view.scale for at in view.shift)
    cos, sin = np.cos(view.roll), np.sin(view.roll)
    flat_x, flat_y = cos * x[None] + sin * y[:, None], cos * y[:, None] - sin * x[None]
    u = flat_x / np.cos(view.yaw)
    for _ in range(4):
        u = (flat_x - depth(u) * np.sin(view.yaw)) / np.cos(view.yaw)
    v = (flat_y - depth(u) * np.sin(view.pitch)) / np.cos(view.pitch)
    edge = 3 * _HALF / size / view.scale
    return Canvas(np.zeros((3, size, size)), np.full((size, size), -1), edge, flat_x, flat_y, u, v)


def ellipse(x: Array, y: Array, width: float | Array, height: float | Array) -> Array:
    """About the distance to an ellipse around (0, 0), negative inside."""
    return np.asarray((np.hypot(x / width, y / height) - 1) * np.minimum(width, height), np.float64)


def finish(generator: Generator, drawing: Canvas, view: View) -> Array:
    """The image (3, H, W) in [0, 1] as a camera gives it: light, blur, noise."""
    size = drawing.image.shape[-1]
    image = drawing.image * np.exp(view.gain + view.cast)[:, None, None]
    if view.blur * size > 0.1:
        image = np.stack([blur(channel, view.blur * size) for channel in image])
    return np.clip(image + view.noise * generator.standard_normal(image.shape), 0, 1)


def ground(generator: Generator, drawing: Canvas) -> None:
    """A wall of one colour with a little light and structure on it."""
    colour = generator.uniform(0.25, 0.85, 3)
    slope = generator.uniform(-0.12, 0.12, 2)
    clouds = 0.05 * smooth_noise(generator, drawing.owner.shape, len(drawing.owner) / 4)
    drawing.image += colour[:, None, None] + slope[0] * drawing.x + slope[1] * drawing.y + clouds


def body(generator: Generator, drawing: Canvas, person: Person) -> None:
    """Neck and a shirt."""
    neck = np.maximum(np.abs(drawing.x) - 0.62 * person["width"], 0.5 - drawing.y)
    drawing.paint(neck, 0.82 * person.skin, "skin")
    shirt = 1.06 + 0.35 * drawing.x**2 - drawing.y - 0.28 * np.exp(-((drawing.x / 0.3) ** 2))
    drawing.paint(shirt + 0.12, generator.uniform(0.1, 0.9, 3), "")


def head(drawing: Canvas, person: Person, view: View) -> None:
    """Ears, the outline of the face, and the light on it."""
    x, y = drawing.x - 0.12 * np.sin(view.yaw), drawing.y - 0.1 * np.sin(view.pitch)
    for side in (-1, 1):
        ear = ellipse(x - side * 0.98 * person["width"], y + 0.02, 0.09, 0.19)
        drawing.paint(ear, 0.9 * person.skin, "skin")
    below = np.clip(y, 0, 1.2)
    width = person["width"] * (1 - (1 - person["jaw"]) * below**1.6)
    outline = ellipse(x, y, width, np.where(y > 0, person["chin"], 1.0))
    light = 1 + view.light[0] * x / 0.8 + view.light[1] * y - 0.16 * np.clip(x**2 / 0.6 + y**2, 0, 1.5) ** 2
    colour = np.clip(person.skin[:, None, None] * light, 0, 1)
    flush = np.exp(-((np.abs(drawing.u) - 0.38) ** 2 + (drawing.v - 0.3) ** 2) / 0.03)
    drawing.paint(outline, colour + 0.05 * flush * np.array([1.0, -0.3, -0.2])[:, None, None], "skin")
    if person["beard"] > 0:
        line = 0.42 + 0.1 * np.cos(np.clip(3 * drawing.u, -3, 3))
        drawing.paint(outline, person.hair, cover=0.85 * person["beard"] * np.clip((drawing.v - line) / 0.2, 0, 1))
