"""The segmentation part against what the authors' own code gave: pyramid, losses, maps, metrics, networks, preparation.

Sizes, options and seeds are those of the files, so that another set with the same keys can be laid under.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor

from subband.data import prepare
from subband.data._pages import Pages
from subband.losses import segmentation as losses
from subband.losses.segmentation._critical_pixels import background_skeleton, dilated, foreground_skeleton, pixel_kinds
from subband.losses.segmentation._mutual_information import MutualInformation, conditional_entropy
from subband.losses.segmentation.cross_entropy import cross_entropy_loss
from subband.losses.segmentation.cwmi import CWMILoss, cwmi_loss
from subband.losses.segmentation.spw import spw_loss, spw_weight_map
from subband.losses.segmentation.spw_single import _band, single_band_weight_loss
from subband.maps import abw_weight_maps, skea_topo_maps, unet_weight_map
from subband.metrics import (
    adjusted_rand_index,
    average_precision_dsb2018,
    betti_errors,
    betti_numbers,
    even_lines,
    hausdorff_distance,
    mean_dice,
    mean_iou,
    segmentation_metrics,
    variation_of_information,
)
from subband.models import AttentionUNet, UNet, load_authors
from subband.transforms import reconstruct, steerable_pyramid
from subband.transforms.filters import angular_gain, axis_frequency, radial_pair, radius
from subband.transforms.morphology import soft_skeleton
from subband.transforms.spectrum import subband_covariances

# --- pyramid: The steerable pyramid and SPW on the authors' grid give the authors' numbers.


PYRAMID_KINDS = {"complex": "complex", "real": "even"}
PYRAMID_RUN = re.compile(r"(?:(?P<image>[a-z]+)_)?(?P<kind>complex|real)(?:_K(?P<K>\d+)_N(?P<N>\d+))?_(?P<number>\d+)")
PYRAMID_MASK = re.compile(r"mask\d+_(?P<what>high|low|band_complex|band_real)_(?P<stage>\d+)")
SPW_RUN = re.compile(
    r"(?P<version>head|paper|gauss)_(?P<what>bce|dice|predmapTrue|predmapFalse)(?:_beta(?P<beta>[\d.]+))?"
    r"(?:_lamb(?P<lamb>[\d.]+))?(?P<one>_b1)?_value"
)
SPW_LEVELS, SPW_ORIENTATIONS = 3, 4  # README: spN=3, spK=4


def pyramid_worst(found, expected):
    expected = torch.from_numpy(np.asarray(expected))
    assert found.shape == expected.shape
    assert found.is_complex() == expected.is_complex()
    return float((found - expected).abs().max())


def pyramid_relative(found, expected):
    expected = torch.from_numpy(np.asarray(expected)).double()
    return float((found.detach().double() - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def pyramid_file(parity):
    return np.load(parity / "segmentation" / "pyramid.npz")


@pytest.fixture(scope="module")
def spw_file(parity):
    return np.load(parity / "segmentation" / "spw.npz")


def pyramid_runs(file):
    """Of each recorded pyramid: its image, kind, K, N, and the outputs in order."""
    runs = {}
    for key in file.files:
        if match := PYRAMID_RUN.fullmatch(key):
            runs.setdefault(key.rpartition("_")[0], {})[int(match["number"])] = (match, file[key])
    for name, outputs in runs.items():
        match = outputs[0][0]
        parts = [outputs[number][1] for number in range(len(outputs))]
        count, last = int(match["K"] or parts[1].shape[2]), int(match["N"] or len(parts) - 2)
        image = torch.from_numpy(file[f"image_{match['image']}" if match["image"] else "image"])
        yield name, image, {"levels": last, "orientations": count, "kind": PYRAMID_KINDS[match["kind"]]}, parts


def test_pyramid_outputs_equal_the_authors(pyramid_file):
    compared = 0
    for _, image, options, parts in pyramid_runs(pyramid_file):
        pyramid = steerable_pyramid(image, grid="authors", **options)
        for found, expected in zip([pyramid.high, *pyramid.bands, pyramid.low], parts, strict=True):
            assert pyramid_worst(found, expected) < 1e-5
            compared += 1
    assert compared == sum(bool(PYRAMID_RUN.fullmatch(key)) for key in pyramid_file.files) > 0


def test_pyramid_reconstructions_equal_the_authors(pyramid_file):
    compared = 0
    for name, image, options, _ in pyramid_runs(pyramid_file):
        if f"{name}_reconstruct" in pyramid_file.files:
            found = reconstruct(steerable_pyramid(image, grid="authors", **options))
            assert pyramid_worst(found, pyramid_file[f"{name}_reconstruct"]) < 1e-5
            compared += 1
    assert compared == sum(key.endswith("_reconstruct") for key in pyramid_file.files) > 0


def test_pyramid_filters_equal_the_authors(pyramid_file):
    compared = 0
    for key in pyramid_file.files:
        if not (match := PYRAMID_MASK.fullmatch(key)):
            continue
        expected = pyramid_file[key]
        size = expected.shape[-2:]
        grid = [axis_frequency(n, grid="authors") for n in size]
        frequency = [grid[0][:, None], grid[1][None, :]]
        if match["what"] in ("high", "low"):
            edge = math.pi / (4 if int(match["stage"]) else 2)
            found = radial_pair(radius(frequency), edge)[match["what"] == "low"]
        else:
            kind = PYRAMID_KINDS[match["what"].removeprefix("band_")]
            found = angular_gain(frequency, orientations=len(expected), kind=kind)
            found[:, size[0] // 2 - 1, size[1] // 2 - 1] = 0
        assert pyramid_worst(found, expected) < 1e-5
        compared += 1
    assert compared == sum(key.startswith("mask") for key in pyramid_file.files) > 0


def spw_options(match):
    """Options of `spw_loss` from the name of a recorded run."""
    variant = match["version"]
    if variant == "paper":
        variant = "paper_mask_only" if match["what"] == "predmapTrue" else "paper"
    options = {"variant": variant, "base": "dice" if match["what"] == "dice" else "ce"}
    options |= {name: float(match[key]) for name, key in (("beta", "beta"), ("weight", "lamb")) if match[key]}
    return {"levels": SPW_LEVELS, "orientations": SPW_ORIENTATIONS, "grid": "authors", **options}


def test_spw_values_and_gradients_equal_the_authors(spw_file):
    compared = 0
    for key in spw_file.files:
        if not (match := SPW_RUN.fullmatch(key)):
            continue
        count = 1 if match["one"] else len(spw_file["mask"])
        mask = torch.from_numpy(spw_file["mask"][:count])
        pred = torch.from_numpy(spw_file["pred"][:count]).requires_grad_()
        weight = torch.from_numpy(spw_file["class_weight"][:count, :, 0]).mean(0)
        loss = spw_loss(pred, mask, class_weight=weight, **spw_options(match))
        gradient = torch.autograd.grad(loss, pred)[0]
        assert pyramid_relative(loss, spw_file[key]) < 1e-5
        assert pyramid_relative(gradient, spw_file[key.removesuffix("value") + "grad"]) < 1e-5
        compared += 1
    expected = [k for k in spw_file.files if k.endswith("_value") and not k.startswith("sw")]
    assert compared == len(expected) > 0


def test_spw_class_weights_of_the_masks_mixed_over_the_batch_are_the_recorded_ones(spw_file):
    mask, pred = torch.from_numpy(spw_file["mask"]), torch.from_numpy(spw_file["pred"])
    options = {"levels": SPW_LEVELS, "orientations": SPW_ORIENTATIONS, "grid": "authors"}
    loss = spw_loss(pred, mask, class_weight="balanced-batch", **options)
    assert pyramid_relative(loss, spw_file["head_bce_value"]) < 1e-5


@pytest.mark.parametrize(
    ("key", "variant", "given"),
    [
        ("head_map", "head", "pred"),
        ("paper_map_mask", "paper_mask_only", "pred"),
        ("paper_map_pred", "paper_mask_only", "mask"),
        ("gauss_map", "gauss", "pred"),
    ],
)
def test_spw_maps_equal_the_authors(spw_file, key, variant, given):
    mask, pred = (torch.from_numpy(spw_file[name]) for name in ("mask", "pred"))
    target = mask if given == "pred" else pred
    found = spw_weight_map(
        pred,
        target,
        levels=SPW_LEVELS,
        orientations=SPW_ORIENTATIONS,
        weight=1.0,
        variant=variant,
        grid="authors",
    )
    assert pyramid_worst(found, spw_file[key]) < 1e-5


def test_spw_upsampling_equals_the_authors(spw_file):
    from subband.losses.segmentation._subband_weights import _authors_double

    image = torch.from_numpy(spw_file["upsample_in"])
    compared = 0
    for key in spw_file.files:
        if match := re.fullmatch(r"upsample_(\d+)x", key):
            found = image.flatten(0, 1)
            for _ in range(int(match[1]).bit_length() - 1):
                found = _authors_double(found)
            assert pyramid_worst(found.unflatten(0, image.shape[:2]), spw_file[key]) < 1e-5
            compared += 1
    assert compared > 0


def test_spw_single_band_loss_equals_the_authors(spw_file):
    compared = 0
    for key in spw_file.files:
        if match := re.fullmatch(r"(sw(?:\d+x\d+)?)_value", key):
            own = "" if match[1] == "sw" else f"{match[1]}_"
            mask = torch.from_numpy(spw_file[f"{own}mask"])
            pred = torch.from_numpy(spw_file[f"{own}pred"]).requires_grad_()
            loss = single_band_weight_loss(pred, mask, grid="authors")
            gradient = torch.autograd.grad(loss, pred)[0]
            assert pyramid_relative(loss, spw_file[key]) < 1e-5
            assert pyramid_relative(gradient, spw_file[f"{match[1]}_grad"]) < 1e-5
            for what, image in (("mask", mask), ("pred", pred.detach())):
                if f"{match[1]}_map_{what}" in spw_file.files:
                    found = _band(image, SPW_ORIENTATIONS, "authors")
                    assert pyramid_worst(found, spw_file[f"{match[1]}_map_{what}"]) < 1e-5
            compared += 1
    assert compared > 0


# --- cwmi: CWMI against outputs recorded from the authors' code: both versions, all kinds, levels and ablations.


PAPER = (1e-5, 1e-4)
REPO = (1e-4, 1e-3)
PHASE = (1e-4, 1e-3)


def cwmi_tensor(file, key: str) -> Tensor:
    return torch.from_numpy(np.asarray(file[key])).float()


def cwmi_cases(file) -> list[str]:
    return [key.removesuffix("_value") for key in file.files if key.endswith("_value")]


def cwmi_inputs(file, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Prediction, mask and the class weights (B, 2) that the authors' broadcast makes: their batch mean."""
    suffix = "_rect" if name.startswith("rect") else ""
    images = slice(0, 1) if "_b1" in name else slice(None)
    weight = cwmi_tensor(file, f"class_weight{suffix}")[images, :, 0]
    return (
        cwmi_tensor(file, f"pred{suffix}")[images].requires_grad_(),
        cwmi_tensor(file, f"mask{suffix}")[images],
        weight.mean(0, keepdim=True).expand_as(weight),
    )


