"""Warps, exponentials and metrics of registration against what the authors' own code and Learn2Reg's gave.

Sizes and options are those of the files, so that another set with the same keys can be laid under. The network is in
test_registration_winet.py, the losses are in test_registration_losses.py.
"""

import re

import numpy as np
import pytest
import torch

from subband.data.freesurfer import freesurfer_structures
from subband.metrics.jacobian import folding_percentage, jacobian_determinant, sd_log_jacobian
from subband.metrics.registration import dice_per_structure, surface_distances
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.warp import identity_grid, warp, warp_labels

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def files(parity):
    def read(name):
        path = parity / "registration" / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"{path.name} is not there")
        with np.load(path) as stored:
            return {key: stored[key] for key in stored.files}

    return read


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def worst(found, wanted):
    return float((found.detach() - tensor(wanted)).abs().max())


def test_warps(files):
    stored = files("warp")
    image, vectors = (tensor(stored[key]).requires_grad_() for key in ("image", "flow_norm_dhw"))
    found = warp(image, Field(vectors, "normalised"))
    assert worst(found, stored["warped_bilinear_zeros"]) < TOLERANCE
    gradients = torch.autograd.grad(found, (image, vectors), tensor(stored["cotangent"]))
    assert worst(gradients[0], stored["grad_image"]) < TOLERANCE
    assert worst(gradients[1], stored["grad_flow"]) < TOLERANCE * np.abs(stored["grad_flow"]).max()
    places = identity_grid(tuple(image.shape[2:])) + vectors.detach()
    assert worst(places.movedim(1, -1).flip(-1), stored["grid_xyz"]) < TOLERANCE


def test_warped_labels(files):
    stored = files("warp")
    labels, field = tensor(stored["labels"]), Field(tensor(stored["flow_norm_dhw"]), "normalised")
    wanted = tensor(stored["warped_nearest_zeros"])
    assert (warp(labels, field, order="nearest") == wanted).all()
    assert (warp_labels(labels[:, 0].long(), field) == wanted[:, 0].long()).all()
    channels = torch.nn.functional.one_hot(labels[:, 0].long()).movedim(-1, 1).double()
    linear = warp(channels, Field(field.vectors.double(), "normalised")).argmax(1)
    double = Field(field.vectors.double(), "normalised")
    assert (warp_labels(labels[:, 0].long(), double, method="linear") == linear).all()


def test_exponentials(files):
    stored = files("svf_exp")
    names = [key for key in stored if re.fullmatch(r"disp_T\d+", key)]
    assert names
    for name in names:
        steps = name.removeprefix("disp_T")
        vectors = tensor(stored["velocity_norm_dhw"]).requires_grad_()
        found = exponential(Field(vectors, "normalised", "velocity"), steps=int(steps)).vectors
        assert worst(found, stored[name]) < TOLERANCE
        (gradient,) = torch.autograd.grad(found, vectors, tensor(stored[f"cotangent_T{steps}"]))
        assert worst(gradient, stored[f"grad_T{steps}"]) < TOLERANCE


def test_jacobian_determinants(files):
    stored = files("metrics")
    field = Field(tensor(stored["flow_norm_dhw"]), "normalised")
    wanted = stored["jacdet_authors"]
    assert worst(jacobian_determinant(field, convention="authors")[0], wanted) < TOLERANCE
    share = folding_percentage(field, convention="authors") / 100
    assert share == pytest.approx(float(stored["frac_nonpositive"]), abs=1e-12)
    double = Field(tensor(stored["disp_vox_authors"]).double(), "voxel")
    found = jacobian_determinant(double)[0]
    assert worst(found, wanted) < 1e-12
    rim = [(a - b) // 2 for a, b in zip(found.shape, stored["jacdet_l2r_interior"].shape, strict=True)]
    inside = tuple(slice(cut, size - cut) for cut, size in zip(rim, found.shape, strict=True))
    assert worst(found[inside], stored["jacdet_l2r_interior"]) < 1e-12
    spread = sd_log_jacobian(double, convention="learn2reg")
    assert spread == pytest.approx(float(stored["sdlogj_l2r"]), abs=1e-12)


def test_dice(files):
    """The authors count absent structures as 0, and add 1e-5 to the denominator."""
    stored = files("metrics")
    fixed, warped, wanted = (stored[key] for key in ("seg_true", "seg_pred", "dice_substruct_46"))
    structures = {label: str(label) for label in range(len(wanted))}
    values = np.array(list(dice_per_structure(warped.squeeze(), fixed.squeeze(), structures).values()))
    assert (np.isnan(values) == (wanted == 0)).all()
    assert np.nan_to_num(values) == pytest.approx(wanted, abs=1e-6)
    assert np.nan_to_num(values).mean() == pytest.approx(float(stored["dice_val_46"]), abs=1e-6)
    thirty = np.array(list(dice_per_structure(warped.squeeze(), fixed.squeeze(), freesurfer_structures("30")).values()))
    assert np.nan_to_num(thirty).mean() == pytest.approx(float(stored["dice_IXI_30"]), abs=1e-6)


def test_surface_distances(files):
    stored = files("metrics")
    found = surface_distances(stored["seg_pred"].squeeze(), stored["seg_true"].squeeze())
    values = [found[str(label)].hd95 for label in range(1, len(stored["hd95_l2r"]) + 1)]
    assert values == pytest.approx(stored["hd95_l2r"].tolist(), abs=1e-12)
