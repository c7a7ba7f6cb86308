"""Random changes of an image, its mask and its weight map together, in 2-D and 3-D."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from subband._check import one_of
from subband.data._geometry import bend_together, crop_together, flip_together, scale_together
from subband.data._intensity import blur_sometimes, change_intensity, jitter_colour
from subband.data.sample import FloatImage, Mask

Generator = np.random.Generator
Preset = Literal["none", "flips", "full", "mirror", "voc", "cityscapes"]
PRESETS: tuple[Preset, ...] = ("none", "flips", "full", "mirror", "voc", "cityscapes")
"""Names that `Augment.named` knows."""


@dataclass(frozen=True)
class Augment:
    """Random scale, crop, flips, rotation, deformation, blur and intensity, in this order.

    Args:
        crop: Size of the crop, in pixels; empty keeps the image whole.
        flips: Flip each axis with probability 1/2; ``horizontal`` flips the last axis only, as scenes need it.
        rot90: Turn by a random multiple of 90 degrees in the last two axes; only if they are equally long.
        elastic: Standard deviation of a smooth random displacement, in pixels; 0 for none.
        brightness: Largest shift of the intensity, as part of its range [0, 1].
        contrast: Largest relative change of the deviation from the image's mean.
        pad: What surrounds an image that is smaller than the crop: ``reflect`` its mirror image, or ``void`` its mean
            colour, with void in the mask and 0 in the map. The first is for textures that go on, the second for scenes.
        scale: Least and largest factor of a random size, before the crop; the mask and the map take the nearest pixel.
        base: Length of the shorter side at scale 1, in pixels; 0 for the image's own.
        blur: Probability of a Gaussian blur, whose deviation is drawn up to 1 pixel.
        jitter: Largest relative change of brightness, contrast and saturation, in [0, 1].

    Raises:
        ValueError: If a size is not positive, a strength out of range, or a scale comes without a crop.
    """

    crop: tuple[int, ...] = ()
    flips: bool | Literal["horizontal"] = False
    rot90: bool = False
    elastic: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    pad: Literal["reflect", "void"] = "reflect"
    scale: tuple[float, float] = (1.0, 1.0)
    base: int = 0
    blur: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if any(size < 1 for size in self.crop) or min(self.elastic, self.brightness, self.contrast, self.base) < 0:
            raise ValueError(f"{self}: crop sizes must be at least 1, and strengths at least 0")
        if not (0 <= self.blur <= 1 and 0 <= self.jitter <= 1):
            raise ValueError(f"{self}: blur and jitter must be within [0, 1]")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale is {self.scale}, but must be the least and the largest factor, above 0")
        if self._resizes and not self.crop:
            raise ValueError("images of a random scale have several sizes; give a crop")
        one_of("pad", self.pad, ("reflect", "void"))
        if isinstance(self.flips, str):
            one_of("flips", self.flips, ("horizontal",))

    @classmethod
    def named(cls, name: Preset, *, crop: Sequence[int] = (), base: int = 0) -> "Augment":
        """Settings by name.

        ``none`` is a crop alone, ``flips`` crop and flips as published for CWMI, ``full`` turns and intensity as well.
        The others are for scenes: ``mirror`` is a crop, within mean colour and void, and a horizontal flip; ``voc``
        scales by 0.5 to 2 before and blurs with a probability of 0.5, ``cityscapes`` scales and has a colour jitter of
        0.5.

        Args:
            name: One of `PRESETS`.
            crop: Size of the crop, in pixels; scenes need one.
            base: Shorter side at scale 1 of those for scenes, in pixels; 0 for the image's own.

        Raises:
            ValueError: If there is no such name, or a crop is missing.

        Source:
            Scenes: the WaveSNet authors, LiQiufu/WaveSNet, whose scale refers to a ``base`` of 768 at a crop of 768.
        """
        one_of("augment", name, PRESETS)
        if name in ("mirror", "voc", "cityscapes"):
            scene = cls(tuple(crop), flips="horizontal", pad="void", base=base)
            if name == "mirror":
                return scene
            scene = replace(scene, scale=(0.5, 2.0))
            return replace(scene, blur=0.5) if name == "voc" else replace(scene, jitter=0.5)
        if name == "full":
            return cls(tuple(crop), flips=True, rot90=True, brightness=0.1, contrast=0.2)
        return cls(tuple(crop), flips=name == "flips")

    @property
    def _resizes(self) -> bool:
        return self.scale != (1.0, 1.0) or self.base > 0

    def __call__(
        self, generator: Generator, image: FloatImage, mask: Mask, weight_map: FloatImage | None = None
    ) -> tuple[FloatImage, Mask, FloatImage | None]:
        """Change an image (C, *space) in [0, 1], its mask (*space), and its map (M, *space) alike, on copies.

        Raises:
            ValueError: If the crop has another number of dimensions than the image.
        """
        arrays: list[NDArray[Any]] = [image, mask[None], *([] if weight_map is None else [weight_map])]
        arrays = self._moved(generator, arrays)
        picture = arrays[0]
        if self.blur > 0:
            picture = blur_sometimes(generator, picture, self.blur)
        if self.brightness > 0 or self.contrast > 0:
            picture = change_intensity(generator, picture, self.brightness, self.contrast)
        if self.jitter > 0:
            picture = jitter_colour(generator, picture, self.jitter)
        found = [np.ascontiguousarray(array) for array in (picture, arrays[1][0], *arrays[2:])]
        return found[0], found[1], found[2] if weight_map is not None else None

    def _moved(self, generator: Generator, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
        if self._resizes:
            arrays = scale_together(generator, arrays, self.scale, self.base)
        if self.crop:
            arrays = crop_together(generator, arrays, self.crop, self.pad)
        if self.flips:
            last = arrays[0].ndim - 2
            arrays = flip_together(generator, arrays, first=last if self.flips == "horizontal" else 0)
        if self.rot90 and arrays[0].shape[-1] == arrays[0].shape[-2]:
            turns = int(generator.integers(4))
            arrays = [np.rot90(array, turns, (-2, -1)) for array in arrays]
        if self.elastic > 0:
            arrays = bend_together(generator, arrays, self.elastic)
        return arrays
