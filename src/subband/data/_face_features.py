"""Eyes, brows, nose, mouth and hair of a drawn face, and what may hide them."""

import numpy as np

from subband.data._drawing import Array, Generator, smooth_noise
from subband.data._face_drawing import Canvas, ellipse
from subband.data._face_traits import Person, View

WHITE, DARK = np.array([0.93, 0.92, 0.90]), np.array([0.10, 0.07, 0.07])


def eyes(drawing: Canvas, person: Person, view: View) -> None:
    """White, iris, pupil, a spark of light and the lid's line."""
    size = person["eye_size"]
    height = size * person["eye_open"] * (1 - view.blink)
    for side in (-1, 1):
        u, v = drawing.u - side * person["eye_apart"], drawing.v - person["eye_level"]
        v = v + side * person["eye_slant"] * u
        lens = np.maximum(ellipse(u, v - 0.35 * height, size, 1.35 * height), ellipse(u, v, 1.1 * size, height))
        drawing.paint(lens - 0.022, 0.72 * person.skin, "eyes")
        drawing.paint(lens, WHITE, "eyes")
        x, y = u - 0.3 * size * view.gaze[0], v - 0.2 * size * view.gaze[1]
        for radius, colour in ((0.62, 0.6 * person.iris), (0.5, person.iris), (0.26, DARK)):
            drawing.paint(np.maximum(ellipse(x, y, radius * size, radius * size), lens), colour)
        drawing.paint(np.maximum(ellipse(x - 0.18 * size, y + 0.2 * size, 0.03, 0.03), lens), WHITE)
        lid = np.maximum(np.abs(lens + 0.004) - 0.012, v - 0.1 * height)
        drawing.paint(lid, 0.5 * DARK + 0.2 * person.skin)


def brows(drawing: Canvas, person: Person, view: View) -> None:
    """Two strokes of hair, higher with a smile and wide eyes."""
    level = person["eye_level"] - person["brow_gap"] - person["eye_size"] * 0.5 - 0.02 * view.smile
    reach = 1.35 * person["eye_size"]
    for side in (-1, 1):
        u = side * drawing.u - person["eye_apart"]
        middle = level + person["brow_arch"] * u**2 + person["brow_tilt"] * u
        thick = person["brow_thick"] * (1 - 0.45 * np.clip(u / reach, -1, 1))
        stroke = np.maximum(np.abs(drawing.v - middle) - thick, np.abs(u) - reach)
        drawing.paint(stroke, 0.75 * person.hair, "brows", cover=0.92)


def nose(drawing: Canvas, person: Person, view: View) -> None:
    """A wedge that stands out: one side in shadow, a light ridge, wings and nostrils."""
    top, tip, width = person["eye_level"] - 0.02, person["nose_tip"], person["nose_width"]
    along = np.clip((drawing.v - top) / (tip - top), 0, 1.2)
    u = drawing.u - 0.2 * along**2 * np.sin(view.yaw)
    half = 0.045 + (width - 0.045) * along**2.2
    wedge = np.maximum(np.abs(u) - half, np.maximum(top + 0.1 - drawing.v, drawing.v - tip - 0.035))
    bulb = ellipse(u, drawing.v - tip + 0.03, 1.02 * width, 0.085)
    whole = np.minimum(wedge, bulb)
    shadow = np.sign(view.light[0] + 0.3 * np.sin(view.yaw) + 0.02) or 1.0
    side = np.clip(1 - 0.22 * np.clip(-shadow * u / half, -0.3, 1), 0.7, 1.1)
    drawing.paint(whole, np.clip(0.97 * person.skin[:, None, None] * side, 0, 1), "nose", cover=0.9)
    ridge = np.maximum(np.abs(u) - 0.018, np.maximum(top + 0.12 - drawing.v, drawing.v - tip + 0.02))
    drawing.paint(ridge, np.minimum(1.12 * person.skin + 0.03, 1), cover=0.45)
    under = np.maximum(np.abs(bulb + 0.008) - 0.012, tip - 0.01 - drawing.v)
    drawing.paint(under, 0.62 * person.skin, cover=0.8)
    for side in (-1, 1):
        drawing.paint(ellipse(u - side * 0.5 * width, drawing.v - tip - 0.022, 0.27 * width, 0.02), 0.3 * person.skin)


