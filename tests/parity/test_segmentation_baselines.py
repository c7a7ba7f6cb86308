"""The eleven baselines against the outputs of the code that the CWMI benchmark ran (shared/parity/segmentation)."""

import re

import numpy as np
import pytest
import torch

from subband.losses import segmentation as losses
from subband.losses.segmentation._critical_pixels import (
    background_skeleton,
    dilated,
    foreground_skeleton,
    pixel_kinds,
)
from subband.transforms.morphology import soft_skeleton

VALUE = GRADIENT = 1e-5  # relative, as the README of the files asks

# ABW_method1 to ABW_method3 are a record of code that broadcasts wrongly; ABW_method4 is what the benchmark ran
BROKEN = {"ABW_method1", "ABW_method2", "ABW_method3"}

SKEA_METHODS = {
    "skeaw": {"dilate": False},
    "skeaw_dilate": {},
    "skeaw_dilate_bort_fnw_fpw": {"topology": True, "pixels": "weighted"},
    "skeaw_dilate_bort_noff": {"topology": True, "pixels": "no-other"},
    "skeaw_dilate_bort_nott": {"topology": True, "pixels": "no-true"},
}


def baselines_ce(key, own):
    return losses.cross_entropy_loss, {}


def baselines_bce(key, own):
    return losses.cross_entropy_loss, {"class_weight": own["batch_weight"]}


def baselines_dice(key, own):
    return losses.dice_loss, {}


def baselines_jaccard(key, own):
    return losses.jaccard_loss, {}


def baselines_focal(key, own):
    gamma = float(re.search(r"_g([\d.]+)", key)[1])
    return losses.focal_loss, {"class_weight": own["batch_weight"], "gamma": gamma}


def baselines_tversky(key, own):
    alpha, beta = re.search(r"_a([\d.]+)_b([\d.]+)", key).groups()
    return losses.tversky_loss, {"alpha": float(alpha), "beta": float(beta)}


def baselines_wce(key, own):
    return losses.unet_weighted_loss, {"class_weight": own["batch_weight"], "weight_map": own["unet"]}


def baselines_abw(key, own):
    return losses.abw_loss, {"weight_map": own["abw"]}


def baselines_rmi(key, own):
    options = {}
    if "avgpool" in key:
        options["pool"] = "avg"
    if "lambdaway0" in key:  # the cross-entropies count in full beside half the region term
        options["bce_weight"] = 1.0
    if stride := re.search(r"stride(\d+)", key):
        options["stride"] = int(stride[1])
    return losses.rmi_loss, options


def baselines_cldice(key, own):
    return losses.cldice_loss, {"alpha": 1.0} if "only" in key else {}


def baselines_skea(key, own):
    options = {"class_weight": own["weight"], "weight_map": own["skea"]}
    if epoch := re.fullmatch(r"Skea_epoch(\d+)", key):
        module = losses.SkeaTopoLoss()
        module.at_epoch(int(epoch[1]))
        return losses.skea_topo_loss, {**options, "topology": module.topology}
    return losses.skea_topo_loss, {**options, **SKEA_METHODS[key.removeprefix("Skea_")]}


FAMILIES = {
    "CE": baselines_ce,
    "BCE": baselines_bce,
    "WeightMapBCE": baselines_bce,
    "Dice": baselines_dice,
    "Jaccard": baselines_jaccard,
    "Focal": baselines_focal,
    "Tversky": baselines_tversky,
    "WCE": baselines_wce,
    "ABW": baselines_abw,
    "RMI": baselines_rmi,
    "clDice": baselines_cldice,
    "Skea": baselines_skea,
}


@pytest.fixture(scope="module")
def recorded(parity):
    with np.load(parity / "segmentation" / "baselines.npz") as file:
        return {key: file[key] for key in file.files}


def baselines_keys(recorded, family):
    names = [key.removesuffix("_value") for key in recorded if key.endswith("_value")]
    return [name for name in names if name.split("_")[0] == family and name not in BROKEN]


def baselines_arrays(recorded, batch):
    arrays = {name: torch.from_numpy(recorded[name][:batch]) for name in ("mask", "pred")}
    arrays["weight"] = torch.from_numpy(recorded["class_weight"][:batch, :, 0])
    arrays["batch_weight"] = arrays["weight"].mean(0)
    for name in ("unet", "abw", "skea"):
        arrays[name] = torch.from_numpy(recorded[f"map_{name}"][:batch])
        if name != "unet":
            arrays[name] = arrays[name][:, 0]
    return arrays


@pytest.mark.parametrize("family", FAMILIES)
def test_value_and_gradient(recorded, family):
    keys = baselines_keys(recorded, family)
    assert keys
    for key in keys:
        own = baselines_arrays(recorded, 1 if key.endswith("_b1") else None)
        loss, options = FAMILIES[family](key.removesuffix("_b1"), own)
        prediction = own["pred"].requires_grad_()
        value = loss(prediction, own["mask"], **options)
        (gradient,) = torch.autograd.grad(value, prediction)
        assert value.item() == pytest.approx(float(recorded[f"{key}_value"]), rel=VALUE), key
        expected = torch.from_numpy(recorded[f"{key}_grad"])
        assert (gradient - expected).norm() <= GRADIENT * expected.norm(), key


def test_every_recorded_loss_has_a_family(recorded):
    names = {key.removesuffix("_value") for key in recorded if key.endswith("_value")}
    known = {name for family in FAMILIES for name in baselines_keys(recorded, family)}
    assert names - known <= BROKEN


def test_soft_skeleton(recorded):
    for key in (key for key in recorded if key.startswith("clDice_softskel")):
        iterations, array = re.fullmatch(r"clDice_softskel(\d+)_(\w+)", key).groups()
        skeleton = soft_skeleton(torch.from_numpy(recorded[array]), iterations=int(iterations))
        np.testing.assert_allclose(skeleton.numpy(), recorded[key], atol=1e-7)


def test_kinds_of_pixels(recorded):
    names = ("tp", "tn", "tfn", "ffn", "tfp", "ffp")
    masks, predictions = recorded["mask"][:, 0] > 0, recorded["pred"][:, 0] > 0.5
    for index, (mask, prediction) in enumerate(zip(masks, predictions, strict=True)):
        background, foreground = recorded["map_skea"][index, 0, 2:] > 0
        kinds = pixel_kinds(prediction, mask, background, foreground)
        for name, kind in zip(names, kinds, strict=True):
            np.testing.assert_array_equal(kind, recorded[f"Skea_pix_{name}"][index] > 0, err_msg=name)


def test_skeletons_of_the_target_are_those_of_the_map(recorded):
    for mask, maps in zip(recorded["mask"][:, 0] > 0, recorded["map_skea"][:, 0], strict=True):
        np.testing.assert_array_equal(background_skeleton(mask), maps[2] > 0)
        np.testing.assert_array_equal(foreground_skeleton(mask), maps[3] > 0)
        assert (dilated(mask) >= mask).all()