def cwmi_options(name: str) -> dict:
    """Options that a key names, else 3 levels, 4 orientations, lambda 0.9, which is 0 where N and K are named alone."""

    def number(pattern: str, default: float) -> float:
        found = re.search(pattern, name)
        return float(found[1]) if found else default

    named = re.search(r"(?:^|_)(?:[NK]\d+)+(?:_|$)", name) and not name.startswith("pm_")
    levels = int(number(r"N(\d+)", 3))
    select = re.search(r"select(\d+)", name)
    return {
        "levels": (int(select[1]) + 1,) if select else levels,
        "orientations": int(number(r"K(\d+)", 4)),
        "kind": "real" if "_real" in name else "complex",
        "grid": "authors",
        "ce_weight": number(r"_l([\d.]+)", 0.0 if named else 0.9),
    }


def cwmi_compare(file, name: str, value: Tensor, prediction: Tensor, bounds: tuple[float, float]) -> None:
    expected, wanted = float(file[f"{name}_value"]), cwmi_tensor(file, f"{name}_grad")
    (gradient,) = torch.autograd.grad(value, prediction)
    error = abs(float(value.detach()) - expected) / abs(expected), float((gradient - wanted).norm() / wanted.norm())
    print(f"{name}: value {error[0]:.1e}, gradient {error[1]:.1e}")
    assert error[0] < bounds[0]
    assert error[1] < bounds[1]