def mouth(drawing: Canvas, person: Person, view: View) -> None:
    """Two lips that smile and open, with teeth between them."""
    width = person["mouth_width"] * (1 + 0.14 * view.smile - 0.1 * view.gape)
    t = drawing.u / width
    bend = np.clip(1 - t**2, 0, 1)
    middle = person["mouth_level"] + 0.07 * view.smile * (bend - 0.5)
    gape = 0.10 * view.gape * bend
    cupid = 1 - 0.25 * np.exp(-((t / 0.16) ** 2))
    over = middle - gape * 0.4 - 0.8 * person["lip"] * bend**0.7 * cupid
    under = middle + gape + 1.15 * person["lip"] * bend**0.8
    v = drawing.v
    lips = np.maximum(np.maximum(over - v, v - under), np.abs(drawing.u) - width)
    drawing.paint(lips, person.lips, "mouth")
    drawing.paint(np.maximum(lips, middle + gape - v), np.minimum(1.1 * person.lips, 1), cover=0.7)
    inside = np.maximum(np.maximum(middle - 0.4 * gape - v, v - middle - gape), np.abs(drawing.u) - 0.92 * width)
    drawing.paint(np.maximum(inside, -gape + 0.02), 0.6 * DARK)
    drawing.paint(np.maximum(inside, v - middle - 0.05 * gape) + 0.02 * (gape < 0.03), WHITE)
    drawing.paint(np.maximum(np.abs(v - middle) - 0.008 - gape, np.abs(t) - 0.97), 0.5 * person.lips, cover=0.75)


def back_hair(drawing: Canvas, person: Person) -> None:
    """Hair behind the head, down to its length."""
    wide = person["width"] + person["volume"] + 0.04
    wave = person["waves"] * np.sin(9 * drawing.y + 2 * person["parting"])
    crown = ellipse(drawing.x + wave, drawing.y + 0.06, wide, 1.0 + 0.8 * person["volume"])
    falling = np.maximum(np.abs(drawing.x + wave) - wide * (1 - 0.06 * np.clip(drawing.y, 0, 2)), -drawing.y)
    shape = np.maximum(np.minimum(crown, falling), drawing.y - person["length"])
    drawing.paint(shape, 0.72 * strands(drawing, person), "hair")


def front_hair(drawing: Canvas, person: Person) -> None:
    """Hair over the forehead, parted, and at the temples."""
    wide = person["width"] + person["volume"] + 0.04
    wave = person["waves"] * np.sin(14 * drawing.u)
    side = drawing.u - person["parting"]
    line = person["hairline"] + person["fringe"] * 0.35 * np.abs(side) + 0.55 * np.clip(np.abs(drawing.u) - 0.42, 0, 1)
    crown = ellipse(drawing.x, drawing.y + 0.06, wide, 1.0 + 0.8 * person["volume"])
    shape = np.maximum(crown, drawing.v - line - wave)
    drawing.paint(shape, strands(drawing, person), "hair")
    reach = min(person["length"], 0.9)
    temple = person["width"] * (1.0 - 0.1 * (person["length"] > 0.2)) - 0.02
    columns = np.maximum(np.maximum(temple - np.abs(drawing.x), np.abs(drawing.x) - wide), drawing.y - reach)
    drawing.paint(np.maximum(columns, -0.45 - drawing.y), 0.9 * strands(drawing, person), "hair")


def strands(drawing: Canvas, person: Person) -> Array:
    """Colour of the hair (3, H, W): light on the crown and fine strands from the parting."""
    turn = np.arctan2(drawing.x - person["parting"], drawing.y + 1.5)
    fine = 1 + 0.10 * np.sin(46 * turn + 3 * drawing.y) + 0.06 * np.sin(97 * turn)
    shine = 0.12 * np.exp(-(((drawing.y + 0.78 + 0.2 * drawing.x**2) / 0.16) ** 2))
    return np.asarray(np.clip(person.hair[:, None, None] * fine + shine, 0, 1), np.float64)


def cover(generator: Generator, drawing: Canvas, person: Person, view: View) -> None:
    """What hides a part: glasses leave the eyes to be seen, the others do not."""
    u, v = np.abs(drawing.u) - person["eye_apart"], drawing.v - person["eye_level"]
    colour = generator.uniform(0.05, 0.6, 3)
    if view.cover in ("glasses", "sunglasses"):
        lens = ellipse(u, v - 0.02, 0.235, 0.17)
        if view.cover == "sunglasses":
            drawing.paint(lens, 0.3 * colour, "", cover=0.93)
        rims = np.minimum(np.abs(lens) - 0.016, np.maximum(np.abs(v + 0.03) - 0.016, u + 0.235))
        arms = np.maximum(np.abs(v + 0.03) - 0.018, np.maximum(0.22 - u, np.abs(drawing.u) - 0.95))
        drawing.paint(np.minimum(rims, arms), 0.5 * colour, "")
    elif view.cover == "scarf":
        top = person["nose_tip"] + 0.1 + 0.06 * np.cos(4 * drawing.u)
        folds = 1 + 0.12 * np.sin(16 * drawing.y + 5 * drawing.x**2)
        drawing.paint(top - drawing.v, np.clip(1.4 * colour[:, None, None] * folds, 0, 1), "")
    elif view.cover == "patch":
        centre, half = generator.uniform([-0.6, -0.5], [0.6, 0.7]), generator.uniform(0.18, 0.34, 2)
        patch = np.maximum(np.abs(drawing.x - centre[0]) - half[0], np.abs(drawing.y - centre[1]) - half[1])
        grain = 0.06 * smooth_noise(generator, patch.shape, 3)
        drawing.paint(patch, np.clip(1.5 * colour[:, None, None] + grain, 0, 1), "")
