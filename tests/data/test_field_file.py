"""Files of fields: SimpleITK as oracle both ways, components by hand, files that are not meant."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import torch
from scipy.spatial.transform import Rotation

from subband.data.field_file import read_field, write_field
from subband.transforms.field import Field, Grid
from subband.transforms.warp import warp

TURN = Rotation.from_euler("xyz", [0.3, -0.2, 0.5]).as_matrix()
FLAT = Rotation.from_euler("z", 0.4).as_matrix()[:2, :2]
GRIDS = {
    "oblique": Grid((9, 13, 7), (1.0, 2.0, 3.5), (10.0, -20.0, 5.0), tuple(map(tuple, TURN.tolist()))),
    "deep": Grid((24, 10, 11), (0.7, 0.7, 1.2)),
    "image": Grid((9, 13), (1.0, 2.0), (10.0, -20.0), tuple(map(tuple, FLAT.tolist()))),
}


def random_field(grid, *, seed=0, unit="voxel"):
    generator = torch.Generator().manual_seed(seed)
    dims = len(grid.shape)
    vectors = torch.randn(1, dims, *grid.shape, generator=generator, dtype=torch.float64)
    return Field(vectors, "voxel", grid=grid).to_unit(unit)


@pytest.mark.parametrize("name", GRIDS)
def test_simpleitk_warps_an_image_with_the_file_as_we_do(name, tmp_path):
    grid = GRIDS[name]
    field = random_field(grid, unit="normalised")
    write_field(tmp_path / "field.nii.gz", field)
    theirs = SimpleITK.ReadImage(str(tmp_path / "field.nii.gz"), SimpleITK.sitkVectorFloat64)
    assert theirs.GetSize() == grid.shape
    image = torch.rand(grid.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    moving = SimpleITK.GetImageFromArray(image.numpy().T)
    moving.CopyInformation(theirs)
    transform = SimpleITK.DisplacementFieldTransform(SimpleITK.Image(theirs))
    wanted = SimpleITK.GetArrayFromImage(SimpleITK.Resample(moving, moving, transform, SimpleITK.sitkLinear, 0.0)).T
    found = warp(image[None, None], field)[0, 0].numpy()
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
    places = index + field.to_unit("voxel").vectors[0].numpy()
    inside = np.all(
        [(place >= 0) & (place <= size - 1) for place, size in zip(places, grid.shape, strict=True)], axis=0
    )
    assert inside.mean() > 0.4
    assert np.abs(found - wanted)[inside].max() < 1e-5  # the file holds single precision
    assert np.abs(found - image.numpy())[inside].max() > 0.1


@pytest.mark.parametrize("name", GRIDS)
def test_files_that_simpleitk_writes(name, tmp_path):
    grid, dims = GRIDS[name], len(GRIDS[name].shape)
    field = random_field(grid)
    lps = np.array([-1.0, -1.0, 1.0])[:dims]
    world = np.tensordot(np.array(grid.direction), field.to_unit("mm").vectors[0].numpy(), axes=1)
    theirs = SimpleITK.GetImageFromArray(
        (np.moveaxis(world, 0, -1) * lps).transpose(*reversed(range(dims)), dims), True
    )
    theirs.SetSpacing(grid.spacing)
    theirs.SetOrigin((lps * grid.origin).tolist())
    theirs.SetDirection((lps[:, None] * np.array(grid.direction)).ravel().tolist())
    SimpleITK.WriteImage(theirs, str(tmp_path / "field.nii"))
    back = read_field(tmp_path / "field.nii", grid=grid)
    assert (back.unit, back.kind) == ("mm", "displacement")
    assert (back.to_unit("voxel").vectors - field.vectors).abs().max() < 1e-5


@pytest.mark.parametrize("unit", ["normalised", "voxel", "mm"])
@pytest.mark.parametrize("kind", ["displacement", "velocity"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_there_and_back(unit, kind, suffix, tmp_path):
    field = random_field(GRIDS["oblique"], unit=unit)
    field = Field(field.vectors, unit, kind, field.grid)
    path = tmp_path / "folder" / f"field{suffix}"
    write_field(path, field)
    back = read_field(path)
    assert (back.unit, back.kind) == ("mm", kind)
    assert back.vectors.dtype == torch.float32
    assert np.abs(back.grid.affine - field.grid.affine).max() < 1e-5
    assert (back.to_unit(unit).vectors - field.vectors).abs().max() < 1e-5
    first = path.read_bytes()
    write_field(path, field)
    assert path.read_bytes() == first


def test_components_by_hand(tmp_path):
    """One voxel along axis 0 of 2 mm, which points to the left: stored as 2 mm to the left, +2 in ITK's space."""
    grid = Grid((3, 4, 5), (2.0, 1.0, 1.0), direction=((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    vectors = torch.zeros(1, 3, 3, 4, 5)
    vectors[0, :, 1, 2, 3] = torch.tensor([1.0, 10.0, 100.0])
    write_field(tmp_path / "field.nii", Field(vectors, "voxel", grid=grid))
    image = nib.load(tmp_path / "field.nii")
    assert image.shape == (3, 4, 5, 1, 3)
    assert int(image.header["intent_code"]) == 1007
    assert image.header.get_xyzt_units()[0] == "mm"
    assert np.asarray(image.dataobj)[1, 2, 3, 0].tolist() == [2, -10, 100]
    assert np.asarray(image.dataobj)[0, 2, 3, 0].tolist() == [0, 0, 0]
    # read back along axes to the right: the voxel lies at the other end, its vector points against the axis
    back = read_field(tmp_path / "field.nii")
    assert back.grid.direction == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert back.grid.origin == (-4, 0, 0)
    assert back.vectors[0, :, 1, 2, 3].tolist() == [-2, 10, 100]


def test_displacements_by_the_standard_are_ras_for_simpleitk_and_for_us(tmp_path):
    field = random_field(GRIDS["oblique"])
    write_field(tmp_path / "vector.nii", field)
    image = nib.load(tmp_path / "vector.nii")
    image.header.set_intent(1006)
    nib.save(image, tmp_path / "displacement.nii")
    vectors, displacements = (
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / name)))
        for name in ("vector.nii", "displacement.nii")
    )
    assert (displacements == vectors * np.array([-1, -1, 1], np.float32)).all()
    data = np.asarray(image.dataobj) * np.array([-1, -1, 1], np.float32)
    flipped = nib.Nifti1Image(data, image.affine)
    flipped.header.set_intent(1006)
    nib.save(flipped, tmp_path / "ras.nii")
    same = read_field(tmp_path / "ras.nii").vectors - read_field(tmp_path / "vector.nii").vectors
    assert same.abs().max() == 0


