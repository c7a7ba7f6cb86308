"""The page of a classification: figures by hand, curves, heat maps, and a sentence that follows from the numbers."""

import math

import numpy as np
import pytest

from subband._files import read_json, write_json
from subband.data.images import write_png
from subband.report import read_comparison, report_table, verdict, write_report
from subband.report.heat_map import heat_map, shade
from subband.report.robustness import corruption_table, robustness
from subband.report.verdict import spoken

NAMES = {"plain": "Plain <b>", "haar": "Haar"}
ERRORS = {
    "plain": {"fog": [0.2, 0.4], "gaussian_noise": [0.5, 0.5]},
    "haar": {"fog": [0.1, 0.2], "gaussian_noise": [0.6, 0.9]},
}


def result(method, seed, *, right, bias=None, asked=True):
    images = [
        {"name": f"{place}", "accuracy": float(place < right), "class": "cat", "corrupted": 1 - 0.1 * seed}
        for place in range(10)
    ]
    curve = [{"direction": d, "shift": s, "consistency": 1 - 0.1 * s} for d in ("down", "diagonal") for s in (1, 2)]
    spectrum = {"name": "conv", "aliased": 0.25, "spectrum_sampled": [0.5, 0.5]}
    found = {
        "status": "finished",
        "metrics": {"accuracy": right / 10, "class-wise": 0.6, "uniform": 0.5, "corrupted": 1 - 0.1 * seed},
        "uniform": {"threshold": 1.25, "interval": [1.0, 1.5], **({"bias": bias, "at_bias": 0.4} if bias else {})},
        "class_accuracy": {"cat": 0.5, "dog": 0.5},
        "images": images,
        "parameters": 1000,
        "ms_per_step": math.nan if seed else 3.0,
    }
    if asked:
        errors = {name: dict(zip("13", row, strict=True)) for name, row in ERRORS[method].items()}
        found["robustness"] = {
            "corruptions": {"images": 10, "severities": [1, 3], "clean_error": 0.1, "errors": errors},
            "attacks": {
                "images": 10,
                "curves": {
                    "pgd": {"norm": "linf", "eps": [0.0, 4 / 255], "accuracy": [0.9, 0.1]},
                    "deepfool": {"norm": "l2", "eps": [0.0, 0.5], "accuracy": [0.9, 0.2]},
                },
            },
            "shift": {"images": 10, "border": "reflect", "curve": curve},
            "masking": {"sentence": f"The gradients of seed {seed} do not look masked."},
            "aliasing": [spectrum],
        }
    return found


@pytest.fixture
def folder(tmp_path):
    about = {
        "title": "Classes",
        "task": "classification",
        "dataset": {"label": "animals", "classes": 2, "class_names": ["cat", "dog"]},
        "networks": {label: {"name": "cifar-resnet", "width": 4} for label in NAMES.values()},
        "losses": ["softmax"],
        "methods": {name: {"network": label, "loss": "softmax"} for name, label in NAMES.items()},
        "labels": NAMES,
        "baseline": "plain",
        "folds": [0],
        "seeds": [0, 1],
    }
    write_json(tmp_path / "comparison.json", about)
    for method, right in (("plain", 5), ("haar", 8)):
        for seed in (0, 1):
            found = result(method, seed, right=right, bias=[1.0] if method == "haar" else None)
            write_json(tmp_path / "runs" / f"{method}-fold0-seed{seed}" / "result.json", found)
    write_png(tmp_path / "images" / "00.png", np.zeros((4, 4, 3), np.uint8))
    write_json(tmp_path / "images" / "names.json", [{"name": "0", "truth": "cat"}])
    return tmp_path


def test_mean_corruption_errors_by_hand(folder):
    """Fog 0.15 / 0.3, noise 0.75 / 0.5; relative: 0.05 / 0.2, 0.65 / 0.4."""
    table = corruption_table(read_comparison(folder))
    assert table["columns"] == ["clean", "under corruption", "mCE", "relative mCE", "noise", "weather"]
    plain, haar = ([cell.mean for cell in row["cells"]] for row in table["rows"])
    assert plain == ["10.0", "40.0", "100.0", "100.0", "100.0", "100.0"]
    assert haar == ["10.0", "45.0", "100.0", "93.8", "150.0", "50.0"]
    assert [cell.best for cell in table["rows"][1]["cells"]] == [False, False, False, True, False, True]


