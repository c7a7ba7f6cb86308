"""Two files registered: the start, the field that leads back to the moving file, what is written."""

import nibabel
import numpy as np
import pytest
import torch

from subband._files import read_json
from subband.config import Fit
from subband.data.field_file import read_field
from subband.data.nifti import read_volume, write_nifti
from subband.tasks.file_pair import read_pair, warped_files, whole_displacement
from subband.tasks.register import (
    STATE,
    baseline_ways,
    expected_memory,
    fitted_way,
    loss_of,
    register_pair,
    structures_of,
)
from subband.transforms.field import Field, Grid


def ball(shape, centre, radius):
    places = np.indices(shape) - np.reshape(centre, (-1, 1, 1, 1))
    return (places**2).sum(0) < radius**2


def write(folder, name, grid, centre, radius=4.0):
    """A ball of 200 on 50, and its label 3, on a grid."""
    mask = ball(grid.shape, centre, radius)
    write_nifti(folder / f"{name}.nii.gz", np.where(mask, 200, 50).astype(np.float32), grid)
    write_nifti(folder / f"{name}_labels.nii.gz", 3 * mask.astype(np.int16), grid)


@pytest.fixture
def files(tmp_path):
    """A ball in the middle, and the same one 2 mm further to the right on coarser voxels that begin elsewhere."""
    write(tmp_path, "fixed", Grid((16, 18, 20), origin=(5, 6, 7)), (8, 9, 10))
    write(tmp_path, "moving", Grid((9, 10, 11), spacing=(2, 2, 2), origin=(5, 6, 7)), (5, 4.5, 5), radius=2.0)
    return tmp_path


def pair_of(files, start="header", labels=True):
    names = {"moving_labels": files / "moving_labels.nii.gz", "fixed_labels": files / "fixed_labels.nii.gz"}
    return read_pair(files / "moving.nii.gz", files / "fixed.nii.gz", start=start, **(names if labels else {}))


def test_the_moving_volume_is_laid_onto_the_fixed_grid(files):
    pair = pair_of(files)
    assert pair.moving.image.shape == pair.fixed.image.shape == (16, 18, 20)
    assert pair.values.max() == 200
    centre = np.argwhere(pair.moving.labels == 3).mean(0)
    np.testing.assert_allclose(centre, (10, 9, 10), atol=0.5)
    assert structures_of(pair) == {3: "label 3"}
    assert structures_of(pair_of(files, labels=False)) == {}


def test_the_start_by_centres_lays_middle_on_middle(files):
    write(files, "far", Grid((9, 10, 11), spacing=(2, 2, 2), origin=(500, 6, 7)), (4, 4.5, 5), radius=2.0)
    pair = read_pair(files / "far.nii.gz", files / "fixed.nii.gz", start="centre")
    middle = pair.matrix @ [5 + 7.5, 6 + 8.5, 7 + 9.5, 1]
    np.testing.assert_allclose(middle[:3], [500 + 8, 6 + 9, 7 + 10])


def test_the_start_by_registration_finds_the_shift(files):
    pair = pair_of(files, start="translation")
    np.testing.assert_allclose(pair.matrix[:3, :3], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(pair.matrix[:3, 3], (2, 0, 0), atol=0.3)


def test_the_whole_displacement_leads_to_the_moving_file(files):
    """Start and deformation by hand, at one voxel."""
    pair = pair_of(files, start="centre")
    generator = torch.Generator().manual_seed(0)
    field = Field(torch.randn((1, 3, 16, 18, 20), generator=generator), "voxel", grid=pair.fixed.grid)
    whole = whole_displacement(field, pair)
    voxel = (3, 5, 7)
    place = pair.fixed.grid.affine @ [*(np.array(voxel) + field.vectors[0][:, *voxel].numpy()), 1]
    expected = (pair.matrix @ place)[:3] - (pair.fixed.grid.affine @ [*voxel, 1])[:3]
    np.testing.assert_allclose(whole.vectors[0][:, *voxel].numpy(), expected, atol=1e-4)
    assert whole.unit == "mm"


def test_files_hold_the_moving_numbers_and_simpleitk_agrees(files):
    import SimpleITK

    pair = pair_of(files)
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(
        torch.randn((1, 3, 3, 3, 3), generator=generator), (16, 18, 20), mode="trilinear"
    )
    written = warped_files(files / "out", Field(smooth / 3, "voxel", grid=pair.fixed.grid), pair)
    assert [path.name for path in written] == ["warped.nii.gz", "field.nii.gz", "warped_labels.nii.gz"]
    mine = np.asarray(nibabel.load(written[0]).dataobj)
    moving = SimpleITK.ReadImage(str(files / "moving.nii.gz"))
    fixed = SimpleITK.ReadImage(str(files / "fixed.nii.gz"))
    transform = SimpleITK.DisplacementFieldTransform(SimpleITK.ReadImage(str(written[1]), SimpleITK.sitkVectorFloat64))
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.Resample(moving, fixed, transform, SimpleITK.sitkLinear, 0.0)).T
    inside = np.abs(mine - theirs)[2:-2, 2:-2, 2:-2]
    assert inside.max() < 0.05, "of 200"
    assert set(np.unique(nibabel.load(written[2]).dataobj)) == {0, 3}
    assert read_field(written[1], grid=pair.fixed.grid).kind == "displacement"


