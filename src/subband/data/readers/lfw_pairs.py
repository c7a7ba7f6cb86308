"""Lists of pairs in LFW's form, for images in folders of people."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from subband._check import closest
from subband.data.class_sample import ClassSamples
from subband.data.pairs import Pairs

PAGE = "http://vis-www.cs.umass.edu/lfw/"
Images = Mapping[tuple[str, int], int]


def lfw_pairs(path: str | os.PathLike[str], samples: ClassSamples) -> Pairs:
    """Pairs of a text such as LFW's ``pairs.txt``, found among the images of a set.

    The first line holds the number of folds and the pairs of one person in each, or that number alone for one fold.
    A fold is so many lines ``person number number``, then as many ``person number person number``.

    Image 7 of ``Ada`` is the one in the folder ``Ada`` whose name ends with 7, such as ``Ada_0007.jpg`` or ``7.pgm``.

    Args:
        path: The text; fields are apart by tabs, or by blanks where there is no tab.
        samples: Images, such as ``ClassFolder(root)``, whose names are paths.

    Returns:
        The pairs in the text's order, named after the file.

    Raises:
        ValueError: If the text is missing or not of this form, or names an image that is not there.

    Source:
        Huang et al., Labeled Faces in the Wild, 2007, ``README.txt``.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}; LFW's own is at {PAGE}")
    lines = [_fields(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    folds, count = _heading(path, lines)
    images = _numbered_images(samples)
    first, second = [], []
    for number, fields in enumerate(lines[1:]):
        same = number // count % 2 == 0
        where = f"{path} pair {number + 1}"
        if len(fields) != (3 if same else 4):
            form = "person number number" if same else "person number person number"
            raise ValueError(f"{where} is {' '.join(fields)!r}; expected {form!r} there")
        one, other = (fields[0], fields[1]), (fields[0] if same else fields[2], fields[-1])
        first.append(_image(images, *one, where))
        second.append(_image(images, *other, where))
    half = [True] * count + [False] * count
    return Pairs(first, second, half * folds, [fold for fold in range(folds) for _ in half], path.stem)


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def _heading(path: Path, lines: list[list[str]]) -> tuple[int, int]:
    """Number of folds, and of pairs of one person in each."""
    heading = lines[0] if lines else []
    if len(heading) not in (1, 2) or not all(field.isdecimal() and int(field) for field in heading):
        raise ValueError(f"{path} begins with {' '.join(heading)!r}; expected the number of folds and of pairs in each")
    folds, count = (1, *map(int, heading))[-2:]
    if len(lines) - 1 != 2 * folds * count:
        raise ValueError(f"{path} has {len(lines) - 1} pairs; expected {folds} x 2 x {count}, as its first line says")
    return folds, count


def _numbered_images(samples: ClassSamples) -> dict[tuple[str, int], int]:
    """Index of each image by its folder and the number that ends its name."""
    found: dict[tuple[str, int], int] = {}
    for index, name in enumerate(samples.names):
        file = PurePosixPath(name)
        number = re.search(r"\d+$", file.stem)
        if number is None:
            continue
        key = file.parent.name, int(number[0])
        if key in found:
            raise ValueError(f"{name} and {samples.names[found[key]]} are both image {key[1]} of {key[0]}; keep one")
        found[key] = index
    return found


def _image(images: Images, person: str, number: str, where: str) -> int:
    if not number.isdecimal():
        raise ValueError(f"{where} has {number!r} in place of an image's number")
    if (person, int(number)) not in images:
        people = {name for name, _ in images}
        hint = "" if person in people else closest(person, people)
        raise ValueError(f"{where} names image {number} of {person}, which is not among the images{hint}")
    return images[person, int(number)]
