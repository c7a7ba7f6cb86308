"""Sets of pairs that a recognition is tested on: ``.bin`` files, lists of pairs, class folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from subband.data.class_sample import ClassSamples
from subband.data.pairs import Pairs, pairs_of
from subband.data.readers.class_folder import ClassFolder
from subband.data.readers.face_bin import FaceBin
from subband.data.readers.lfw_pairs import lfw_pairs

LEAST = 10
"""People in a fold of pairs that are derived."""


@dataclass(frozen=True, eq=False)
class PairSet:
    """Images and which of them make pairs."""

    samples: ClassSamples
    pairs: Pairs


def read_pair_sets(
    paths: Sequence[Path], *, images: Path | None, channels: int, folds: int, most: int, seed: int
) -> list[PairSet]:
    """Read sets of pairs.

    Args:
        paths: ``.bin`` files, folders of class folders, or lists of pairs in LFW's form.
        images: Folder of the images of the lists.
        channels: Channels that the network takes.
        folds: Folds of pairs that are derived.
        most: Pairs of one person in each fold, at most, and as many of two.
        seed: Seed of the pairs that are derived.

    Raises:
        ValueError: If a path does not exist, a list comes without its images, or two sets have one name.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise ValueError(f"there is no pairs file or folder {path}")
        if path.is_dir():
            samples: ClassSamples = ClassFolder(path, channels=channels)
            pairs = derived_pairs(samples, range(len(samples)), folds=folds, most=most, seed=seed, label=path.name)
        elif path.suffix == ".bin":
            samples = stored = FaceBin(path, folds=folds)
            pairs = stored.pairs
        else:
            samples = _images_of(path, images, channels)
            pairs = lfw_pairs(path, samples)
        if samples.channels != channels:
            raise ValueError(
                f"the images of {path} have {samples.channels} channel(s), but the network takes {channels}"
            )
        found.append(PairSet(samples, pairs))
    labels = [each.pairs.label for each in found]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two sets of pairs are called {max(labels, key=labels.count)!r}; rename a file, or give one")
    return found


def _images_of(path: Path, images: Path | None, channels: int) -> ClassFolder:
    if images is None:
        raise ValueError(
            f"{path} is read as a list of pairs, whose images lie in a folder of their own: --images FOLDER"
        )
    return ClassFolder(images, channels=channels)


def derived_pairs(
    samples: ClassSamples, indices: Sequence[int], *, folds: int, most: int, seed: int, label: str
) -> Pairs:
    """Pairs of labelled images, ``most`` of one person in each fold, or as many as every fold has; so of two persons.

    A fold of few people has the same few strangers again and again, which is too easy a test. With fewer than `LEAST`
    people in each, there is one fold of all pairs, which `score_pairs` deals to ten.

    Raises:
        ValueError: If there are too few persons or images.
    """
    people = {samples.labels[index] for index in indices}
    if len(people) < LEAST * folds:
        most, folds = most * folds, 1

    def derive(per_fold: int) -> Pairs:
        return pairs_of(samples.labels, indices=list(indices), folds=folds, per_fold=per_fold, seed=seed, label=label)

    found, low, high = derive(1), 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        try:
            found, low = derive(middle), middle
        except ValueError:
            high = middle
    return found