def cwmi_ablation(name: str, prediction: Tensor, mask: Tensor, weight: Tensor, options: dict, measure: str) -> Tensor:
    """The authors' sum; they add the similarity where we add one minus it."""
    entropy = cross_entropy_loss(prediction, mask, class_weight=weight)
    lamb = options.pop("ce_weight")
    term = CWMILoss(measure=measure, **options).subbands.term(prediction, mask)
    if measure == "ssim":
        levels = options["levels"]
        term = (levels if isinstance(levels, int) else len(levels)) - term
    return lamb * entropy + term


@pytest.fixture(scope="module")
def cwmi_file(parity: Path):
    return np.load(parity / "segmentation" / "cwmi.npz")


@pytest.fixture(scope="module")
def cwmi_pm_file(parity: Path):
    return np.load(parity / "segmentation" / "cwmi_pm.npz")


def test_cwmi_values_and_gradients(cwmi_file):
    checked = 0
    for name in cwmi_cases(cwmi_file):
        prediction, mask, weight = cwmi_inputs(cwmi_file, name)
        options = cwmi_options(name)
        bounds = PAPER if "paper" in name else REPO
        ablation = re.search(r"_(L1|L2|SSIM)_", name)
        if "epoch0" in name:
            value = cross_entropy_loss(prediction, mask, class_weight=weight)
        elif ablation:
            value = cwmi_ablation(name, prediction, mask, weight, options, ablation[1].lower())
        else:
            value = cwmi_loss(prediction, mask, class_weight=weight, **options)
        cwmi_compare(cwmi_file, name, value, prediction, bounds)
        checked += 1
    assert checked