def save(path, shape, *, intent=1007, unit="mm", value=0.0):
    image = nib.Nifti1Image(np.full(shape, value, np.float32), np.eye(4))
    image.header.set_intent(intent)
    image.header.set_xyzt_units(unit)
    nib.save(image, path)


@pytest.mark.message
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 5, 6), {}, "has 4 x 5 x 6 values and intent 1007, but a field has X x Y x Z x 1 x 3"),
        ((4, 5, 6, 3), {}, "has 4 x 5 x 6 x 3 values"),
        ((4, 5, 6, 1, 2), {}, "has 4 x 5 x 6 x 1 x 2 values"),
        ((4, 5, 6, 1, 3), {"intent": 0}, "and intent 0, .* 1007 or 1006; save it as ITK does, in mm"),
        ((4, 5, 6, 1, 3), {"unit": "meter"}, "is in meter, but a field must be in mm; convert its vectors"),
        ((4, 5, 6, 1, 3), {"value": np.nan}, "holds NaN or infinite values, but every vector must be finite"),
    ],
)
def test_files_that_are_no_fields(shape, options, message, tmp_path):
    save(tmp_path / "field.nii", shape, **options)
    with pytest.raises(ValueError, match=message):
        read_field(tmp_path / "field.nii")


@pytest.mark.message
def test_files_that_do_not_fit(tmp_path):
    save(tmp_path / "field.nii", (4, 5, 6, 1, 3), unit="unknown")
    assert read_field(tmp_path / "field.nii").space == (4, 5, 6)
    for grid in (Grid.of((4, 5, 7)), Grid((4, 5, 6), origin=(0, 1, 0)), Grid((4, 5, 6), (1, 1, 2))):
        with pytest.raises(ValueError, match=r"lies on a grid of 4 x 5 x 6 voxels .* give the field of this image"):
            read_field(tmp_path / "field.nii", grid=grid)
    with pytest.raises(ValueError, match=r"there is no file .*none\.nii"):
        read_field(tmp_path / "none.nii")
    (tmp_path / "cut.nii.gz").write_bytes(b"no gzip")
    with pytest.raises(ValueError, match=r"cut.nii.gz cannot be read as NIfTI"):
        read_field(tmp_path / "cut.nii.gz")
    (tmp_path / "short.nii").write_bytes((tmp_path / "field.nii").read_bytes()[:400])
    with pytest.raises(ValueError, match=r"short.nii cannot be read as NIfTI"):
        read_field(tmp_path / "short.nii")


@pytest.mark.message
def test_fields_that_are_not_written(tmp_path):
    grid, path = Grid.of((4, 5)), tmp_path / "field.nii"
    for field, name, message in [
        (Field(torch.zeros(1, 2, 4, 5), "voxel"), "field.nii", "has no grid, which says where its voxels lie"),
        (Field(torch.zeros(2, 2, 4, 5), "voxel", grid=grid), "field.nii", "cannot write 2 fields as field.nii"),
        (Field(torch.zeros(1, 2, 4, 5), "voxel", grid=grid), "field.npz", "a name that ends with .nii or .nii.gz"),
        (Field(torch.full((1, 2, 4, 5), torch.nan), "voxel", grid=grid), "field.nii", "holds NaN or infinite values"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_field(path.with_name(name), field)
    assert not list(tmp_path.iterdir())