def test_relative_errors_need_something_added(folder):
    for seed in (0, 1):
        path = folder / "runs" / f"plain-fold0-seed{seed}" / "result.json"
        found = result("plain", seed, right=5)
        found["robustness"]["corruptions"]["clean_error"] = 0.295
        write_json(path, found)
    rows = corruption_table(read_comparison(folder))["rows"]
    assert [row["cells"][3].mean for row in rows] == ["–", "–"]


def test_the_page_holds_what_there_is(folder):
    page = write_report(folder).read_text(encoding="utf-8")
    for part in ("corruption-errors", "heat-maps", "thresholds", "aliasing", "answers", "attacks", "shifts"):
        assert f'id="{part}"' in page
    assert "Plain &lt;b&gt;" in page
    assert "Plain <b>" not in page
    assert "The gradients of seed 1 do not look masked." in page
    assert "accuracy under deepfool" in page
    assert "same class when moved diagonally" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert 'id="outliers"' not in page
    assert "subband compare classification/folder" in page
    found = robustness(read_comparison(folder))
    assert found["uniform"]["rows"][0] == {
        "label": "Haar",
        "seed": 0,
        "threshold": "1.250",
        "bias": "1.000",
        "wanted": "1.000",
        "uniform": "0.500",
        "at_bias": "0.400",
    }
    assert [panel.title for panel in found["heat_maps"]] == ["Plain <b>", "Haar"]


def test_the_page_without_robustness(folder):
    for method in NAMES:
        for seed in (0, 1):
            found = result(method, seed, right=5, asked=False)
            write_json(folder / "runs" / f"{method}-fold0-seed{seed}" / "result.json", found)
    page = write_report(folder).read_text(encoding="utf-8")
    for part in ("corruption-errors", "thresholds", "shifts"):
        assert f'id="{part}"' not in page


def test_the_sentence_and_the_table_follow_from_the_numbers(folder):
    said = verdict(folder)
    assert said.startswith("Haar has the highest accuracy, 0.800 against 0.500 for Plain <b> (p = ")
    assert "no method has a better accuracy under corruption than Plain <b> (0.950)" in said
    assert "Two seeds are an illustration, not evidence." in said
    header, rows = report_table(folder, markup=False)
    assert header == ["method", "accuracy ↑", "corrupted ↑", "ms", "runs"]
    assert rows[0] == ["Plain <b>", "0.500±0.000", "0.950±0.071", "3.0", "2"]


def test_losses_are_judged_by_one_threshold_and_networks_by_an_attack(folder):
    def sentence(losses):
        about = read_json(folder / "comparison.json") | {"losses": losses}
        write_json(folder / "comparison.json", about)
        return verdict(folder)

    for method, right in (("plain", 0.1), ("haar", 0.2)):
        for seed in (0, 1):
            path = folder / "runs" / f"{method}-fold0-seed{seed}" / "result.json"
            found = read_json(path)
            found["metrics"] |= {"uniform": 2 * right, "bim 4/255": 0.5, "pgd 4/255": right}
            found["images"] = [{**image, "pgd 4/255": right, "bim 4/255": 0.5} for image in found["images"]]
            write_json(path, found)
    one, two = sentence(["softmax"]), sentence(["softmax", "bce-unified"])
    assert "has the highest accuracy under pgd 4/255, 0.200 against 0.100" in one
    assert "bim" not in one
    assert "uniform" not in one
    assert "highest uniform accuracy, 0.400 against 0.200 for Plain <b> (of all images together, not tested)" in two


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("consistency", "shift consistency"),
        ("uniform", "uniform accuracy"),
        ("fgsm 1/255", "accuracy under fgsm 1/255"),
    ],
)
def test_metrics_are_spoken(metric, words):
    assert spoken(metric) == words


def test_a_heat_map_by_hand():
    drawn = heat_map(np.array([[0.0, 1.0], [0.5, np.nan]]), rows=["fog", "a<b"], columns=["1", "5"])
    assert drawn.count("<rect") == 3
    assert "a&lt;b" in drawn
    assert ">50<" in drawn
    assert (shade(0.5), shade(2.0)) == ("#e8783c", shade(1.0))


def test_several_biases_show_their_range(folder):
    found = result("haar", 0, right=8, bias=[1.0, 2.0])
    write_json(folder / "runs" / "haar-fold0-seed0" / "result.json", found)
    row = robustness(read_comparison(folder))["uniform"]["rows"][0]
    assert (row["bias"], row["wanted"]) == ("1.000 to 2.000", "0")
