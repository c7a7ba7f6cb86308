"""What makes a drawn face a person, and what changes from one picture of a person to the next."""

from dataclasses import dataclass

import numpy as np

from subband.data._drawing import Array, Generator

TRAITS: dict[str, tuple[float, float]] = {
    "width": (0.66, 0.82),
    "jaw": (0.62, 0.92),
    "chin": (0.94, 1.10),
    "eye_apart": (0.27, 0.37),
    "eye_level": (-0.16, -0.02),
    "eye_size": (0.105, 0.155),
    "eye_open": (0.42, 0.68),
    "eye_slant": (-0.22, 0.22),
    "brow_gap": (0.12, 0.20),
    "brow_thick": (0.018, 0.050),
    "brow_arch": (0.2, 1.6),
    "brow_tilt": (-0.25, 0.25),
    "nose_tip": (0.24, 0.38),
    "nose_width": (0.11, 0.19),
    "mouth_level": (0.54, 0.68),
    "mouth_width": (0.20, 0.33),
    "lip": (0.035, 0.075),
    "hairline": (-0.72, -0.42),
    "parting": (-0.4, 0.4),
    "fringe": (-0.5, 0.6),
    "volume": (0.03, 0.22),
    "length": (-0.35, 1.3),
    "waves": (0.0, 0.06),
    "beard": (-1.0, 0.7),
}
"""Traits and their ranges; lengths in units of half a head's height, from its middle, down and to the right."""

SKIN = np.array([[0.97, 0.84, 0.75], [0.89, 0.70, 0.56], [0.72, 0.51, 0.37], [0.47, 0.31, 0.22]])
HAIR = np.array([[0.09, 0.07, 0.07], [0.26, 0.16, 0.10], [0.50, 0.32, 0.16], [0.80, 0.65, 0.38], [0.60, 0.60, 0.61]])
IRIS = np.array([[0.22, 0.13, 0.08], [0.40, 0.27, 0.13], [0.28, 0.42, 0.28], [0.33, 0.48, 0.62]])

COVERS = ("none", "glasses", "sunglasses", "scarf", "patch")


@dataclass(frozen=True, eq=False)
class Person:
    """What stays the same in all pictures of a person: `TRAITS` by name, and colours (3,) in [0, 1]."""

    traits: dict[str, float]
    skin: Array
    hair: Array
    iris: Array
    lips: Array

    def __getitem__(self, trait: str) -> float:
        return self.traits[trait]


@dataclass(frozen=True, eq=False)
class View:
    """What differs between two pictures of a person; all numbers are 0 for a plain frontal picture but ``scale``.

    Args:
        yaw: Turn of the head to the right, in radians.
        pitch: Turn downwards, in radians.
        roll: Turn in the image plane, in radians.
        scale: Size of the head.
        shift: Place of the head (right, down), in units of half a head's height.
        smile: From -1, sad, to 1.
        gape: How far the mouth is open, in [0, 1].
        blink: How far the eyes are closed, in [0, 1].
        gaze: Where the eyes look (right, down), in [-1, 1].
        light: Direction of the light (right, down), as long as it is strong.
        gain: Logarithm of the brightness.
        cast: Colour of the light (3,), as logarithms.
        blur: Deviation of the blur, in parts of the image's size.
        noise: Deviation of the noise, in units of [0, 1].
        cover: What hides a part of the face, one of `COVERS`.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    shift: Array
    smile: float
    gape: float
    blink: float
    gaze: Array
    light: Array
    gain: float
    cast: Array
    blur: float
    noise: float
    cover: str


def some_person(generator: Generator) -> Person:
    """A person; every trait is independent of the others."""
    traits = {name: float(generator.uniform(*bounds)) for name, bounds in TRAITS.items()}
    skin = _between(generator, SKIN, 0.03)
    lips = np.clip(skin * generator.uniform(0.62, 0.85) + [0.16, 0.0, 0.02], 0, 1)
    return Person(traits, skin, _between(generator, HAIR, 0.03), _between(generator, IRIS, 0.02), lips)


def some_view(generator: Generator, variation: float) -> View:
    """Circumstances of a picture; ``variation`` multiplies all deviations."""

    def normal(deviation: float) -> float:
        return float(np.clip(generator.standard_normal(), -2.2, 2.2) * deviation * variation)

    def pair(deviation: float) -> Array:
        return np.array([normal(deviation), normal(deviation)])

    hidden = generator.random() < 0.22 * variation
    return View(
        yaw=normal(0.27),
        pitch=normal(0.13),
        roll=normal(0.11),
        scale=float(np.exp(normal(0.06))),
        shift=pair(0.05),
        smile=float(np.clip(normal(0.6), -1, 1)),
        gape=float(np.clip(normal(0.6) - 0.3, 0, 1)),
        blink=float(np.clip(normal(0.35) - 0.1, 0, 0.75)),
        gaze=np.clip(pair(0.4), -1, 1),
        light=pair(0.28),
        gain=normal(0.16),
        cast=np.array([normal(0.07) for _ in range(3)]),
        blur=abs(normal(0.006)),
        noise=abs(normal(0.03)),
        cover=str(generator.choice(COVERS[1:])) if hidden else "none",
    )


def _between(generator: Generator, colours: Array, deviation: float) -> Array:
    """A colour between two neighbours of a row (n, 3), a little off."""
    at = generator.uniform(0, len(colours) - 1)
    mixed = [np.interp(at, range(len(colours)), colours[:, channel]) for channel in range(3)]
    return np.clip(np.array(mixed) + generator.normal(0, deviation, 3), 0.02, 0.98)
