"""Jacobian determinants: NumPy as oracle, identity, known affine maps, known folds."""

import numpy as np
import pytest
import torch
from smooth_fields import affine_vectors, smooth_vectors

from subband.metrics.jacobian import folding_percentage, jacobian_determinant, sd_log_jacobian
from subband.transforms.exponential import exponential
from subband.transforms.field import Field, Grid

SPACES = [(16, 16, 16), (40, 31, 57), (57, 20, 31), (23, 40)]


@pytest.mark.parametrize("space", SPACES)
def test_equal_to_numpy(space):
    vectors = smooth_vectors(space, amplitude=3, batch=2)
    found = jacobian_determinant(Field(vectors, "voxel"))
    for one, determinant in zip(vectors.numpy(), found.numpy(), strict=True):
        matrix = np.stack([np.stack(np.gradient(component)) for component in one])
        matrix = np.moveaxis(matrix, (0, 1), (-2, -1)) + np.eye(len(space))
        assert np.abs(determinant - np.linalg.det(matrix)).max() < 1e-11
    assert found.min() < 0 < found.max()


@pytest.mark.parametrize("unit", ["normalised", "voxel", "mm"])
@pytest.mark.parametrize("space", SPACES)
def test_identity_and_affine_maps_in_every_unit(space, unit):
    dims = len(space)
    grid = Grid(space, (0.5, 2.0, 1.3)[:dims])
    still = Field(torch.zeros(1, dims, *space), "voxel", grid=grid).to_unit(unit)
    assert (jacobian_determinant(still) == 1).all()
    assert folding_percentage(still) == sd_log_jacobian(still) == 0
    matrix = 0.3 * torch.randn(dims, dims, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    field = Field(affine_vectors(space, matrix), "voxel", grid=grid).to_unit(unit)
    wanted = torch.linalg.det(torch.eye(dims) + matrix)
    assert (jacobian_determinant(field) - wanted).abs().max() < 1e-11
    assert sd_log_jacobian(field) < 1e-11
    mirrored = Field(affine_vectors(space, -2 * torch.diag(torch.eye(dims)[0])), "voxel", grid=grid).to_unit(unit)
    assert (jacobian_determinant(mirrored) + 1).abs().max() < 1e-12
    assert folding_percentage(mirrored) == 100
    assert np.isnan(sd_log_jacobian(mirrored))


def test_one_fold_by_hand():
    """One voxel moved by 3 along an axis: the determinant is 1 + 3/2 before it and 1 - 3/2 behind it."""
    vectors = torch.zeros(1, 3, 5, 7, 6)
    vectors[0, 1, 2, 3, 4] = 3
    found = jacobian_determinant(Field(vectors, "voxel"))[0]
    assert found[2, 2, 4] == 2.5
    assert found[2, 4, 4] == -0.5
    assert (found == 1).sum() == 5 * 7 * 6 - 2
    assert folding_percentage(Field(vectors, "voxel")) == pytest.approx(100 / (5 * 7 * 6))
    logarithms = np.append(np.zeros(5 * 7 * 6 - 2), np.log(2.5))
    assert sd_log_jacobian(Field(vectors, "voxel")) == pytest.approx(logarithms.std(), rel=1e-6)
    # the challenge adds 3 and leaves out two voxels at each border
    kept = found.double().numpy()[2:-2, 2:-2, 2:-2]
    assert sd_log_jacobian(Field(vectors, "voxel"), convention="learn2reg") == pytest.approx(np.log(kept + 3).std())


def test_no_change_of_volume_counts_as_a_fold_at_zero_only():
    flat = Field(affine_vectors((4, 5), [[-1.0, 0.0], [0.0, 0.0]]), "voxel")
    assert (jacobian_determinant(flat) == 0).all()
    assert folding_percentage(flat) == 100


def test_flows_do_not_fold():
    velocity = Field(smooth_vectors((24, 20, 28), amplitude=1.8), "voxel", "velocity")
    assert folding_percentage(Field(velocity.vectors, "voxel")) > 1
    assert folding_percentage(exponential(velocity)) == 0


def test_one_plane_and_half_precision():
    plane = torch.zeros(1, 3, 1, 4, 5, dtype=torch.bfloat16)
    plane[0, 1] = torch.arange(4.0).view(1, 4, 1)
    found = jacobian_determinant(Field(plane, "voxel"))
    assert (found == 2).all()
    assert found.dtype == torch.float32


def test_authors_take_half_the_size_for_a_length_of_one():
    space = (16, 20, 18)
    vectors = smooth_vectors(space, amplitude=0.1)
    scaled = vectors * torch.tensor(space).view(3, 1, 1, 1) / 2
    found = jacobian_determinant(Field(vectors, "normalised"), convention="authors")
    assert (found - jacobian_determinant(Field(scaled, "voxel"))).abs().max() < 1e-12
    assert (found - jacobian_determinant(Field(vectors, "normalised"))).abs().max() > 0.01
    folds = (found <= 0).double().mean()
    assert folding_percentage(Field(vectors, "normalised"), convention="authors") == pytest.approx(100 * float(folds))


@pytest.mark.parametrize("space", [(4, 3), (3, 2, 4)])
def test_gradients(space):
    vectors = smooth_vectors(space, amplitude=0.5, control=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: jacobian_determinant(Field(v, "normalised")), vectors)


@pytest.mark.message
def test_errors_say_what_to_do():
    field = Field(torch.zeros(1, 2, 4, 4), "voxel")
    with pytest.raises(ValueError, match=r"convention is 'author', .* did you mean 'authors'"):
        jacobian_determinant(field, convention="author")
    with pytest.raises(ValueError, match="convention is 'l2r', but must be one of default, learn2reg"):
        sd_log_jacobian(field, convention="l2r")
    with pytest.raises(ValueError, match=r"is a velocity, .* pass exponential\(field\)"):
        folding_percentage(Field(field.vectors, "voxel", "velocity"))
