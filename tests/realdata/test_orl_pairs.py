"""The ORL faces: PGM images in class folders, and their pairs in LFW's form."""

import numpy as np
import pytest
from PIL import Image

from subband.data.pairs import identity_split, pairs_of
from subband.data.readers.class_folder import ClassFolder
from subband.data.readers.lfw_pairs import lfw_pairs


@pytest.fixture
def orl(realdata):
    folder = realdata / "ORL"
    if not folder.is_dir():
        pytest.skip("data/ORL is not there")
    return folder


def test_the_faces_are_what_lies_there(orl):
    reader = ClassFolder(orl / "att_faces")
    files = sorted((orl / "att_faces").glob("*/*.pgm"))
    assert sorted(reader.names) == [path.relative_to(orl / "att_faces").as_posix() for path in files]
    assert reader.channels == 1
    for name in (reader.names[0], reader.names[-1]):
        picture = np.asarray(Image.open(orl / "att_faces" / name))
        np.testing.assert_array_equal(reader[reader.names.index(name)].pixels[0], picture)


def test_the_pairs_are_as_listed(orl):
    """Same and different by the list's form are same and different by the folders; nobody is in two folds."""
    reader = ClassFolder(orl / "att_faces")
    pairs = lfw_pairs(orl / "pairs_derived.txt", reader)
    folds, count = map(int, (orl / "pairs_derived.txt").read_text().split("\n")[0].split())
    assert (pairs.folds, len(pairs)) == (folds, 2 * folds * count)
    people = [(reader.labels[a], reader.labels[b]) for a, b in zip(pairs.first, pairs.second, strict=True)]
    assert pairs.same == [one == other for one, other in people]
    seen = [
        {person for both, fold in zip(people, pairs.fold, strict=True) if fold == k for person in both}
        for k in range(folds)
    ]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_people_apart_and_pairs_of_those_that_test(orl):
    reader = ClassFolder(orl / "att_faces")
    split = identity_split(reader.labels, test=0.25, seed=0)
    pairs = pairs_of(reader.labels, indices=split.test, folds=5, per_fold=20)
    assert {reader.labels[i] for i in split.train}.isdisjoint(reader.labels[i] for i in (*pairs.first, *pairs.second))
