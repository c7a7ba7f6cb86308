"""An image with boxes around its objects, and a set of them."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from subband.data.sample import FloatImage


@dataclass(frozen=True, eq=False)
class BoxSample:
    """One image and the boxes in it.

    Args:
        name: Unique within its set.
        image: (3, H, W), float32 in [0, 1].
        boxes: (n, 4), float32: left, top, right, bottom in pixels, from the outer edge of the first pixel to that of
            the last one, so a box around one pixel is 1 wide. None of them is empty; n may be 0.
        labels: (n,), class of each box, from 1.
        crowd: (n,), whether a box holds many objects that nobody told apart; such a box neither trains nor counts.
        area: (n,), pixels of the object itself, by which results are split into sizes; by default that of the box.

    Raises:
        ValueError: If the shapes do not fit, a box is empty or outside the image, or a label is below 1.
    """

    name: str
    image: FloatImage
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    area: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        count = len(self.labels)
        if self.image.ndim != 3 or len(self.image) != 3 or self.boxes.shape != (count, 4):
            raise ValueError(
                f"{self.name}: the image has shape {self.image.shape} and the boxes {self.boxes.shape} for {count} "
                "labels; expected (3, H, W) and (n, 4) for n labels"
            )
        if not len(self.crowd):
            object.__setattr__(self, "crowd", np.zeros(count, bool))
        if not len(self.area):
            object.__setattr__(self, "area", sides(self.boxes).prod(1))
        height, width = self.image.shape[1:]
        wrong = (sides(self.boxes) <= 0).any(1) | (self.boxes < 0).any(1)
        wrong |= (self.boxes[:, 2] > width) | (self.boxes[:, 3] > height) | (self.labels < 1)
        if wrong.any():
            box, label = self.boxes[wrong][0].tolist(), int(self.labels[wrong][0])
            raise ValueError(
                f"{self.name}: the box {box} with label {label} is empty, outside {width} x {height} pixels, or has a "
                "label below 1; cut boxes to the image and leave empty ones out"
            )


class BoxSamples(Protocol):
    """A set of images with boxes."""

    @property
    def names(self) -> list[str]:
        """Names, in order."""

    @property
    def class_names(self) -> list[str]:
        """Name of each class; that of label k is at place k - 1."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> BoxSample: ...


def sides(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Width and height (n, 2) of boxes (n, 4)."""
    return boxes[:, 2:] - boxes[:, :2]


def cut_boxes(boxes: NDArray[np.float32], width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cut boxes (n, 4) to an image.

    Returns:
        The boxes, and which of them (n,) are still there.

    Example:
        >>> cut_boxes(np.array([[-2, 0, 3, 4], [9, 0, 12, 4]], np.float32), 8, 8)[0].tolist()
        [[0.0, 0.0, 3.0, 4.0], [8.0, 0.0, 8.0, 4.0]]
    """
    inside = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    return inside, np.asarray((sides(inside) > 0).all(1))


def three_channels(image: FloatImage) -> FloatImage:
    """A grey image (1, H, W) as (3, H, W); a colour image as it is."""
    return image if len(image) == 3 else np.repeat(image[:1], 3, axis=0)
