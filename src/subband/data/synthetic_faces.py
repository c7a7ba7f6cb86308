"""Seeded synthetic faces of as many people as are asked for, with their parts and five landmarks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subband._check import not_negative, positive
from subband.data import _face_features as features
from subband.data._drawing import Array
from subband.data._face_drawing import PARTS, body, canvas, finish, ground, head, seen_at
from subband.data._face_traits import Person, View, some_person, some_view
from subband.data.class_sample import ClassReader, Pixels

SMALLEST = 24
"""Shortest side of an image, in pixels."""


@dataclass(frozen=True, eq=False)
class Face:
    """A drawn face.

    Args:
        image: (3, H, W), in [0, 1].
        owner: Number in `PARTS` of the part seen at each pixel (H, W), -1 for none.
        landmarks: Eyes, tip of the nose and corners of the mouth (5, 2) as (x, y), in pixels; left in the image first.
    """

    image: Array
    owner: NDArray[np.int64]
    landmarks: Array


class SyntheticFaces(ClassReader):
    """Colour images of drawn faces, drawn when first asked for; a picture depends on the size, the seed, its person's
    number and its own number alone.

    A person is a shape of the head, eyes, brows, nose, mouth and hair, and colours; a picture adds pose, expression,
    light, ground, clothes, blur and noise, and in about one of five something hides a part of the face.

    People ``first`` to ``first + identities - 1`` are in the set, so two sets have nobody in common if their numbers do
    not overlap. The images of a person follow each other.

    Args:
        identities: Number of people.
        images: Pictures of each.
        size: Height and width, in pixels.
        seed: Seed.
        first: Number of the first person.
        variation: Strength of all that changes from picture to picture; 0 leaves frontal faces on changing grounds.

    Attributes:
        part_names: Names of the parts, in the order of `parts`.

    Raises:
        ValueError: If there are fewer than two people, no image, or a number is out of range.

    Source:
        Ours.

    Example:
        >>> faces = SyntheticFaces(identities=3, images=2, size=48)
        >>> faces[5].name, faces[5].label, faces.parts(5).shape, faces.landmarks(5).shape
        ('person_0002/01', 2, (6, 48, 48), (5, 2))
    """

    def __init__(
        self,
        *,
        identities: int = 100,
        images: int = 20,
        size: int = 64,
        seed: int = 0,
        first: int = 0,
        variation: float = 1.0,
    ) -> None:
        positive(images=images)
        not_negative(first=first, variation=variation)
        if identities < 2 or size < SMALLEST:
            raise ValueError(
                f"identities is {identities} and size {size}, but must be at least 2 people and {SMALLEST} pixels"
            )
        self.size, self.seed, self.first, self.images, self.variation = size, seed, first, images, variation
        self.part_names = list(PARTS)
        people = [f"person_{first + number:04d}" for number in range(identities)]
        super().__init__(
            [f"{person}/{number:02d}" for person in people for number in range(images)],
            [label for label in range(identities) for _ in range(images)],
            class_names=people,
        )

    def draw(self, index: int) -> Face:
        """Draw image ``index``."""
        label, number = divmod(range(len(self))[index], self.images)
        person = some_person(np.random.default_rng([self.seed, 29, self.first + label]))
        generator = np.random.default_rng([self.seed, 31, self.first + label, number])
        view = some_view(generator, self.variation)
        drawing = canvas(view, self.size)
        ground(generator, drawing)
        features.back_hair(drawing, person)
        body(generator, drawing, person)
        head(drawing, person, view)
        features.mouth(drawing, person, view)
        features.eyes(drawing, person, view)
        features.brows(drawing, person, view)
        features.nose(drawing, person, view)
        features.front_hair(drawing, person)
        features.cover(generator, drawing, person, view)
        return Face(finish(generator, drawing, view), drawing.owner, _landmarks(person, view, self.size))

    def read(self, index: int) -> Pixels:
        """Draw image ``index`` (3, H, W), 8 bits."""
        return np.asarray(np.rint(self.draw(index).image * 255), np.uint8)

    def parts(self, index: int) -> NDArray[np.bool_]:
        """Pixels (P, H, W) at which each part is seen; they do not overlap, and what is hidden is in none."""
        return np.asarray(self.draw(index).owner == np.arange(len(PARTS))[:, None, None], bool)

    def landmarks(self, index: int) -> Array:
        """Eyes, tip of the nose, corners of the mouth (5, 2) as (x, y) in pixels, also where they are hidden."""
        return self.draw(index).landmarks


def _landmarks(person: Person, view: View, size: int) -> Array:
    width = person["mouth_width"] * (1 + 0.14 * view.smile - 0.1 * view.gape)
    corners = person["mouth_level"] - 0.035 * view.smile
    nose = seen_at((0.0, person["nose_tip"]), view, size, forward=0.2)
    eyes = [seen_at((side * person["eye_apart"], person["eye_level"]), view, size) for side in (-1, 1)]
    return np.array([*eyes, nose, *(seen_at((side * width, corners), view, size) for side in (-1, 1))])
