"""FreeSurfer ids: the table's own rows, both directions, and the 17 structures of the published results."""

import csv

import numpy as np
import pytest

from subband.data.freesurfer import (
    TABLE,
    freesurfer_both_sides,
    freesurfer_classes,
    freesurfer_structures,
    freesurfer_table,
)


def test_every_row_of_the_table_maps():
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row[0] for row in freesurfer_table()] == list(range(len(rows))) == list(range(46))
    ids = np.array([int(row["freesurfer"]) for row in rows])
    assert freesurfer_classes(ids).tolist() == [int(row["idx"]) for row in rows]
    assert freesurfer_classes(ids.reshape(2, -1).astype(np.int16)).shape == (2, 23)


def test_thirty_structures_of_seventeen_kinds():
    both = freesurfer_both_sides()
    assert len(both) == 17
    assert sorted(index for classes in both.values() for index in classes) == sorted(freesurfer_structures())
    assert {len(classes) for classes in both.values()} == {1, 2}
    for name, classes in both.items():
        assert all(freesurfer_structures()[index].endswith((name, f"{name}-Proper")) for index in classes)
    assert len(freesurfer_structures("all")) == 45
    assert 0 not in freesurfer_structures("all")


@pytest.mark.message
def test_says_which_ids_are_foreign():
    labels = np.array([0, 2, 1, 1000, 300])
    with pytest.raises(ValueError, match=r"hold the ids 1, 300, 1000, which are none of the 46"):
        freesurfer_classes(labels)
    assert freesurfer_classes(labels, unknown="background").tolist() == [0, 1, 0, 0, 0]
    with pytest.raises(ValueError, match="dtype float64, but must be integers"):
        freesurfer_classes(labels.astype(float))
