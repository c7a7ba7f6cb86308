"""The steerable pyramid and SPW on the authors' grid give the authors' numbers."""

import math
import re

import numpy as np
import pytest
import torch

from subband.losses.segmentation.spw import spw_loss, spw_weight_map
from subband.losses.segmentation.spw_single import _band, single_band_weight_loss
from subband.transforms import reconstruct, steerable_pyramid
from subband.transforms.filters import angular_gain, axis_frequency, radial_pair, radius

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
