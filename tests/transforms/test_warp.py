"""Warps: MONAI, SciPy and the one-hot form as oracles, shifts by hand, affine maps of linear images."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from monai.networks.blocks import Warp
from scipy import ndimage
from smooth_fields import affine_vectors, centred_places, smooth_vectors

from subband.transforms.field import Field, Grid
from subband.transforms.warp import identity_grid, warp, warp_labels

SPACES = [(16, 16, 16), (40, 31, 57), (57, 20, 31), (23, 40)]


def noise(*shape, dtype=torch.float64, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def label_map(space, *, batch=2, classes=12, seed=1):
    """Blobs of random labels."""
    coarse = [max(size // 4, 2) for size in space]
    found = torch.randint(classes, (batch, 1, *coarse), generator=torch.Generator().manual_seed(seed))
    return F.interpolate(found.float(), size=space, mode="nearest")[:, 0].long()


@pytest.mark.filterwarnings("ignore:monai.networks.blocks.Warp:UserWarning")
@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize(("order", "theirs"), [("linear", "bilinear"), ("nearest", "nearest")])
@pytest.mark.parametrize("space", SPACES)
def test_images_equal_monai(space, order, theirs, padding):
    """With the arguments of the specification: its displacements are ours in voxels."""
    image, vectors = noise(2, 2, *space), smooth_vectors(space, amplitude=4, batch=2)
    wanted = Warp(mode=theirs, padding_mode=padding)(image, vectors)
    found = warp(image, Field(vectors, "voxel"), order=order, padding=padding)
    assert (found - wanted).abs().max() < 1e-11
    assert (found - image).abs().max() > 0.1


@pytest.mark.parametrize("space", SPACES)
def test_images_equal_scipy(space):
    image, vectors = noise(1, 1, *space), smooth_vectors(space, amplitude=4)
    places = np.stack(np.meshgrid(*map(np.arange, space), indexing="ij")) + vectors[0].numpy()
    wanted = ndimage.map_coordinates(image[0, 0].numpy(), places, order=1, mode="grid-constant")
    assert np.abs(warp(image, Field(vectors, "voxel"))[0, 0].numpy() - wanted).max() < 1e-11


@pytest.mark.parametrize("space", SPACES)
def test_nothing_moves(space):
    image, still = noise(2, 1, *space), Field(torch.zeros(1, len(space), *space, dtype=torch.float64), "normalised")
    assert (warp(image, still) - image).abs().max() < 1e-12
    assert (warp(image, still, order="nearest") == image).all()
    labels = label_map(space)
    for method in ("nearest", "linear"):
        assert (warp_labels(labels, still, method=method) == labels).all()


@pytest.mark.parametrize("space", SPACES)
def test_affine_maps_of_linear_images_are_exact(space):
    """Linear interpolation of g x at x + A x is g (I + A) x, where that is inside."""
    dims = len(space)
    matrix = 0.2 * noise(dims, dims) - 0.3 * torch.eye(dims)
    slope, places = noise(dims), centred_places(space)
    vectors = affine_vectors(space, matrix)
    image = torch.einsum("a,a...->...", slope, places)[None, None]
    wanted = torch.einsum("a,a...->...", slope, places + vectors[0])
    limits = (torch.tensor(space).view(-1, *[1] * dims) - 1) / 2
    inside = ((places + vectors[0]).abs() <= limits).all(0)
    for unit in ("voxel", "normalised", "mm"):
        field = Field(vectors, "voxel", grid=Grid(space, (0.7, 1.0, 2.5)[:dims])).to_unit(unit)
        assert (warp(image, field)[0, 0] - wanted)[inside].abs().max() < 1e-11
    assert inside.double().mean() > 0.3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_whole_voxels_by_hand(axis):
    """A displacement of +1 along an axis brings the next voxel, and nothing from beyond the last."""
    image = noise(1, 1, 4, 5, 6)
    vectors = torch.zeros(1, 3, 4, 5, 6, dtype=torch.float64)
    vectors[:, axis] = 1
    wanted = torch.roll(image, -1, dims=axis + 2)
    wanted.movedim(axis + 2, 0)[-1] = 0
    field = Field(vectors, "voxel")
    assert (warp(image, field) - wanted).abs().max() < 1e-13
    labels = (10 * image[:, 0]).round().long()
    wanted = torch.roll(labels, -1, dims=axis + 1)
    wanted.movedim(axis + 1, 0)[-1] = 0
    for method in ("nearest", "linear"):
        assert (warp_labels(labels, field, method=method) == wanted).all()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("amplitude", [1, 8])
def test_labels_equal_the_one_hot_form(space, amplitude):
    labels, field = label_map(space), Field(smooth_vectors(space, amplitude=amplitude, batch=2), "voxel")
    onehot = F.one_hot(labels, 12).movedim(-1, 1).double()
    found = warp_labels(labels, field, method="linear")
    assert (found == warp(onehot, field).argmax(1)).all()
    assert (found != labels).any()
    wanted = warp(labels[:, None].double(), field, order="nearest")[:, 0].long()
    assert (warp_labels(labels, field) == wanted).all()
    assert (wanted != found).any()


def test_labels_by_hand():
    def moved(row, by, method="linear"):
        vectors = torch.zeros(1, 2, 1, len(row), dtype=torch.float64)
        vectors[0, 1] = torch.tensor(by)
        return warp_labels(torch.tensor([[row]]), Field(vectors, "voxel"), method=method)[0, 0].tolist()

    assert moved([3, 9, 9, 1], 0.25) == [3, 9, 9, 1]
    assert moved([3, 9, 9, 1], 0.75) == [9, 9, 1, 1]  # at the end a quarter of label 1 against nothing
    assert moved([3, 9, 9, 1], 0.5) == [3, 9, 1, 1]  # the smaller of two with one weight
    assert moved([3, 9, 9, 1], 1.0) == [9, 9, 1, 0]
    assert moved([3, 9, 9, 1], [-50.0, float("nan"), float("inf"), 0.0]) == [0, 0, 0, 1]
    assert moved([3, 9, 9, 1], [-50.0, float("nan"), float("inf"), 0.0], "nearest") == [0, 0, 0, 1]
    # 0.4 of label 5 against 0.3 + 0.3 of label 2: the nearest voxel does not win
    labels = torch.tensor([[[5, 2], [2, 7]]])
    vectors = torch.zeros(1, 2, 2, 2)
    vectors[0, :, 0, 0] = torch.tensor([0.4, 0.35])
    assert warp_labels(labels, Field(vectors, "voxel"), method="linear")[0, 0, 0] == 2
    assert warp_labels(labels, Field(vectors, "voxel"))[0, 0, 0] == 5


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_labels_keep_their_type(dtype):
    labels = label_map((9, 10, 11)).to(dtype)
    field = Field(smooth_vectors((9, 10, 11), amplitude=2), "voxel")
    for method in ("nearest", "linear"):
        found = warp_labels(labels, field, method=method)
        assert found.dtype == dtype
        assert (found.long() == warp_labels(labels.long(), field, method=method)).all()


@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("space", [(4, 5), (3, 5, 4)])
def test_gradients(space, padding):
    image = noise(2, 2, *space).requires_grad_()
    vectors = (0.3 * noise(2, len(space), *space, seed=9)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, v: warp(x, Field(v, "normalised"), padding=padding), (image, vectors), fast_mode=True
    )


def test_one_field_for_all_images_and_inputs_left_as_they_are():
    image, vectors = noise(3, 1, 6, 7), smooth_vectors((6, 7), amplitude=1)
    before = image.clone(), vectors.clone()
    found = warp(image, Field(vectors, "voxel"))
    single = torch.cat([warp(one[None], Field(vectors, "voxel")) for one in image])
    assert (found - single).abs().max() < 1e-13
    warp_labels(image[:, 0].long(), Field(vectors, "voxel"), method="linear")
    assert (image == before[0]).all()
    assert (vectors == before[1]).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    image, vectors = noise(1, 1, 40, 50).to(dtype), smooth_vectors((40, 50), amplitude=2).to(dtype)
    found = warp(image, Field(vectors, "voxel"))
    assert found.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = warp(image.float(), Field(vectors.float(), "voxel"))
    assert (found - under).abs().max() < 1e-6


def test_identity_grid():
    grid = identity_grid((3, 5, 2), dtype=torch.float64)
    assert grid.shape == (3, 3, 5, 2)
    assert grid[:, 1, 2, 0].tolist() == [0, 0, -1]
    assert grid[:, 2, 4, 1].tolist() == [1, 1, 1]


@pytest.mark.message
@pytest.mark.parametrize(
    ("shape", "options", "kind", "message"),
    [
        ((1, 1, 4, 5), {"order": "cubic"}, "displacement", "order is 'cubic', but must be one of linear, nearest"),
        ((1, 1, 4, 5), {"padding": "zero"}, "displacement", "padding is 'zero', .* did you mean 'zeros'"),
        ((1, 1, 4, 5), {}, "velocity", r"is a velocity, but must be a displacement; pass exponential\(field\)"),
        ((1, 1, 5, 5), {}, "displacement", r"image is a batch of 1 of \(5, 5\) voxels, but the field .* of \(4, 5\)"),
        ((3, 1, 4, 5), {}, "displacement", "image is a batch of 3 .* give one field for each, or one for all"),
    ],
)
def test_errors_say_what_to_do(shape, options, kind, message):
    field = Field(torch.zeros(2 if shape[0] == 3 else 1, 2, 4, 5), "voxel", kind)
    with pytest.raises(ValueError, match=message):
        warp(torch.zeros(shape), field, **options)


@pytest.mark.message
def test_labels_must_be_labels():
    field = Field(torch.zeros(1, 2, 4, 5), "voxel")
    with pytest.raises(ValueError, match=r"labels are of dtype torch.float32, but must be integers; warp an image"):
        warp_labels(torch.zeros(1, 4, 5), field)
    with pytest.raises(ValueError, match="method is 'onehot', but must be one of linear, nearest"):
        warp_labels(torch.zeros(1, 4, 5, dtype=torch.long), field, method="onehot")
    with pytest.raises(ValueError, match=r"labels is a batch of 1 of \(4, 4\) voxels"):
        warp_labels(torch.zeros(1, 4, 4, dtype=torch.long), field)
