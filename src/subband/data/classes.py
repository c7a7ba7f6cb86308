"""Names and colours of the classes of a set, whether it has its own or not."""

import numpy as np

from subband.data._colours import Palette, readable_palette
from subband.data.sample import Samples


def class_names(samples: Samples) -> list[str]:
    """Name of each class: the set's ``class_names``, else the numbers.

    Raises:
        ValueError: If the set has not one name for each class.
    """
    names = getattr(samples, "class_names", None)
    if names is None:
        return [str(number) for number in range(samples.classes)]
    if len(names) != samples.classes:
        raise ValueError(f"the set has {samples.classes} classes, but names {len(names)}: {', '.join(names)}")
    return list(names)


def palette(samples: Samples) -> Palette:
    """Colour of each class, (classes, 3) uint8, red, green, blue: the set's ``palette``, else a fixed one.

    Raises:
        ValueError: If the set has not one colour for each class.
    """
    colours = getattr(samples, "palette", None)
    if colours is None:
        return readable_palette(samples.classes)
    if np.shape(colours) != (samples.classes, 3):
        raise ValueError(f"the set's palette is {np.shape(colours)}, but must be ({samples.classes}, 3)")
    return np.asarray(colours, np.uint8)