def test_a_pair_is_registered_and_written(files, tmp_path):
    pair = pair_of(files)
    asked = Fit(method="field", steps=30, similarity="mse", weight=0.05)
    main = fitted_way(asked)
    assert str(expected_memory(main, pair)).startswith("A training step at 16 x 18 x 20 needs about")
    heard, said = [], []
    found = register_pair(
        pair,
        main,
        baseline_ways(["identity"], main.loss),
        tmp_path / "out",
        about={"moving": "m"},
        listen=lambda label, now: heard.append((label, now.step)),
        say=said.append,
    )
    assert heard[-1] == ("field by Adam", 30)
    assert [row["name"] for row in found["results"]] == ["identity", "field by Adam"]
    before, after = (row["Dice"] for row in found["results"])
    assert after > before + 0.1
    stored = read_json(tmp_path / "out" / "result.json")
    assert stored["structures"]["field by Adam"] == {"label 3": after}
    assert stored["moving"] == "m"
    assert not (tmp_path / "out" / STATE).exists()
    warped = read_volume(tmp_path / "out" / "warped.nii.gz", tmp_path / "out" / "warped_labels.nii.gz")
    assert warped.grid == pair.fixed.grid
    both = (warped.labels == 3) & (pair.fixed.labels == 3)
    dice = 2 * both.sum() / ((warped.labels == 3).sum() + (pair.fixed.labels == 3).sum())
    assert dice == pytest.approx(after, abs=0.08), "one interpolation instead of two"


def test_windows_are_small_unless_told_otherwise():
    assert loss_of(Fit()).similarity.window == 5
    assert loss_of(Fit(similarity_options={"window": 9})).similarity.window == 9
    assert loss_of(Fit(similarity="mi", similarity_options={"bins": 16})).similarity.bins == 16


def test_options_reach_the_network():
    way = fitted_way(Fit(steps=7, diffeomorphic=True, options={"lr": 0.002, "options": {"width": 1, "wavelet": "db2"}}))
    settings = way.model.settings
    assert (settings.steps, settings.diffeomorphic, settings.lr) == (7, True, 0.002)
    assert settings.options == {"width": 1, "wavelet": "db2"}
    assert [each.label for each in baseline_ways(["all"], way.loss)][:4] == ["identity", "affine", "B-spline", "demons"]
    assert expected_memory(baseline_ways(["affine"], way.loss)[0], None) is None


@pytest.mark.message
def test_errors_are_sentences(files):
    with pytest.raises(ValueError, match="method is 'winet', but must be one of winet-pair"):
        fitted_way(Fit(method="winet"))
    with pytest.raises(ValueError, match=r"baselines is 'afine', but must be one of .*did you mean 'affine'"):
        baseline_ways(["afine"], None)
    write_nifti(files / "flat.nii.gz", np.ones((16, 18), np.float32), Grid.of((16, 18)))
    with pytest.raises(ValueError, match=r"has 3 axes and .*flat.nii.gz 2; give two volumes, or two images"):
        read_pair(files / "moving.nii.gz", files / "flat.nii.gz")
    write(files, "far", Grid((9, 10, 11), origin=(500, 6, 7)), (4, 4.5, 5))
    with pytest.raises(ValueError, match="does not overlap"):
        read_pair(files / "far.nii.gz", files / "fixed.nii.gz")
