"""NIfTI volumes: values and places as nibabel has them, one orientation, and what is wrong said plainly."""

import numpy as np
import pytest
from PIL import Image

from subband.data.nifti import as_labels, list_nifti, read_labels, read_volume, stem, unit_range, write_nifti
from subband.transforms.field import Grid

nibabel = pytest.importorskip("nibabel")
AFFINE = np.array([[1.0, 0, 0, 10], [0, 1.5, 0, -20], [0, 0, 2, 5], [0, 0, 0, 1]])


@pytest.fixture
def ramp():
    """Values that are all different, from 0 to 1."""
    return np.linspace(0, 1, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)


@pytest.fixture
def save(tmp_path):
    def write(name, values, affine=AFFINE):
        path = tmp_path / name
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
        return path

    return write


def test_reads_values_and_place(save, ramp):
    volume = read_volume(save("a.nii.gz", ramp), save("b.nii", (ramp > 0.5).astype(np.uint8)), percentiles=(0, 100))
    np.testing.assert_array_equal(volume.image, ramp)
    assert volume.labels.dtype == np.int16
    np.testing.assert_array_equal(volume.labels, ramp > 0.5)
    np.testing.assert_allclose(volume.grid.affine, AFFINE)
    assert volume.name == "a"


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SLA", "IAL"])
def test_every_orientation_becomes_one(save, ramp, codes):
    """A voxel keeps its value and its place in mm, whatever the order of the axes in the file."""
    plain = nibabel.Nifti1Image(ramp, AFFINE)
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(AFFINE), nibabel.orientations.axcodes2ornt(tuple(codes))
    )
    turned = plain.as_reoriented(turn)
    assert "".join(nibabel.aff2axcodes(turned.affine)) == codes
    volume = read_volume(save("t.nii.gz", np.asanyarray(turned.dataobj), turned.affine), percentiles=(0, 100))
    np.testing.assert_array_equal(volume.image, ramp)
    np.testing.assert_allclose(volume.grid.affine, AFFINE)


def test_what_is_written_is_read(tmp_path, ramp):
    turned = Grid((4, 5, 6), (1.0, 2.0, 0.5), (3.0, -4.0, 5.0), ((0.8, -0.6, 0), (0.6, 0.8, 0), (0, 0, 1)))
    labels = (ramp * 3).astype(np.int16)
    write_nifti(tmp_path / "deep" / "a.nii.gz", ramp, turned)
    write_nifti(tmp_path / "a_seg.nii", labels, turned)
    volume = read_volume(tmp_path / "deep" / "a.nii.gz", tmp_path / "a_seg.nii", percentiles=(0, 100))
    np.testing.assert_array_equal(volume.image, ramp)
    np.testing.assert_array_equal(volume.labels, labels)
    np.testing.assert_allclose(volume.grid.affine, turned.affine, atol=1e-6)
    first = (tmp_path / "deep" / "a.nii.gz").read_bytes()
    write_nifti(tmp_path / "deep" / "a.nii.gz", ramp, turned)
    assert (tmp_path / "deep" / "a.nii.gz").read_bytes() == first


def test_simpleitk_sees_the_same_place(tmp_path, ramp):
    sitk = pytest.importorskip("SimpleITK")
    grid = Grid((4, 5, 6), (1.0, 2.0, 0.5), (3.0, -4.0, 5.0))
    write_nifti(tmp_path / "a.nii.gz", ramp, grid)
    image = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    index = (3, 1, 2)
    right, front, up = (grid.affine @ [*index, 1])[:3]
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), (-right, -front, up), atol=1e-5)
    assert image[index] == ramp[index]


def test_single_slices_and_pictures_have_two_axes(save, tmp_path, ramp):
    flat = read_volume(save("s.nii.gz", ramp[:, :, :1]), percentiles=(0, 100))
    assert flat.image.shape == flat.grid.shape == (4, 5)
    assert flat.grid.spacing == (1.0, 1.5)
    Image.fromarray(np.array([[0, 51], [102, 255]], np.uint8)).save(tmp_path / "p.png")
    Image.fromarray(np.array([[0, 1], [1, 200]], np.uint8)).save(tmp_path / "l.png")
    picture = read_volume(tmp_path / "p.png", tmp_path / "l.png", percentiles=(0, 100))
    np.testing.assert_allclose(picture.image, [[0, 0.2], [0.4, 1]], atol=1e-6)
    assert picture.labels.tolist() == [[0, 1], [1, 200]]
    write_nifti(tmp_path / "flat.nii.gz", picture.image, picture.grid)
    assert read_volume(tmp_path / "flat.nii.gz", percentiles=(0, 100)).image.shape == (2, 2)