def test_cwmi_warm_up_is_epoch_0(cwmi_file):
    names = [name for name in cwmi_cases(cwmi_file) if "epoch0" in name]
    assert names
    for name in names:
        prediction, mask, weight = cwmi_inputs(cwmi_file, name)
        loss = CWMILoss(grid="authors", class_weight=weight)
        loss.at_epoch(0)
        value = loss(torch.logit(prediction.double()), mask[:, 0].long())
        cwmi_compare(cwmi_file, name, value, prediction, REPO)


def test_cwmi_each_level_and_image(cwmi_file):
    names = [key for key in cwmi_file.files if key.endswith("_mi_per_level_per_image")]
    assert names
    for name in names:
        prediction, mask, _ = cwmi_inputs(cwmi_file, name)
        expected = torch.from_numpy(cwmi_file[name])
        kind = "even" if "_real" in name else "complex"
        covariances = subband_covariances(prediction, mask, levels=expected.shape[1], kind=kind, grid="authors")
        value, _ = conditional_entropy(covariances, alpha=5e-4, ridge=0.0)
        torch.testing.assert_close(value[:, :, 0].T.detach(), expected, rtol=1e-5 if "paper" in name else 1e-4, atol=0)


def test_cwmi_of_magnitude_and_phase(cwmi_pm_file):
    measures = {"m": "magnitude", "p": "phase", "none": MutualInformation()}
    checked = 0
    for name in cwmi_cases(cwmi_pm_file):
        prediction, mask, weight = cwmi_inputs(cwmi_pm_file, name)
        part = re.match(r"pm_([a-z]+)_", name)[1]
        value = cwmi_ablation(name, prediction, mask, weight, cwmi_options(name), measures[part])
        cwmi_compare(cwmi_pm_file, name, value, prediction, PHASE if part == "p" else PAPER)
        checked += 1
    assert checked


