"""Sections on correctness: losses, heads and transforms on the device against float64 on the CPU, and the GPU tests."""

import copy
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch
from torch import Tensor

from _gpu.clock import Given, Rows, difference, tf32
from _gpu.segmentation import example, weight_map
from _gpu.stand_ins import ROOT

VALUE, GRADIENT = 1e-4, 1e-3  # largest relative errors in float32
UNDER_PYTEST = """
import sys
sys.path[:0] = sys.argv[1:3]
from _gpu.stand_ins import prepare_imports
prepare_imports()
import pytest

def absent(name):
    if name.startswith("_"):
        raise AttributeError(name)
    pytest.skip(f"the stand-in of PyWavelets has no {name}")

if not hasattr(sys.modules.get("pywt"), "__file__"):
    sys.modules["pywt"].__getattr__ = absent
sys.exit(pytest.main(sys.argv[3:]))
"""
SETTINGS = """[pytest]
addopts = --import-mode=importlib
pythonpath = {support}
markers =
    gpu
    slow
    message
"""


def correctness(given: Given) -> dict[str, Rows]:
    """Everything on the device in float32 and under autocast, against float64 on the CPU."""
    return {
        "losses, correctness": losses(given),
        "heads, correctness": heads(given),
        "transforms, correctness": transforms(given),
    }


def losses(given: Given) -> Rows:
    """Value and gradient of every segmentation loss."""
    from subband import catalog

    rows: Rows = {}
    for name in catalog.names("loss"):
        entry = catalog.find("loss", name)
        loss = entry.load()(**entry.options)
        logits, target = example(2, 64 if given.small else 256, dtype=torch.float64)
        extra = weight_map(loss, target)

        def call(
            module: Any, z: Tensor, *, target: Tensor = target, extra: dict[str, Tensor] = extra
        ) -> tuple[Tensor, Tensor]:
            leaf = z.detach().requires_grad_()
            moved = {key: value.to(z.device) for key, value in extra.items()}
            value = module(leaf, target.to(z.device), **moved)
            return value.detach(), torch.autograd.grad(value, leaf)[0]

        rows[name] = compared(given, loss, logits, call)
    return rows


def heads(given: Given) -> Rows:
    """Value and gradient with respect to the embeddings of every recognition head, in its second step."""
    from subband import catalog

    generator = torch.Generator().manual_seed(20261)
    x = torch.randn((32, 16), generator=generator, dtype=torch.float64)
    labels = torch.arange(32) % 20
    rows: Rows = {}
    for name in catalog.names("head"):
        entry = catalog.find("head", name)
        torch.manual_seed(0)
        head = entry.load()(16, 20, **entry.options)

        def call(module: Any, x: Tensor) -> tuple[Tensor, Tensor]:
            module.epoch = 5  # what joins a head later has joined it
            own, leaf = labels.to(x.device), x.detach().requires_grad_()
            module((x + 0.5).detach(), own)
            value = module(leaf, own)
            return value.detach(), torch.autograd.grad(value, leaf)[0]

        rows[name] = compared(given, head, x, call)
    return rows


def compared(
    given: Given, module: torch.nn.Module, x: Tensor, call: Callable[[Any, Tensor], tuple[Tensor, Tensor]]
) -> dict[str, Any]:
    """One row: errors in float32, with TF32 allowed, and under autocast; right are float32 and what is finite."""
    wanted, slope = call(copy.deepcopy(module).double(), x)
    on_device = copy.deepcopy(module).float().to(given.device)
    found, own = call(copy.deepcopy(on_device), x.float().to(given.device))
    tf32(True)
    _, rounded = call(copy.deepcopy(on_device), x.float().to(given.device))
    tf32(False)
    with torch.autocast(given.device, dtype=torch.bfloat16):
        half, half_slope = call(on_device, x.to(given.device, torch.bfloat16))
    value, gradient = abs(float(found) - float(wanted)) / max(abs(float(wanted)), 1.0), difference(own, slope)
    finite = bool(half.isfinite()) and bool(half_slope.isfinite().all())
    right = value <= VALUE and gradient <= GRADIENT and finite
    return {
        "value_error": value,
        "gradient_error": gradient,
        "gradient_error_tf32": difference(rounded, slope),
        "bfloat16_value": float(half),
        "right": right,
    }


