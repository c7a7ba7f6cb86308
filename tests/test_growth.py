"""The fit of a growth curve, and that a benchmark of growth says what it finds."""

import importlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SIZES = (256, 512, 1024, 4096)


@pytest.fixture
def script(monkeypatch):
    """Imports a script of the folder."""
    monkeypatch.syspath_prepend(FOLDER)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def test_exponent_is_that_of_polyfit(script):
    rng = np.random.default_rng(3)
    seconds = np.array(SIZES) ** 1.3 * rng.uniform(0.8, 1.2, len(SIZES))
    slope, start = np.polyfit(np.log(SIZES), np.log(seconds), 1)
    found = script("_fit").fit(SIZES, seconds.tolist())
    fitted = np.exp(start) * np.array(SIZES) ** slope
    assert found.exponent == pytest.approx(slope, abs=1e-12)
    assert found.deviation == pytest.approx(np.abs(seconds / fitted - 1).max(), abs=1e-12)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_a_power_law_is_found_exactly(script, power):
    found = script("_fit").fit(SIZES, [5e-3 * n**power for n in SIZES])
    assert found.exponent == pytest.approx(power, abs=1e-12)
    assert found.deviation < 1e-12


def test_the_law_decides_what_the_exponent_is_of(script):
    fit, n_log_n = (getattr(script("_fit"), name) for name in ("fit", "n_log_n"))
    seconds = [7 * n * math.log2(n) for n in SIZES]
    assert fit(SIZES, seconds, n_log_n).exponent == pytest.approx(1, abs=1e-12)
    assert fit(SIZES, seconds).exponent > 1.1


def test_one_slow_point_shows_as_a_deviation(script):
    seconds = [float(n) for n in SIZES]
    seconds[1] *= 2
    assert script("_fit").fit(SIZES, seconds).deviation > 0.3


@pytest.mark.message
@pytest.mark.parametrize(
    ("sizes", "measured"),
    [((1, 2, 3), (1, 2, 3)), ((1, 2, 3, 3), (1, 2, 3, 4)), (SIZES, (1, 2)), (SIZES, (1, 0, 1, 1))],
)
def test_too_little_to_fit(script, sizes, measured):
    with pytest.raises(ValueError, match="a fit takes 4 different sizes or more with a positive measurement each"):
        script("_fit").fit(sizes, measured)


def test_a_curve_gives_a_line_and_two_targets(script):
    curve, growth = script("_curve"), script("growth")

    def work(n):
        return lambda: np.ones(n).cumsum()

    cases = {n: work(n) for n in (40_000, 80_000, 160_000, 320_000)}
    row, targets, _ = growth.measure(curve.Curve("sums", "numbers", cases, peak=curve.numpy_peak))
    assert row[:2] == ["sums", "40,000 to 320,000 numbers"]
    assert row[-2:] == ["16", ""]
    assert [target["what"] for target in targets] == [
        "sums: exponent of the time against n",
        "sums: exponent of the memory against n",
    ]
    assert targets[1]["value"] == pytest.approx(1, abs=0.01)
    assert targets[1]["reached"]


def test_each_subject_is_checked_before_it_is_timed(script):
    right = script("_curve").right
    torch = importlib.import_module("torch")
    x = torch.randn(20, generator=torch.Generator().manual_seed(0)).requires_grad_()
    right("squares", lambda one: one.square().sum(), x)
    with pytest.raises(SystemExit, match=r"wrong, value.*nothing was timed"):
        right("wrong", lambda one: one.square().sum() * (1.1 if one.dtype == torch.float32 else 1), x)


def test_two_processes_are_compared_with_one(script, monkeypatch):
    processes, written = script("processes"), {}
    speeds = dict(zip(processes.RUNS, (10.0, 18.0, 12.0), strict=True))
    monkeypatch.setattr(processes, "images_per_second", lambda: speeds)
    monkeypatch.setattr(processes, "write", lambda name, payload: written.update(payload, name=name))
    processes.main()
    assert written["name"] == "processes"
    assert [row[1:] for row in written["tables"][0]["rows"]] == [["10", "1.00"], ["18", "1.80"], ["12", "1.20"]]
    assert [(target["kept"], target["reached"]) for target in written["gates"]] == [(True, True), (False, False)]


def test_what_stays_after_the_first_call_is_counted(script):
    torch = importlib.import_module("torch")
    held = []

    def work():
        if not held:
            held.append(torch.ones(2**18))
        return held[0] * 2

    assert script("_curve").staying(work) == 2**20


@pytest.mark.slow
def test_every_loss_has_a_cost(script):
    cost, catalog = script("cost"), importlib.import_module("subband.catalog")
    mask = cost.masks(1, (64, 64))
    cases = cost.losses(cost.noisy_logits(mask), mask)
    assert list(cases) == catalog.names("loss")
    assert all(value.isfinite() and gradient.any() for value, gradient in (case() for case in cases.values()))
    assert cost.flops(32) / cost.flops(16) == pytest.approx(4, rel=0.02)
