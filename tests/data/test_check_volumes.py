"""What is said of volumes before they are registered, each by an example."""

from dataclasses import replace

import numpy as np
import pytest

from subband.data.check_volumes import affine_needed, check_pair, check_volumes, file_facts
from subband.data.phantoms import Phantoms
from subband.data.registration_pairs import Pairs
from subband.data.registration_sample import Volume, VolumeReader
from subband.transforms.field import Grid

SHAPE = (16, 18, 20)


def blob(name="a", shape=SHAPE, centre=0.5, width=0.2, labels=(1,), **grid):
    """A Gaussian at a part of the size, of a part of its width."""
    place = np.indices(shape) - (np.array(shape) - 1).reshape(-1, *[1] * len(shape)) * centre
    image = np.exp(-(place**2).sum(0) / 2 / (width * min(shape)) ** 2).astype(np.float32)
    mask = None if labels is None else np.resize(np.array([0, *labels], np.int16), shape)
    return Volume(name, image, mask, Grid(shape, **grid))


class Given(VolumeReader):
    def __init__(self, *volumes, pairs=None, structures=(1, 2, 3)):
        self.volumes = volumes
        super().__init__([v.name for v in volumes], structures={k: str(k) for k in structures}, pairs=pairs)

    def read(self, index):
        return self.volumes[index]


def test_nothing_is_said_of_good_volumes():
    assert check_volumes(Phantoms(count=2, size=(32, 32), amplitude=1)) == []
    assert check_volumes(Given(blob("a"), blob("b"), pairs=Pairs([0], [1]))) == []
    check_pair(blob("a"), blob("b"))
    assert affine_needed(blob("a"), blob("b")) is None


@pytest.mark.message
def test_what_is_odd_can_be_registered():
    flat = replace(blob("flat"), image=np.zeros(SHAPE, np.float32))
    assert check_volumes(Given(blob("a"), flat)) == ["flat: every voxel of the image is 0"]
    assert check_volumes(Given(blob("a"), blob("b", labels=None))) == ["b has no labels, but others have"]
    pair = Pairs([0], [1])
    assert check_volumes(Given(blob("a"), blob("b", labels=(2, 3)), pairs=pair)) == ["a and b have no label in common"]


@pytest.mark.message
def test_what_is_broken_is_said_file_by_file():
    broken = blob("nan")
    broken.image[0, 0, 0] = np.nan
    flat = blob("flat", shape=(8, 9))
    with pytest.raises(ValueError) as error:
        check_volumes(Given(blob("a"), broken, flat, blob("c", labels=(9,))))
    assert str(error.value) == (
        "nan: the image holds NaN or infinite voxels; replace them; flat has 2 axes, but a has 3; leave one kind out; "
        "c holds the labels 9, but the set has 1, 2, 3; name all labels in structures, or map them to these first"
    )
    with pytest.raises(ValueError, match=r"; and 2 more$"):
        check_volumes(Given(*(blob(str(n), labels=(9,)) for n in range(7))))


@pytest.mark.message
def test_an_affine_step_is_asked_for_when_it_helps():
    plain = blob("b", labels=None)
    away, wide = blob("away", centre=0.7, labels=None), blob("wide", width=0.3, labels=None)
    assert affine_needed(away, plain).startswith("away and b: the centres of mass are")
    assert affine_needed(wide, plain).startswith("wide and b: one is 1.")
    assert affine_needed(blob("a", labels=None, spacing=(1.0, 1.0, 2.0)), plain) is not None
    assert check_volumes(Given(away, plain, pairs=Pairs([0], [1]))) == [affine_needed(away, plain)]


@pytest.mark.message
def test_labels_say_more_than_grey_values():
    moving, fixed = blob("a", centre=0.7), blob("b")
    assert affine_needed(moving, fixed) is None
    moving.labels[:] = 0
    moving.labels[:8, :9, :10] = 1
    fixed.labels[:] = 0
    fixed.labels[8:, 9:, 10:] = 1
    away = np.sqrt(8**2 + 9**2 + 10**2)
    assert affine_needed(moving, fixed).startswith(f"a and b: the centres of mass are {away:.3g} mm apart")


@pytest.mark.message
def test_a_pair_must_fit():
    left = ((-1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0))
    broken = blob("nan")
    broken.image[0] = np.inf
    for other, words in (
        (blob("b", shape=(16, 18, 21)), "a is 16 x 18 x 20 voxels and b 16 x 18 x 21; bring the moving one"),
        (blob("b", direction=left), "a and b are oriented in different ways; read both with read_volume"),
        (blob("b", spacing=(1.0, 1.0, 2.0)), "a has a spacing of 1, 1, 1 mm and b of 1, 1, 2 mm"),
        (blob("b", labels=(4, 5)), r"a holds the labels \[1\] and b \[4, 5\], none of which is in both"),
        (broken, "nan: the image holds NaN or infinite voxels"),
    ):
        with pytest.raises(ValueError, match=words):
            check_pair(blob("a"), other)
    check_pair(blob("a"), blob("b", labels=None))


def test_file_facts_are_those_of_the_header(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 3
    affine = np.diag([-1.5, 2.0, 2.5, 1.0])
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "a.nii.gz")
    facts = file_facts(tmp_path / "a.nii.gz")
    assert (facts.name, facts.shape, facts.spacing) == ("a", (2, 3, 4), (1.5, 2.0, 2.5))
    assert (facts.orientation, facts.dtype, facts.low, facts.high) == ("LAS", "int16", -3.0, 20.0)
    nowhere = nibabel.Nifti1Image(values, None)
    nibabel.save(nowhere, tmp_path / "b.nii")
    assert file_facts(tmp_path / "b.nii").orientation == ""