def transforms(given: Given) -> Rows:
    """Results and gradients of the transforms, of warping and of WiNet."""
    rows: Rows = {}
    for name, (function, shape) in functions().items():
        x = torch.randn(shape, generator=torch.Generator().manual_seed(20261), dtype=torch.float64)
        wanted, found = (results(function, one) for one in (x, x.float().to(given.device)))
        error = max(difference(own, exact) for own, exact in zip(found, wanted, strict=True))
        rows[name] = {"error": error, "right": error <= GRADIENT}
    return rows


def results(function: Callable[[Tensor], Iterable[Tensor]], x: Tensor) -> list[Tensor]:
    """What a function makes of x, and the gradient of the sum of squares of it."""
    leaf = x.detach().requires_grad_()
    found = list(function(leaf))
    return [*found, torch.autograd.grad(sum(one.abs().square().sum() for one in found), leaf)[0]]


def functions() -> dict[str, tuple[Callable[[Tensor], Iterable[Tensor]], tuple[int, ...]]]:
    """Functions of one tensor of a shape to some tensors."""
    from subband import transforms as t
    from subband.models import WiNet
    from subband.transforms.morphology import soft_skeleton

    torch.manual_seed(0)
    winet = WiNet(width=2)

    def field(x: Tensor, kind: str) -> Any:
        return t.Field(0.1 * x[:, 2:5], unit="normalised", kind=kind)

    def registered(x: Tensor) -> Tensor:
        return copy.deepcopy(winet).to(x.device, x.dtype)(x[:, :1], x[:, 1:2]).vectors

    flat, volume = (2, 3, 45, 64), (1, 5, 16, 32, 16)
    return {
        "wavedec, db4": (lambda x: [t.waverec(t.wavedec(x, "db4", level=2))], flat),
        "swt, db2": (lambda x: [t.iswt(t.swt(x[..., :44, :], "db2", level=2))], flat),
        "steerable pyramid": (lambda x: t.steerable_pyramid(x).bands, flat),
        "covariances": (lambda x: covariances(x.sigmoid()), flat),
        "soft skeleton": (lambda x: [soft_skeleton(x.sigmoid())], flat),
        "warp": (lambda x: [t.warp(x[:, :1], field(x, "displacement"))], volume),
        "exponential": (lambda x: [t.exponential(field(x, "velocity")).vectors], volume),
        "WiNet": (lambda x: [registered(x)], volume),
    }


def covariances(x: Tensor) -> list[Tensor]:
    """The covariances of the subbands of two images."""
    from subband.transforms import subband_covariances

    found = subband_covariances(x[:, :1], (x[:, 1:2] > 0.5).to(x.dtype), levels=(1, 2), orientations=4)
    return [part for part in found if part.is_complex() or part.is_floating_point()]


def tests(given: Given) -> dict[str, Rows]:
    """The tests that need a CUDA device, where pytest is installed."""
    marked = sorted(str(path) for path in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in path.read_text("utf-8"))
    mark = ["-m", "gpu", "-q"] if given.cuda else ["-m", "gpu", "-qq", "--collect-only"]
    if not marked or importlib.util.find_spec("pytest") is None:
        return {"tests, correctness": {}}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tests.xml"
        settings = Path(folder) / "pytest.ini"  # not the project's: what that asks for may not be installed here
        settings.write_text(SETTINGS.format(support=ROOT / "tests" / "support"), encoding="utf-8")
        words = [*mark, "-p", "no:cacheprovider", "-c", str(settings), f"--rootdir={ROOT}", f"--junitxml={out}"]
        subprocess.run(
            [sys.executable, "-c", UNDER_PYTEST, str(ROOT / "benchmarks"), str(ROOT / "src"), *words, *marked],
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            timeout=540,
            check=False,
        )
        cases = ElementTree.parse(out).getroot().iter("testcase") if out.exists() else ()
        found = {f"{case.get('classname')}::{case.get('name')}": {child.tag for child in case} for case in cases}
    rows = {name: {"right": not tags} for name, tags in found.items() if "skipped" not in tags}
    return {"tests, correctness": rows}