# --- baselines: the eleven baselines give what the code that the CWMI benchmark ran gave.


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


# --- maps: Weight maps against the authors' recorded outputs (weight_maps.npz).


def maps_cases(parity):
    recorded = np.load(parity / "segmentation" / "weight_maps.npz")
    names = [key.removesuffix("_mask") for key in recorded.files if key.endswith("_mask")]
    assert names
    return {name: {kind: recorded[f"{name}_{kind}"] for kind in ("mask", "unet", "abw", "skea")} for name in names}


MAPS = {
    "unet": (lambda mask: unet_weight_map(mask, convention="authors", dtype=np.float64), 1e-9),
    "abw": (lambda mask: abw_weight_maps(mask, dtype=np.float64), 2e-6),
    "skea": (lambda mask: skea_topo_maps(mask, dtype=np.float64), 1e-9),
}


@pytest.mark.parametrize("kind", MAPS)
def test_maps_are_the_authors(parity, kind):
    compute, tolerance = MAPS[kind]
    for name, case in maps_cases(parity).items():
        np.testing.assert_allclose(compute(case["mask"]), case[kind], rtol=0, atol=tolerance, err_msg=name)


def test_exact_unet_map_is_the_authors_above_two_objects(parity):
    from scipy import ndimage

    cases = {name: case for name, case in maps_cases(parity).items() if ndimage.label(case["mask"] == 0)[1] > 2}
    assert cases
    for name, case in cases.items():
        found = unet_weight_map(case["mask"], dtype=np.float64)
        np.testing.assert_allclose(found, case["unet"], rtol=0, atol=1e-9, err_msg=name)


def test_float32_maps_differ_by_their_rounding(parity):
    for case in maps_cases(parity).values():
        found = unet_weight_map(case["mask"], convention="authors")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, case["unet"], rtol=0, atol=2e-6)


# --- metrics: Metrics against the authors' recorded outputs (metrics.npz).


METRICS_BY_NAME = {
    "miou": lambda p, t: -mean_iou(p, t, convention="authors"),  # the authors return the negative
    "mdice": lambda p, t: mean_dice(p, t, convention="authors"),
    "vi": lambda p, t: variation_of_information(p, t, convention="authors"),
    "ari": adjusted_rand_index,
    "hausdorff_distance": lambda p, t: hausdorff_distance(p, t, convention="authors"),
    "map_2018kdsb": lambda p, t: average_precision_dsb2018(p, t, convention="authors"),
    "compute_bettis_own": lambda p, t: sum(betti_errors(p, t, convention="authors")),
}
METRICS_IN_ONE = {
    "miou": lambda found: -found["mIoU"],
    "mdice": lambda found: found["mDice"],
    "vi": lambda found: found["VI"],
    "ari": lambda found: found["ARI"],
    "hausdorff_distance": lambda found: found["HD"],
    "map_2018kdsb": lambda found: found["mAP"],
    "compute_bettis_own": lambda found: found["B0"] + found["B1"],
}


@pytest.fixture
def metrics_recorded(parity):
    return np.load(parity / "segmentation" / "metrics.npz")


