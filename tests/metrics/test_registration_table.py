"""All registration metrics at once: each is that of its own function."""

import math

import numpy as np
import pytest
import torch

from subband.metrics.jacobian import folding_percentage, sd_log_jacobian
from subband.metrics.registration import dice_per_structure, surface_distances
from subband.metrics.registration_table import REGISTRATION_METRICS, registration_metrics
from subband.transforms.field import Field, Grid

NAMES = {1: "left", 2: "right", 3: "absent"}


def labels():
    first, second = np.zeros((2, 9, 10, 11), np.int16)
    first[2:5, 2:6, 2:8], second[3:6, 2:6, 2:8] = 1, 1
    first[6:8, 6:8, 6:8] = second[6:8, 6:8, 6:9] = 2
    return first, second


def test_values_are_those_of_the_single_functions():
    generator = torch.Generator().manual_seed(1)
    grid = Grid((9, 10, 11), spacing=(1.0, 0.5, 2.0))
    field = Field(torch.randn((1, 3, 9, 10, 11), generator=generator), "voxel", grid=grid)
    warped, fixed = labels()
    found, dice = registration_metrics(warped, fixed, NAMES, field)
    assert dice == pytest.approx(dice_per_structure(warped, fixed, NAMES), nan_ok=True)
    surfaces = surface_distances(warped, fixed, NAMES, spacing=grid.spacing)
    assert found["Dice"] == pytest.approx((dice["left"] + dice["right"]) / 2)
    assert found["HD95"] == pytest.approx((surfaces["left"].hd95 + surfaces["right"].hd95) / 2)
    assert found["ASD"] == pytest.approx((surfaces["left"].asd + surfaces["right"].asd) / 2)
    assert found["folds"] == folding_percentage(field) > 0
    assert found["SDlogJ"] == sd_log_jacobian(field)
    assert list(found) == [name for name in REGISTRATION_METRICS if name not in ("TRE", "seconds", "MB")]


def test_distances_are_in_voxels_without_a_grid():
    warped, fixed = labels()
    still = torch.zeros(1, 3, 9, 10, 11)
    plain, _ = registration_metrics(warped, fixed, NAMES, Field(still, "voxel"))
    spaced, _ = registration_metrics(
        warped, fixed, NAMES, Field(still, "voxel", grid=Grid((9, 10, 11), spacing=(3,) * 3))
    )
    assert spaced["HD95"] == pytest.approx(3 * plain["HD95"])
    assert spaced["Dice"] == plain["Dice"]


def test_the_error_is_the_distance_from_the_truth_where_there_are_structures():
    """Ends are 3 and 4 mm apart along two axes in the structures, so 5 mm; elsewhere 100 voxels along each."""
    _, fixed = labels()
    grid = Grid((9, 10, 11), spacing=(1.0, 0.5, 2.0))
    found, truth = torch.zeros(2, 1, 3, 9, 10, 11)
    truth[0, 0], truth[0, 2] = 3, 2
    truth[0, :, torch.from_numpy(fixed == 0)] = 100
    fields = [Field(each, "voxel", grid=grid) for each in (found, truth)]
    metrics, _ = registration_metrics(fixed, fixed, NAMES, fields[0], truth=fields[1].to_unit("normalised"))
    assert metrics["TRE"] == pytest.approx(5)
    assert registration_metrics(fixed, fixed, NAMES, fields[1], truth=fields[1])[0]["TRE"] == pytest.approx(0, abs=1e-5)
    everywhere, _ = registration_metrics(None, None, {}, fields[0], truth=fields[1])
    assert everywhere["TRE"] > 100


def test_without_labels_there_are_folds_alone():
    found, dice = registration_metrics(None, None, {}, Field(torch.zeros(1, 2, 4, 4), "voxel"))
    assert found == {"folds": 0.0, "SDlogJ": 0.0}
    assert dice == {}


def test_structures_that_nobody_has_leave_no_mean():
    empty = np.zeros((6, 6), np.int16)
    found, _ = registration_metrics(empty, empty, {1: "left"}, Field(torch.zeros(1, 2, 6, 6), "voxel"))
    assert math.isnan(found["Dice"])
    assert math.isnan(found["HD95"])


def test_less_is_better_but_for_dice():
    assert [name for name, metric in REGISTRATION_METRICS.items() if metric.better == "higher"] == ["Dice"]
