"""FreeSurfer's label ids of the IXI protocol: 46 classes, and the 30 structures that count."""

import csv
import functools
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from subband._check import one_of

TABLE = Path(__file__).parent / "tables" / "freesurfer_labels.csv"


@functools.cache
def freesurfer_table() -> tuple[tuple[int, int, str, bool], ...]:
    """Class, FreeSurfer id, name, and whether the class is one of the 30 structures; in the order of the classes.

    Source:
        ``Seg_norm`` and ``VOI_lbls`` of junyuchen245/TransMorph_Transformer_for_Medical_Image_Registration, which
        x-xc/WiNet uses; the 30 structures are those of voxelmorph's ``labels.npz``.

    Example:
        >>> freesurfer_table()[1]
        (1, 2, 'Left-Cerebral-White-Matter', True)
    """
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        (int(row["idx"]), int(row["freesurfer"]), row["name"].rstrip("*"), row["voi30"] == "1") for row in rows
    )


def freesurfer_structures(which: Literal["30", "all"] = "30") -> dict[int, str]:
    """Name of each structure by its class, background left out: the 30 of the IXI protocol, or all 45.

    Raises:
        ValueError: If ``which`` is another word.

    Example:
        >>> len(freesurfer_structures()), len(freesurfer_structures("all"))
        (30, 45)
    """
    one_of("which", which, ("30", "all"))
    return {index: name for index, _, name, counts in freesurfer_table() if index and (counts or which == "all")}


def freesurfer_both_sides() -> dict[str, tuple[int, ...]]:
    """Classes of each of the 17 structures of the published table, left and right under one name.

    Example:
        >>> freesurfer_both_sides()["Thalamus"], freesurfer_both_sides()["Brain-Stem"]
        ((7, 27), (13,))
    """
    found: dict[str, tuple[int, ...]] = {}
    for index, name in freesurfer_structures().items():
        short = name.removeprefix("Left-").removeprefix("Right-").removesuffix("-Proper")
        found[short] = (*found.get(short, ()), index)
    return found


def freesurfer_classes(labels: NDArray[Any], *, unknown: Literal["background", "error"] = "error") -> NDArray[np.int16]:
    """Classes 0 to 45 of FreeSurfer ids.

    Args:
        labels: FreeSurfer ids, integers of any shape.
        unknown: What an id becomes that is none of the 46: ``background`` (0), as the authors have it, or an ``error``.

    Returns:
        Classes, int16, of the shape of ``labels``.

    Raises:
        ValueError: If an id is unknown and that is an error, or ``labels`` are no integers.

    Source:
        ``Seg_norm`` (see `freesurfer_table`). Departure: an error by default.

    Example:
        >>> freesurfer_classes(np.array([0, 2, 255])).tolist()
        [0, 1, 45]
    """
    one_of("unknown", unknown, ("background", "error"))
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels are of dtype {labels.dtype}, but must be integers")
    ids = np.array([identity for _, identity, _, _ in freesurfer_table()])
    place = np.minimum(np.searchsorted(ids, labels), len(ids) - 1)
    known = ids[place] == labels
    if unknown == "error" and not known.all():
        foreign = np.unique(labels[~known]).tolist()
        raise ValueError(
            f"labels hold the ids {', '.join(map(str, foreign[:6]))}{', ...' * (len(foreign) > 6)}, which are none of "
            "the 46 of the IXI protocol; pass unknown='background' to leave them out"
        )
    return np.where(known, place, 0).astype(np.int16)