def metrics_pairs(recorded):
    names = [key.removesuffix("_values") for key in recorded.files if key.endswith("_values")]
    assert names
    return {name: (recorded[f"{name}_pred"], recorded[f"{name}_mask"]) for name in names}


def test_metrics_are_the_authors(metrics_recorded):
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        found = [METRICS_BY_NAME[name](p, t) for name in names]
        wanted = metrics_recorded[f"{case}_values"]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9, err_msg=f"{case}: {names}")


def test_all_metrics_at_once_are_the_authors(metrics_recorded):
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        found = segmentation_metrics(p, t, convention="authors")
        values = [METRICS_IN_ONE[name](found) for name in names]
        np.testing.assert_allclose(values, metrics_recorded[f"{case}_values"], rtol=0, atol=1e-9, err_msg=case)


@pytest.mark.parametrize("which", ["mask", "pred"])
def test_betti_numbers_are_the_authors(metrics_recorded, which):
    for case in metrics_pairs(metrics_recorded):
        found = betti_numbers(metrics_recorded[f"{case}_{which}"], convention="authors")
        assert list(found) == metrics_recorded[f"{case}_betti_{which}"].tolist(), case


def test_default_metrics_are_finite_where_the_authors_are_not(metrics_recorded):
    pairs = metrics_pairs(metrics_recorded)
    assert any(not np.isfinite(metrics_recorded[f"{case}_values"]).all() for case in pairs)
    for case, (p, t) in pairs.items():
        assert np.isfinite(list(segmentation_metrics(p, t).values())).all(), case


def test_ordinary_default_metrics_are_the_authors(metrics_recorded):
    """The two conventions differ in edge cases, in the frame of mAP and in the Betti numbers only."""
    same = ("miou", "mdice", "vi", "ari", "hausdorff_distance")
    names = [str(name) for name in metrics_recorded["metric_names"]]
    for case, (p, t) in metrics_pairs(metrics_recorded).items():
        wanted = dict(zip(names, metrics_recorded[f"{case}_values"], strict=True))
        if not np.isfinite(list(wanted.values())).all() or not (t == 0).any():
            continue
        found = segmentation_metrics(p, t)
        for name in same:
            assert METRICS_IN_ONE[name](found) == pytest.approx(wanted[name], abs=1e-9), (case, name)


@pytest.mark.parametrize(
    ("key", "source", "close_gaps"), [("post_label", "mask", False), ("post_output", "pred", True)]
)
def test_even_lines_are_the_authors(metrics_recorded, key, source, close_gaps):
    names = [name.removeprefix(f"{key}_") for name in metrics_recorded.files if name.startswith(f"{key}_")]
    assert names
    for name in names:
        found = even_lines(metrics_recorded[f"{name}_{source}"], close_gaps=close_gaps)
        np.testing.assert_array_equal(found, metrics_recorded[f"{key}_{name}"] > 0, err_msg=name)


# --- networks: Our networks with the authors' weights give the authors' logits.


NETWORKS = {"U_Net": UNet, "AttU_Net": AttentionUNet}


def networks_state(keys, seed):
    """Weights of the README's fill rule, under the authors' names; entries of one network keep their default."""
    state = {}
    for number, line in enumerate(map(str, keys)):
        name, _, shape = line.partition(" ")
        shape = tuple(int(size) for size in shape.strip("()").split(",") if size.strip())
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros(shape, dtype=torch.long)
            continue
        z = np.random.default_rng([seed, number]).standard_normal(int(np.prod(shape))).reshape(shape)
        if z.ndim > 1:
            z = z * np.sqrt(2 / (z.size / shape[0]))
        elif name.endswith("running_var"):
            z = 1 + 0.1 * np.abs(z)
        elif name.endswith("weight"):
            z = 1 + 0.1 * z
        else:
            z = 0.05 * z
        state[name] = torch.from_numpy(z.astype(np.float32))
    return state


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def networks_case(request, parity):
    stored = np.load(parity / "segmentation" / "networks.npz")
    keys = stored[f"{request.param}_keys"]
    state = networks_state(keys, int(stored["fill_seed"]))
    depth = sum(name.startswith("Conv") and name.endswith("conv.0.weight") for name in state)
    width, channels = state["Conv1.conv.0.weight"].shape[:2]
    model = NETWORKS[request.param](channels, len(state["Conv_1x1.bias"]), width=width, depth=depth)
    load_authors(model, state)
    return request.param, model, stored


