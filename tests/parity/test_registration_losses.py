"""The registration losses against what the authors' own code gave; sizes and options are those of the file."""

import re

import numpy as np
import pytest
import torch

from subband.losses.registration import (
    bending_loss,
    dice_loss,
    diffusion_loss,
    mse_loss,
    mutual_information_loss,
    ncc_loss,
)
from subband.transforms.field import Field

AUTHORS_FACTOR = 64  # by which their DisplacementRegularizer multiplies the field it is given


@pytest.fixture(scope="module")
def recorded(parity):
    return {name: torch.from_numpy(array) for name, array in np.load(parity / "registration" / "losses.npz").items()}


def worst(found, expected):
    assert found.shape == expected.shape
    return (found.detach() - expected).abs().max().item()


def test_ncc(recorded):
    windows = [int(key.removeprefix("ncc_win")) for key in recorded if re.fullmatch(r"ncc_win\d+", key)]
    assert windows
    for window in windows:
        warped = recorded["warped"].clone().requires_grad_()
        loss = ncc_loss(recorded["fixed"], warped, window=window, padding="zeros")
        expected = recorded[f"ncc_win{window}_grad_warped"]
        assert worst(loss, recorded[f"ncc_win{window}"]) < 1e-6
        assert worst(torch.autograd.grad(loss, warped)[0], expected) < 2e-5 * expected.abs().max()


def test_smoothness(recorded):
    vectors = recorded["flow_norm_dhw"].clone().requires_grad_()
    loss = diffusion_loss(Field(vectors, "normalised"), unit="authors")
    assert worst(loss, recorded["smoothloss"]) < 1e-7
    expected = recorded["smoothloss_grad"]
    assert worst(torch.autograd.grad(loss, vectors)[0], expected) < 1e-6 * expected.abs().max()


@pytest.mark.parametrize(
    ("name", "function", "options"),
    [
        ("bending", bending_loss, {}),
        ("gradient-l2", diffusion_loss, {}),
        ("gradient-l1", diffusion_loss, {"power": 1}),
    ],
)
def test_displacement_regularizer(recorded, name, function, options):
    field = Field(AUTHORS_FACTOR * recorded["flow_norm_dhw"], "voxel")
    found = function(field, unit="voxel", differences="central", **options)
    assert worst(found, recorded[f"displacement_regularizer_{name}"]) < 1e-6


def test_mse(recorded):
    assert worst(mse_loss(recorded["fixed"], recorded["warped"]), recorded["mse"]) < 1e-8


def test_mutual_information(recorded):
    found = mutual_information_loss(recorded["fixed"], recorded["warped"], eps=1e-6)
    assert worst(found, recorded["mutual_information"]) < 1e-6


def test_dice(recorded):
    (name,) = (key for key in recorded if key.startswith("dice_loss_"))
    p = recorded["dice_probs"]
    assert p.shape[1] == int(name.rpartition("_")[2])
    assert worst(dice_loss(recorded["dice_labels"].squeeze(1), p, convention="authors"), recorded[name]) < 1e-6
