"""Volumes, sets of them and pairs: what is kept, what is refused, and the rules by hand."""

import itertools
import pickle

import numpy as np
import pytest

from subband.data.registration_pairs import Pairs, atlas_to_subject, read_pairs, subject_to_subject
from subband.data.registration_sample import Volume, VolumeReader, label_ids
from subband.transforms.field import Grid


def volume(name="a", shape=(3, 4, 5), labels=(1, 2)):
    mask = np.zeros(shape, np.int16)
    mask.ravel()[: len(labels)] = labels
    return Volume(name, np.full(shape, 0.5, np.float32), mask, Grid.of(shape))


class Counting(VolumeReader):
    def __init__(self, **options):
        self.reads = 0
        super().__init__(["a", "b"], structures={1: "one", 2: "two"}, **options)

    def read(self, index):
        self.reads += 1
        return volume(self.names[index])


def test_a_volume_is_read_once_and_may_be_changed():
    reader = Counting()
    reader[0].image[:] = 1
    reader[0].labels[:] = 7
    again = reader[-2]
    assert again.image.max() == 0.5
    assert label_ids(again.labels) == [1, 2]
    assert reader.reads == 1
    assert (len(reader), reader.pairs, reader.split) == (2, None, None)
    assert len(reader._kept) == 1
    assert len(pickle.loads(pickle.dumps(reader))._kept) == 0
    with pytest.raises(IndexError, match="no volume 2; there are 2"):
        reader[2]


def test_what_does_not_fit_in_memory_is_read_again():
    reader = Counting(keep_bytes=volume().image.nbytes)
    reader[0], reader[0]
    assert reader.reads == 2


@pytest.mark.message
def test_says_what_does_not_fit():
    shape = (3, 4, 5)
    with pytest.raises(ValueError, match="a: the image is 3 x 4 x 5 voxels, but the label map is 3 x 4 x 4"):
        Volume("a", np.zeros(shape, np.float32), np.zeros((3, 4, 4), np.int16), Grid.of(shape))
    with pytest.raises(ValueError, match="but the grid is 5 x 4 x 3"):
        Volume("a", np.zeros(shape, np.float32), None, Grid.of((5, 4, 3)))
    with pytest.raises(ValueError, match="two volumes are called 'x'"):
        VolumeReader(["x", "x"], structures={})
    with pytest.raises(ValueError, match="there is no volume; give at least one"):
        VolumeReader([], structures={})


@pytest.mark.message
def test_says_which_labels_are_foreign():
    class Foreign(Counting):
        def read(self, index):
            return volume(labels=(1, 5, 9))

    with pytest.raises(ValueError, match=r"a holds the labels 5, 9, but the set has 1, 2; name all labels"):
        Foreign()[0]


def test_atlas_moves_onto_every_other():
    pairs = atlas_to_subject(2, [1, 2, 3])
    assert list(pairs) == [(2, 1), (2, 3)] == [pairs[0], pairs[1]]
    with pytest.raises(ValueError, match="no subject beside the atlas"):
        atlas_to_subject(2, [2])


def test_all_ordered_pairs_are_permutations():
    assert list(subject_to_subject([4, 7, 9])) == list(itertools.permutations([4, 7, 9], 2))


@pytest.mark.parametrize("count", [1, 5, 6, 17, 30])
def test_a_choice_of_pairs_uses_every_subject_alike(count):
    pairs = subject_to_subject(range(6), count=count, seed=3)
    assert len(set(pairs)) == len(pairs) == count
    for side in (pairs.moving, pairs.fixed):
        times = np.bincount(side, minlength=6)
        assert times.max() - times.min() <= 1
    assert pairs == subject_to_subject(range(6), count=count, seed=3)
    assert pairs != subject_to_subject(range(6), count=count, seed=4)


@pytest.mark.message
def test_says_what_is_no_pair():
    with pytest.raises(ValueError, match="count is 7, but 3 subjects make 6 pairs"):
        subject_to_subject([0, 1, 2], count=7)
    for subjects in ([1], [1, 1]):
        with pytest.raises(ValueError, match="two or more different volumes"):
            subject_to_subject(subjects)
    with pytest.raises(ValueError, match="volume 3 is paired with itself"):
        Pairs([1, 3], [2, 3])
    with pytest.raises(ValueError, match="2 moving and 1 fixed"):
        Pairs([1, 3], [2])


def test_pairs_are_read_by_name_in_any_columns(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("\ufefffixed, moving, note\nb, a, x\na.nii.gz, c.nii, y\n", encoding="utf-8")
    assert read_pairs(path, ["a", "b", "c"]) == Pairs([0, 2], [1, 0])


@pytest.mark.message
def test_says_what_is_wrong_in_the_list(tmp_path):
    path = tmp_path / "pairs.csv"
    with pytest.raises(ValueError, match=r"there is no file .*; expected a CSV"):
        read_pairs(path, ["alpha"])
    for text, words in (
        ("moving,target\na,b\n", "has the columns moving, target; expected moving and fixed"),
        ("", "has the columns none"),
        ("moving,fixed\n", "holds no pair"),
        ("moving,fixed\nalpha,beta\nalpha,betta\n", r"line 3: there is no volume 'betta'; did you mean 'beta'"),
        ("moving,fixed\nalpha\n", "line 2: there is no volume ''"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            read_pairs(path, ["alpha", "beta", "gamma", "delta"])
