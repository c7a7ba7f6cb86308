"""Composition, inverse and exponential: MONAI as oracle, affine maps with known answers, inverse consistency."""

import pytest
import torch
from monai.networks.blocks import DVF2DDF
from smooth_fields import affine_vectors, centred_places, smooth_vectors, whirl_vectors

from subband.transforms.exponential import compose, exponential, invert
from subband.transforms.field import Field, Grid
from subband.transforms.warp import warp

SPACES = [(16, 16, 16), (40, 31, 57), (57, 20, 31), (23, 40)]
NATIVE = pytest.mark.filterwarnings("ignore:monai.networks.blocks.Warp:UserWarning")


def inner(x, border):
    """Without the voxels next to the border."""
    return x[(..., *[slice(border, -border)] * (x.ndim - 2))]


@NATIVE
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("steps", [1, 7])
def test_exponentials_equal_monai(space, steps):
    """With border padding and velocities in voxels; the field leaves the volume."""
    vectors = smooth_vectors(space, amplitude=4, batch=2)
    wanted = DVF2DDF(num_steps=steps, mode="bilinear", padding_mode="border")(vectors)
    found = exponential(Field(vectors, "voxel", "velocity"), steps=steps)
    assert (found.vectors - wanted).abs().max() < 1e-10
    assert (found.unit, found.kind) == ("voxel", "displacement")


