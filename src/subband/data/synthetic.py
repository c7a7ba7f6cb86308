"""Seeded synthetic images with exact truth: membranes, vessels, roads, glands, and scenes of several classes."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from subband._check import one_of, positive
from subband.data._drawing import Drawn, Truth
from subband.data.sample import Reader, Sample
from subband.data.synthetic_glands import draw_glands
from subband.data.synthetic_membranes import draw_membranes
from subband.data.synthetic_roads import draw_roads
from subband.data.synthetic_scenes import CLASSES, draw_scenes
from subband.data.synthetic_vessels import draw_vessels

Task = Literal["membranes", "vessels", "roads", "glands", "scenes"]
Difficulty = Literal["hard", "easy"]
DRAW: dict[str, Callable[..., Drawn]] = {
    "membranes": draw_membranes,
    "vessels": draw_vessels,
    "roads": draw_roads,
    "glands": draw_glands,
    "scenes": draw_scenes,
}


class Synthetic(Reader):
    """Synthetic images, drawn when first asked for. Image i depends on the task, the size, the seed and i alone.

    Class 1 is the membrane, the vessel, the road, and for glands what is not gland, as in the real sets. Scenes are
    streets of seven classes (sky, building, road, tree, car, and thin poles and signs) with a little void.

    Args:
        task: What to draw.
        size: Height and width, in pixels, or one size for each axis; vessels may have three axes.
        count: Number of images.
        seed: Seed.
        difficulty: ``hard`` has gaps of contrast, distractors and more noise; ``easy`` has none of them.

    Raises:
        ValueError: If the task, a size or the count is wrong.

    Example:
        >>> cells = Synthetic("membranes", size=64, count=2)
        >>> cells[0].image.shape, cells.truth(0).instances.shape
        ((1, 64, 64), (64, 64))
    """

    def __init__(
        self,
        task: Task = "membranes",
        *,
        size: int | tuple[int, ...] = 128,
        count: int = 32,
        seed: int = 0,
        difficulty: Difficulty = "hard",
    ) -> None:
        one_of("task", task, DRAW)
        one_of("difficulty", difficulty, ("hard", "easy"))
        positive(count=count)
        self.space = (size, size) if isinstance(size, int) else tuple(size)
        if min(self.space) < 32 or len(self.space) not in ((2, 3) if task == "vessels" else (2,)):
            axes = "2 or 3 axes" if task == "vessels" else "2 axes"
            raise ValueError(f"size is {size}, but {task} need {axes} of at least 32 pixels")
        self.task, self.seed, self.difficulty = task, seed, difficulty
        self._truths: dict[int, Truth] = {}
        names = [f"{task}_{index:03d}" for index in range(count)]
        if task == "scenes":
            words, colours = zip(*CLASSES, strict=True)
            super().__init__(names, classes=len(CLASSES), class_names=words, palette=colours)
        else:
            super().__init__(names)

    def draw(self, index: int) -> Drawn:
        """Draw image ``index``."""
        kind = list(DRAW).index(self.task)
        generator = np.random.default_rng([self.seed, kind, index])
        return DRAW[self.task](generator, self.space, hard=self.difficulty == "hard")

    def read(self, index: int) -> Sample:
        """Draw image ``index`` and keep its truth."""
        drawn = self.draw(index)
        self._truths[index] = drawn.truth
        image = np.rint(np.clip(drawn.image, 0, 1) * 255).astype(np.float32) / np.float32(255)
        return Sample(self.names[index], image, drawn.mask)

    def truth(self, index: int) -> Truth:
        """What is known of image ``index`` beside its mask."""
        index %= len(self)
        if index not in self._truths:
            self._truths[index] = self.draw(index).truth
        return self._truths[index]


def membranes(
    count: int, size: int | tuple[int, int] = 128, seed: int = 0, *, difficulty: Difficulty = "hard"
) -> Synthetic:
    """Cells with dark membranes, grey; see `Synthetic`."""
    return Synthetic("membranes", size=size, count=count, seed=seed, difficulty=difficulty)


def vessels(
    count: int, size: int | tuple[int, ...] = 128, seed: int = 0, *, difficulty: Difficulty = "hard"
) -> Synthetic:
    """Vessels on a fundus, colour, or in a grey volume for three sizes; see `Synthetic`."""
    return Synthetic("vessels", size=size, count=count, seed=seed, difficulty=difficulty)


def roads(
    count: int, size: int | tuple[int, int] = 128, seed: int = 0, *, difficulty: Difficulty = "hard"
) -> Synthetic:
    """Roads seen from above, colour; see `Synthetic`."""
    return Synthetic("roads", size=size, count=count, seed=seed, difficulty=difficulty)


def glands(
    count: int, size: int | tuple[int, int] = 128, seed: int = 0, *, difficulty: Difficulty = "hard"
) -> Synthetic:
    """Glands in stained tissue, colour; class 1 is what is not gland; see `Synthetic`."""
    return Synthetic("glands", size=size, count=count, seed=seed, difficulty=difficulty)


def scenes(
    count: int, size: int | tuple[int, int] = 128, seed: int = 0, *, difficulty: Difficulty = "hard"
) -> Synthetic:
    """Streets of seven classes, colour; people are void; see `Synthetic`."""
    return Synthetic("scenes", size=size, count=count, seed=seed, difficulty=difficulty)