def networks_worst(found, expected):
    return float((found - torch.from_numpy(expected)).abs().max() / np.abs(expected).max())


def test_networks_eval_mode_logits_equal_the_authors(networks_case):
    name, model, stored = networks_case
    with torch.inference_mode():
        found = model.eval()(torch.from_numpy(stored["x"]))
    assert networks_worst(found, stored[f"{name}_logits"]) < 1e-4


def test_networks_train_mode_logits_equal_the_authors(networks_case):
    name, model, stored = networks_case
    x = torch.from_numpy(stored["x"])
    kept = {key: value.clone() for key, value in model.state_dict().items() if "running" in key or "tracked" in key}
    with torch.inference_mode():
        found = model.train()(torch.cat([x, -0.5 * x]))
    model.load_state_dict(kept, strict=False)
    assert networks_worst(found, stored[f"{name}_logits_trainmode"]) < 1e-4


# --- dataprep: Data preparation against what the authors' script wrote.


DATAPREP_SETS = {"snemi": "snemi3d", "drive": "drive", "glas": "glas", "mass": "roads"}


@pytest.fixture(scope="module")
def dataprep(parity):
    with np.load(parity / "segmentation" / "dataprep.npz", allow_pickle=False) as stored:
        return dict(stored)


def dataprep_lay_raw(key, stored, folder):
    """Write the raw arrays as the download has them."""
    images = stored[f"{key}_raw_image"]
    masks = stored["snemi_raw_label" if key == "snemi" else f"{key}_raw_mask"]
    masks = masks.reshape(len(images), *masks.shape[-2:])
    if key == "snemi":
        tifffile.imwrite(folder / "train-input.tif", images, photometric="minisblack")
        tifffile.imwrite(folder / "train-labels.tif", masks, photometric="minisblack")
        return
    names = {
        "drive": ("training/images/{:02d}_training.tif", "training/1st_manual/{:02d}_manual1.gif"),
        "glas": ("Warwick_QU_Dataset/train_{:02d}.bmp", "Warwick_QU_Dataset/train_{:02d}_anno.bmp"),
        "mass": ("tiff/train/n{:02d}.tiff", "tiff/train_labels/n{:02d}.tif"),
    }[key]
    for number, pair in enumerate(zip(images, masks, strict=True), 1):
        for name, array in zip(names, pair, strict=True):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)


@pytest.mark.parametrize("key", DATAPREP_SETS)
def test_dataprep(dataprep, tmp_path, key):
    raw = tmp_path / "raw"
    raw.mkdir()
    dataprep_lay_raw(key, dataprep, raw)
    made = prepare(DATAPREP_SETS[key], raw, tmp_path / "out")
    images, masks = dataprep[f"{key}_image"], dataprep[f"{key}_mask"]
    assert made["n"] == len(images)
    for kind, expected in (("images", images), ("masks", masks)):
        written = sorted((tmp_path / "out" / kind).iterdir())
        assert [path.name for path in written] == [f"{i:03d}.png" for i in range(len(expected))]
        for path, array in zip(written, expected, strict=True):
            np.testing.assert_array_equal(Pages(path)[0], array)
    np.testing.assert_array_equal(made["mean"], dataprep[f"{key}_mean"])
    np.testing.assert_array_equal(made["std"], dataprep[f"{key}_std"])
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["mean"] == dataprep[f"{key}_mean"].tolist()
