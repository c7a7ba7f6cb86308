"""Spacing of voxels and its unit, however a file writes them."""

import math
import re
from collections.abc import Sequence

Spacing = tuple[float, float, float]

VOXEL = "voxel"
"""Unit of a file that names none."""
MICROMETRES = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
}
"""Micrometres in each unit of length, by the names of OME-Zarr."""
WORDS = {
    "micrometer": ("um", "µm", "μm", "micron", "microns", "micrometers", "micrometre", "micrometres"),
    "millimeter": ("mm", "millimeters", "millimetre", "millimetres"),
    "nanometer": ("nm", "nanometers", "nanometre", "nanometres"),
    "centimeter": ("cm", "centimeters", "centimetre", "centimetres"),
    "meter": ("m", "meters", "metre", "metres"),
    "angstrom": ("å", "angstroms"),
    VOXEL: ("", "voxels", "pixel", "pixels", "unknown", "none"),
}
UNITS = {word: unit for unit, words in WORDS.items() for word in (unit, *words)}


def unit_name(word: object) -> str:
    """The unit of length that a word means, by OME-Zarr's names; a word that is unknown stays as it is.

    Example:
        >>> unit_name("microns"), unit_name(""), unit_name("parsec")
        ('micrometer', 'voxel', 'parsec')
    """
    text = re.sub(r"\\u00[bB]5", "µ", str(word or "")).strip().strip('"').strip()
    return UNITS.get(text.lower(), text)


def with_unit(lengths: Sequence[object], units: Sequence[object]) -> tuple[Spacing, str]:
    """Spacing and unit from what a file says for (z, y, x); in micrometres if the axes have different units.

    Lengths that are no positive number become 1; if a unit is missing on one axis, that of the others is taken.
    """
    z, y, x = (_positive(length) for length in lengths)
    names = [unit_name(unit) for unit in units]
    known = list(dict.fromkeys(name for name in names if name != VOXEL))
    if len(known) < 2:
        return (z, y, x), known[0] if known else VOXEL
    if any(name not in MICROMETRES for name in known):
        return (z, y, x), VOXEL
    z, y, x = (length * MICROMETRES.get(name, 1.0) for length, name in zip((z, y, x), names, strict=True))
    return (z, y, x), "micrometer"


def _positive(length: object) -> float:
    try:
        value = float(length)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 1.0
    return value if 0 < value < math.inf else 1.0