@pytest.mark.parametrize("space", SPACES)
def test_exponentials_of_linear_velocities_are_matrix_powers(space):
    """Scaling and squaring of v = A x is (I + A / 2^T)^(2^T) x exactly, where nothing comes from outside."""
    dims, steps = len(space), 7
    matrix = 0.2 * torch.randn(dims, dims, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    matrix = matrix - 0.8 * torch.eye(dims)  # inwards
    still = torch.eye(dims, dtype=torch.float64)
    velocity = Field(affine_vectors(space, matrix), "voxel", "velocity")
    power = torch.linalg.matrix_power(still + matrix / 2**steps, 2**steps)
    limits = (torch.tensor(space).view(-1, *[1] * dims) - 1) / 2
    inside = (centred_places(space).abs() < 0.6 * limits).all(0)
    for unit in ("voxel", "normalised"):
        found = exponential(velocity.to_unit(unit), steps=steps).to_unit("voxel").vectors
        assert (found - affine_vectors(space, power - still))[..., inside].abs().max() < 1e-11
    close = [
        (exponential(velocity, steps=T).vectors - affine_vectors(space, torch.matrix_exp(matrix) - still))[..., inside]
        for T in (7, 8, 9)
    ]
    errors = [float(error.abs().max()) for error in close]
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.02)  # of first order in 2^-T
    assert errors[2] / errors[1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("space", SPACES)
def test_exponentials_and_their_inverses_are_consistent(space):
    """What is left comes from interpolation alone: about a quarter of it with twice as many voxels along each axis."""
    left = []
    for sizes in (tuple((size + 1) // 2 for size in space), space):
        velocity = Field(whirl_vectors(sizes, amplitude=0.3), "normalised", "velocity")
        there, back = exponential(velocity), exponential(invert(velocity))
        assert there.vectors.abs().max() > 0.2
        left.append(float(compose(there, back).vectors.abs().max()))
    assert left[1] < 0.01
    assert left[1] < left[0] / 2.5


def test_time_adds_up():
    """exp(v) = exp(v / 2) after exp(v / 2), by construction."""
    vectors = smooth_vectors((17, 12, 14), amplitude=1)
    half = exponential(Field(vectors / 2, "normalised", "velocity"), steps=6)
    whole = exponential(Field(vectors, "normalised", "velocity"), steps=7)
    assert (compose(half, half).vectors - whole.vectors).abs().max() < 1e-12


@pytest.mark.parametrize("space", [(5, 6), (4, 5, 3)])
def test_gradients(space):
    """Of exp, composition and inverse, in float64."""
    vectors = smooth_vectors(space, amplitude=0.4, control=3).requires_grad_()
    other = smooth_vectors(space, amplitude=0.4, control=3, seed=8).requires_grad_()

    def composed(a, b):
        return compose(Field(a, "voxel"), Field(b, "voxel")).vectors

    def flow(v):
        return exponential(Field(v, "voxel", "velocity"), steps=4).vectors

    def inverse(v):
        return invert(Field(v, "voxel"), tolerance=1e-12).vectors

    assert torch.autograd.gradcheck(flow, vectors, fast_mode=len(space) == 3)
    assert torch.autograd.gradcheck(composed, (vectors, other), fast_mode=True)
    small = (0.3 * vectors.detach()).requires_grad_()
    assert torch.autograd.gradcheck(inverse, small, fast_mode=True)


@pytest.mark.parametrize("space", SPACES)
def test_compositions_of_affine_maps(space):
    """(I + A)(I + B) - I = A + B + A B, where nothing comes from outside."""
    dims = len(space)
    first, then = 0.1 * torch.randn(2, dims, dims, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    first = first - 0.4 * torch.eye(dims)
    a, b = (Field(affine_vectors(space, matrix), "voxel", grid=Grid.of(space)) for matrix in (then, first))
    found = compose(a.to_unit("mm"), b.to_unit("normalised"))
    assert found.unit == "normalised"
    wanted = affine_vectors(space, then + first + then @ first)
    limits = (torch.tensor(space).view(-1, *[1] * dims) - 1) / 2
    inside = ((centred_places(space) + b.vectors[0]).abs() <= limits).all(0)
    assert (found.to_unit("voxel").vectors - wanted)[..., inside].abs().max() < 1e-11
    assert inside.double().mean() > 0.5


def test_one_warp_for_two():
    """On a linear image, which interpolation does not change."""
    space = (19, 23, 17)
    image = (centred_places(space) * torch.tensor([1.0, -2.0, 0.5]).view(3, 1, 1, 1)).sum(0)[None, None]
    a, b = (Field(smooth_vectors(space, amplitude=1, seed=seed), "voxel") for seed in (1, 2))
    twice, once = warp(warp(image, a), b), warp(image, compose(a, b))
    assert inner(twice - once, 6).abs().max() < 0.15
    assert inner(twice - once, 6).abs().mean() < 0.02 * inner(twice - image, 6).abs().mean()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("amplitude", [0.02, 0.06])
def test_inverses_of_smooth_fields(space, amplitude):
    amplitude = amplitude * min(space)
    field = exponential(Field(smooth_vectors(space, amplitude=amplitude, control=4), "voxel", "velocity"))
    back = invert(field)
    assert compose(field, back).vectors.norm(dim=1).max() < 1.01e-3
    assert back.vectors.abs().max() > 0.4 * amplitude
    assert (back.unit, back.kind) == ("voxel", "displacement")
    assert invert(field.to_unit("normalised")).unit == "normalised"


@pytest.mark.parametrize("stretch", [0.5, 1.7, 3.0, 5.0])
def test_inverses_of_affine_maps(stretch):
    """x -> s x has the inverse x / s; beyond twofold plain fixed-point iteration diverges."""
    space = (17, 23)
    field = Field(affine_vectors(space, (stretch - 1) * torch.eye(2, dtype=torch.float64)), "voxel")
    back = invert(field, tolerance=1e-8, steps=300).vectors
    wanted = affine_vectors(space, (1 / stretch - 1) * torch.eye(2, dtype=torch.float64))
    limits = (torch.tensor(space).view(-1, 1, 1) - 1) / 2
    inside = (centred_places(space).abs() < stretch * limits).all(0)
    assert (back - wanted)[..., inside].abs().max() < 2e-8


def test_inverse_of_a_fold_ends():
    folded = Field(affine_vectors((9, 9), [[-1.5, 0.0], [0.0, 0.0]]), "voxel")
    back = invert(folded, steps=20)
    assert back.vectors.isfinite().all()
    velocity = Field(torch.ones(1, 2, 3, 3), "normalised", "velocity")
    assert (invert(velocity).vectors == -1).all()
    assert invert(velocity).kind == "velocity"


def test_half_precision_and_autocast_are_computed_in_single():
    vectors = smooth_vectors((9, 10, 8), amplitude=1).to(torch.bfloat16)
    single = exponential(Field(vectors.float(), "voxel", "velocity")).vectors
    assert (exponential(Field(vectors, "voxel", "velocity")).vectors == single).all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = exponential(Field(vectors.float(), "voxel", "velocity"))
    assert under.vectors.dtype == torch.float32
    assert (under.vectors - single).abs().max() < 1e-6
    before = vectors.clone()
    assert invert(Field(vectors, "voxel")).vectors.dtype == torch.float32
    assert (vectors == before).all()


@pytest.mark.message
def test_errors_say_what_to_do():
    displacement = Field(torch.zeros(1, 2, 4, 5), "voxel")
    velocity = Field(torch.zeros(1, 2, 4, 5), "voxel", "velocity")
    with pytest.raises(ValueError, match="is a displacement, but must be a velocity; it has no exponential"):
        exponential(displacement)
    with pytest.raises(ValueError, match="steps is 0, but must be greater than 0"):
        exponential(velocity, steps=0)
    for pair in ((velocity, displacement), (displacement, velocity)):
        with pytest.raises(ValueError, match=r"is a velocity, but must be a displacement; pass exponential\(field\)"):
            compose(*pair)
    with pytest.raises(ValueError, match=r"inner is a batch of 1 of \(4, 4\) voxels, but the field .* of \(4, 5\)"):
        compose(displacement, Field(torch.zeros(1, 2, 4, 4), "voxel"))
    with pytest.raises(ValueError, match="tolerance is 0"):
        invert(displacement, tolerance=0)