def test_layers_of_masks_lie_over_one_another(save):
    layers = np.zeros((2, 2, 3, 2))
    layers[0, ..., 0] = 1
    layers[:, 0, :, 1] = 1
    labels = read_labels(save("m.nii.gz", layers))
    assert labels[:, :, 0].tolist() == [[2, 1], [2, 0]]
    single = np.zeros((2, 2, 3, 1))
    single[0] = 3
    assert read_labels(save("one.nii.gz", single)).max() == 3


def test_percentiles_become_the_ends_of_the_range():
    values = np.arange(101, dtype=np.float32)
    scaled = unit_range(values, (10, 90), "v")
    assert (scaled[10], scaled[90], scaled[50], scaled[0], scaled[100]) == (0, 1, 0.5, 0, 1)
    assert unit_range(np.full(4, 7, np.float32), (0, 100), "c").tolist() == [0, 0, 0, 0]
    spike = np.zeros(1000, np.float32)
    spike[3] = 9
    assert unit_range(spike, (0.5, 99.5), "s").max() == 1


def test_large_labels_need_more_bytes():
    assert as_labels(np.array([0, 32767]), "a").dtype == np.int16
    assert as_labels(np.array([0.0, 32768.0]), "a").dtype == np.int32


def test_names_are_those_of_the_files(save, ramp, tmp_path):
    save("b.nii", ramp)
    save("a.nii.gz", ramp)
    (tmp_path / ".hidden.nii").touch()
    (tmp_path / "notes.txt").touch()
    assert [stem(path) for path in list_nifti(tmp_path)] == ["a", "b"]


@pytest.mark.message
def test_says_what_is_wrong_with_an_image(save, ramp, tmp_path):
    def refused(path, words, **options):
        with pytest.raises(ValueError, match=words):
            read_volume(path, **options)

    refused(tmp_path / "no.nii", "there is no file")
    refused(save("series.nii.gz", np.stack([ramp] * 3, -1)), r"4 x 5 x 6 x 3 voxels, a series of 3 volumes")
    broken = ramp.copy()
    broken[1, 2, :2] = np.nan, np.inf
    refused(save("nan.nii.gz", broken), "nan.nii.gz: 2 of 120 voxels are NaN or infinite; replace")
    refused(
        save("complex.nii.gz", ramp.astype(np.complex64)), "4 x 5 x 6 values of complex64; expected a volume of real"
    )
    refused(save("5d.nii.gz", np.zeros((2, 2, 2, 2, 2), np.uint8)), "2 x 2 x 2 x 2 x 2 values")
    (tmp_path / "text.nii").write_text("no NIfTI")
    refused(tmp_path / "text.nii", "text.nii cannot be read as NIfTI")
    whole = save("cut.nii.gz", ramp)
    whole.write_bytes(whole.read_bytes()[:200])
    refused(whole, "cut.nii.gz cannot be read as NIfTI")
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.7
    refused(save("sheared.nii.gz", ramp, sheared), r"sheared.nii.gz cannot be read as NIfTI \(direction is")
    refused(save("a.nii.gz", ramp), r"percentiles are \(5, 5\)", percentiles=(5, 5))
    with pytest.raises(ValueError, match=r"holds no NIfTI file \(there is no such folder\)"):
        list_nifti(tmp_path / "none")


@pytest.mark.message
def test_says_what_is_wrong_with_labels(save, ramp, tmp_path):
    image = save("a.nii.gz", ramp)

    def refused(values, words, affine=AFFINE):
        with pytest.raises(ValueError, match=words):
            read_volume(image, save("l.nii.gz", values, affine))

    refused(ramp, "whole numbers from 0 on")
    refused(np.where(ramp > 0.5, np.nan, 0).astype(np.float32), "no NaN")
    refused((ramp > 0.5).astype(np.int16) - 1, "whole numbers from 0 on")
    refused(np.zeros((4, 5, 5), np.uint8), r"image is 4 x 5 x 6 voxels, but the label map is 4 x 5 x 5")
    refused(np.full((4, 5, 6, 2), 2, np.uint8), "but not of 0 and 1; save one label map")
    away = AFFINE.copy()
    away[0, 3] += 4
    refused(np.zeros((4, 5, 6), np.uint8), r"lies 4 voxels away from its image by their headers", away)
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "c.png")
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "p.png")
    with pytest.raises(ValueError, match="is a colour image; a label map"):
        read_volume(tmp_path / "p.png", tmp_path / "c.png")


@pytest.mark.message
def test_says_what_cannot_be_written(tmp_path, ramp):
    with pytest.raises(ValueError, match=r"cannot write 4 x 5 x 6 voxels on a grid of 4 x 5 x 5 as a.nii"):
        write_nifti(tmp_path / "a.nii", ramp, Grid.of((4, 5, 5)))
    with pytest.raises(ValueError, match=r"as a.png; give the image's own grid and a name that ends with"):
        write_nifti(tmp_path / "a.png", ramp, Grid.of((4, 5, 6)))
