"""CWMI against outputs recorded from the authors' code: both versions, all kinds, levels and ablations."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from subband.losses.segmentation._mutual_information import MutualInformation, conditional_entropy
from subband.losses.segmentation.cross_entropy import cross_entropy_loss
from subband.losses.segmentation.cwmi import CWMILoss, cwmi_loss
from subband.transforms.spectrum import subband_covariances

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
