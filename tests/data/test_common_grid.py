"""Volumes brought to one grid: SciPy and SimpleITK as oracles, shifts by hand."""

import numpy as np
import pytest

from subband.data.common_grid import OnGrid, common_shape, fit, onto
from subband.data.registration_sample import Volume, VolumeReader
from subband.transforms.field import Grid

FULL = (9, 11, 8)


def ball(shape=FULL, spacing=(), origin=()):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape).astype(np.int16)
    return Volume("ball", rng.random(shape).astype(np.float32), labels, Grid(shape, spacing, origin))


def world(volume, index):
    return (volume.grid.affine @ [*index, 1.0])[:-1]


@pytest.mark.parametrize("shape", [(16, 16, 16), (9, 11, 8), (8, 12, 7), (5, 5, 5)])
def test_fit_copies_voxels_and_they_stay_where_they_lie(shape):
    volume = ball(spacing=(1.0, 2.0, 0.5), origin=(5.0, 6.0, 7.0))
    moved = fit(volume, shape)
    assert moved.image.shape == moved.grid.shape == shape
    start = [-((new - old) // 2) if new >= old else (old - new) // 2 for old, new in zip(FULL, shape, strict=True)]
    seen = 0
    for index in np.ndindex(*shape):
        source = tuple(i + s for i, s in zip(index, start, strict=True))
        if all(0 <= i < n for i, n in zip(source, FULL, strict=True)):
            assert moved.image[index] == volume.image[source]
            assert moved.labels[index] == volume.labels[source]
            np.testing.assert_allclose(world(moved, index), world(volume, source))
            seen += 1
        else:
            assert moved.image[index] == moved.labels[index] == 0
    assert seen == np.prod([min(a, b) for a, b in zip(shape, FULL, strict=True)])


def test_fit_to_another_spacing_interpolates_about_the_centre():
    rows = np.repeat(np.arange(9, dtype=np.float32)[:, None], 7, 1)
    volume = Volume("ramp", rows, None, Grid((9, 7), (1.0, 1.0), (2.0, 3.0)))
    coarse = fit(volume, (4, 7), spacing=(2.0, 1.0))
    np.testing.assert_allclose(coarse.image[:, 3], [1, 3, 5, 7])
    np.testing.assert_allclose(world(coarse, (0, 0)), (3, 3))
    assert coarse.grid.spacing == (2.0, 1.0)


def test_onto_is_simpleitks_resampling():
    sitk = pytest.importorskip("SimpleITK")
    from subband.data.affine import itk_image

    volume = ball(spacing=(1.0, 2.0, 0.5), origin=(5.0, 6.0, 7.0))
    turned = Grid((10, 12, 9), (0.9, 1.7, 0.6), (5.5, 6.5, 6.8), ((0.96, -0.28, 0), (0.28, 0.96, 0), (0, 0, 1)))
    moved = onto(volume, turned)
    like = itk_image(np.zeros(turned.shape, np.float32), turned)
    step = np.linalg.inv(volume.grid.affine) @ turned.affine
    at = np.einsum("ab,bdhw->adhw", step[:3, :3], np.indices(turned.shape)) + step[:3, 3].reshape(3, 1, 1, 1)
    inside = ((at >= 0) & (at <= np.array(volume.image.shape).reshape(3, 1, 1, 1) - 1)).all(0)
    assert inside.sum() > 100
    for ours, values, order in (
        (moved.image, volume.image, sitk.sitkLinear),
        (moved.labels, volume.labels, sitk.sitkNearestNeighbor),
    ):
        theirs = sitk.Resample(itk_image(values, volume.grid), like, sitk.Transform(), order, -1.0)
        np.testing.assert_allclose(ours[inside], sitk.GetArrayFromImage(theirs).T[inside], atol=1e-5)


def test_onto_its_own_grid_changes_nothing():
    volume = ball(spacing=(1.0, 2.0, 0.5), origin=(5.0, 6.0, 7.0))
    same = onto(volume, volume.grid)
    np.testing.assert_array_equal(same.image, volume.image)
    np.testing.assert_array_equal(same.labels, volume.labels)


def test_onto_follows_the_matrix():
    volume = ball((6, 7))
    matrix = np.array([[1.0, 0, 2], [0, 1, -1], [0, 0, 1]])
    np.testing.assert_array_equal(onto(volume, volume.grid, matrix=matrix).image[:4, 1:], volume.image[2:, :6])


def test_common_shape_is_the_next_multiple():
    assert common_shape([(35, 51, 35), (31, 59, 40), (48, 16, 1)]) == (48, 64, 48)
    assert common_shape([(5, 9)], multiple=1) == (5, 9)


class Two(VolumeReader):
    def __init__(self, *volumes):
        self.volumes = volumes
        super().__init__([str(n) for n in range(len(volumes))], structures={1: "a", 2: "b", 3: "c"})

    def read(self, index):
        return self.volumes[index]


def test_a_set_on_one_grid():
    volumes = OnGrid(Two(ball((17, 20, 12)), ball((10, 12, 33), spacing=(2.0, 1.0, 1.0))))
    assert volumes.shape == (32, 32, 48)
    assert {volume.image.shape for volume in volumes} == {(32, 32, 48)}
    assert {volume.grid.spacing for volume in volumes} == {(1.0, 1.0, 1.0)}
    assert volumes.structures == {1: "a", 2: "b", 3: "c"}
    assert OnGrid(Two(ball()), shape=(4, 4, 4), spacing=(2.0, 2.0, 2.0))[0].image.shape == (4, 4, 4)


@pytest.mark.message
def test_says_what_does_not_fit():
    with pytest.raises(ValueError, match=r"ball does not overlap the grid .* \(100, 0, 0\) mm"):
        onto(ball(), Grid((4, 4, 4), origin=(100.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match="9 x 11 x 8 voxels, but the grid is 4 x 4"):
        onto(ball(), Grid.of((4, 4)))
    with pytest.raises(ValueError, match="9 x 11 x 8 voxels, but the shape is 4 x 4"):
        fit(ball(), (4, 4))
    with pytest.raises(ValueError, match="give images alone, or volumes alone"):
        common_shape([(4, 4), (4, 4, 4)])
    with pytest.raises(ValueError, match="a volume of 4 x 4 voxels is among those of 3 axes"):
        OnGrid(Two(ball(), ball((4, 4))))
