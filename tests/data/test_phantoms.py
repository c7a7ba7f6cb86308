"""Phantoms: seeded, nested, and the true field makes the one from the other."""

import numpy as np
import pytest
import torch

from subband.data.common_grid import OnGrid
from subband.data.phantoms import STRUCTURES, Phantoms
from subband.transforms.warp import warp, warp_labels

SIZES = [(32, 32, 32), (20, 33, 27), (48, 40)]


def dice(a, b):
    return np.mean([2 * ((a == k) & (b == k)).sum() / ((a == k).sum() + (b == k).sum()) for k in STRUCTURES])


def determinant(field):
    """Jacobian determinants of x + u(x) by central differences."""
    u = field.vectors[0].numpy()
    rows = np.stack([np.stack(np.gradient(part)) for part in u])
    identity = np.eye(len(u)).reshape(len(u), len(u), *[1] * (u.ndim - 1))
    return np.linalg.det(np.moveaxis(rows + identity, (0, 1), (-2, -1)))


@pytest.mark.parametrize("size", SIZES)
def test_the_true_field_makes_the_fixed_volume(size):
    phantoms = Phantoms(count=2, size=size, noise=0, bias=0, amplitude=2)
    for pair, (moving, fixed) in enumerate(phantoms.pairs):
        a, b, truth = phantoms[moving], phantoms[fixed], phantoms.truth(pair)
        assert a.name.removesuffix("moving") == b.name.removesuffix("fixed")
        warped = warp(torch.from_numpy(a.image)[None, None], truth)[0, 0]
        np.testing.assert_allclose(warped, b.image, atol=1e-6)
        labels = warp_labels(torch.from_numpy(a.labels)[None], truth, method="linear")[0]
        np.testing.assert_array_equal(labels, b.labels)


def test_a_set_that_is_brought_to_another_grid_knows_no_truth():
    phantoms = Phantoms(count=1, size=(20, 24))
    assert OnGrid(phantoms, shape=(20, 24)).truth(0) is phantoms.truth(0)
    assert OnGrid(phantoms).truth(0) is None
    assert OnGrid(phantoms, shape=(20, 24), spacing=(2.0, 2.0)).truth(0) is None


@pytest.mark.parametrize("size", SIZES)
def test_the_true_field_does_not_fold(size):
    for seed in range(3):
        assert determinant(Phantoms(count=1, size=size, seed=seed).truth(0)).min() > 0


def test_structures_are_nested_and_all_there():
    for seed in range(4):
        for volume in Phantoms(count=1, seed=seed):
            assert np.unique(volume.labels).tolist() == [0, *STRUCTURES]
            assert (volume.image.dtype, volume.image.min() >= 0, volume.image.max() <= 1) == (np.float32, True, True)
            depth, height, width = volume.image.shape
            assert volume.labels[depth // 2, height // 2, width // 2] > 1
            assert not volume.labels[[0, -1]].any() or volume.name.endswith("fixed")


def test_pairs_begin_misaligned_enough_for_the_gate():
    """Acceptance: Dice below 0.60 before, for the three seeds of the gate."""
    found = [dice(*(phantoms[k].labels for k in (0, 1))) for phantoms in (Phantoms(count=1, seed=s) for s in range(3))]
    assert max(found) < 0.60
    assert min(found) > 0.40


def test_amplitude_is_the_mean_length_of_the_velocity():
    still, small = (Phantoms(count=1, size=(48, 40), amplitude=a) for a in (0, 0.1))
    assert not still.truth(0).vectors.any()
    np.testing.assert_array_equal(still[0].labels, still[1].labels)
    head = small[0].labels > 0
    length = small.truth(0).vectors[0].square().sum(0).numpy()[head].mean() ** 0.5
    np.testing.assert_allclose(length, 0.1, rtol=0.01)
    assert small.truth(0).unit == "voxel"


def test_each_volume_depends_on_the_seed_and_its_number_alone():
    few, many = Phantoms(count=2, size=(24, 24), seed=5), Phantoms(count=3, size=(24, 24), seed=5)
    np.testing.assert_array_equal(few[3].image, many[3].image)
    assert (few[0].image != few[2].image).any()
    assert (few[0].image != Phantoms(count=1, size=(24, 24), seed=6)[0].image).any()


def test_noise_and_bias_are_those_asked_for():
    options = {"count": 1, "size": (64, 64)}
    clean = Phantoms(**options, noise=0, bias=0)[0].image
    inside = (clean > 0.1) & (clean < 0.9)
    noisy = Phantoms(**options, noise=0.02, bias=0)[0].image - clean
    np.testing.assert_allclose(noisy[inside].std(), 0.02, rtol=0.05)
    ratio = (Phantoms(**options, noise=0, bias=0.1)[0].image / np.maximum(clean, 1e-6))[inside]
    assert 0.9 - 1e-6 <= ratio.min() < 0.97
    assert ratio.max() <= 1.1 + 1e-6


@pytest.mark.message
def test_says_what_is_out_of_range():
    for size in ((32, 8), (32,), (16, 16, 16, 16)):
        with pytest.raises(ValueError, match="must be 2 or 3 sizes of at least 16 voxels"):
            Phantoms(size=size)
    with pytest.raises(ValueError, match="noise is -1"):
        Phantoms(noise=-1)
    with pytest.raises(ValueError, match="count is 0"):
        Phantoms(count=0)
