"""Parts of a set of images with boxes as one set, with the split that their names say."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

from subband.data.boxes import BoxSample, BoxSamples
from subband.data.splits import Split

ROLES = ("train", "val", "test")
"""How the names of parts begin."""


class BoxSet:
    """Parts of a set as one: images with boxes, one after the other.

    `split` is that of several parts: those called ``train...`` train, ``val...`` validate and ``test...`` test; where
    none tests, those that validate test, and nothing validates (a recipe takes its ``data.validation`` out of the
    training). A single part has no split, whatever its name.

    Args:
        parts: Images with boxes, by the name of the part; their classes are the same.

    Raises:
        ValueError: If there is no part, two have other classes, two images have one name, or a part of several is
            neither for training, validation nor test.

    Example:
        >>> from subband.data import Shapes
        >>> both = BoxSet({"train": Shapes(count=3), "val": Shapes(count=2, seed=1)})
        >>> both.names[3], both.split
        ('val/shapes-0000', Split(train=[0, 1, 2], validation=[], test=[3, 4]))
    """

    channels = 3

    def __init__(self, parts: Mapping[str, BoxSamples]) -> None:
        if not parts:
            raise ValueError("there is no part of a set; give at least one")
        self._parts = list(parts.values())
        self.class_names = list(self._parts[0].class_names)
        for name, part in parts.items():
            if list(part.class_names) != self.class_names:
                raise ValueError(
                    f"the part {name!r} has other classes ({_some(part.class_names)}) than {next(iter(parts))!r} "
                    f"({_some(self.class_names)}); give all parts the same classes in the same order"
                )
        self._ends = list(accumulate(len(part) for part in self._parts))
        several = len(parts) > 1
        self.names = [f"{name}/{each}" if several else each for name, part in parts.items() for each in part.names]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise ValueError(f"two images are called {twice[0]!r}; give every image a name of its own")
        self.split = _split({name: len(part) for name, part in parts.items()}) if several else None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> BoxSample:
        index = range(len(self))[index]
        place = bisect_right(self._ends, index)
        sample = self._parts[place][index - self._ends[place] + len(self._parts[place])]
        return BoxSample(self.names[index], sample.image, sample.boxes, sample.labels, sample.crowd, sample.area)


def _split(counts: Mapping[str, int]) -> Split:
    """Images of each role, in order."""
    found: dict[str, list[int]] = {role: [] for role in ROLES}
    start = 0
    for name, count in counts.items():
        role = next((role for role in ROLES if name.lower().startswith(role)), None)
        if role is None:
            raise ValueError(f"the part {name!r} ({_some(list(counts))}) is none of train, val and test; rename it")
        found[role] += range(start, start + count)
        start += count
    if not found["train"]:
        raise ValueError(f"no part of the set trains ({_some(list(counts))}); call one train")
    if found["test"]:
        return Split(found["train"], found["val"], found["test"])
    return Split(found["train"], [], found["val"])


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
