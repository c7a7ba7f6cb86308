"""The page of a detection: figures by hand, boxes, heat maps, and a sentence that follows from the numbers."""

import json
import math

import numpy as np
import pytest

from subband._files import write_json
from subband.data.images import write_png
from subband.report import read_comparison, report_table, verdict, write_report
from subband.report.detections import boxes_of, class_table, corruption_table, detections, heat_maps, shown_images

NAMES = {"plain": "Plain <b>", "haar": "Haar"}
AP = {
    "plain": {"fog": [0.4, 0.2], "gaussian_noise": [0.1, 0.1]},
    "haar": {"fog": [0.4, 0.4], "gaussian_noise": [0.2, 0.0]},
}
FOUND = {"a": {"boxes": [[1, 1, 9, 9]], "labels": [2], "scores": [0.875]}}


def result(method, seed, *, corrupted):
    better = 0.1 * (method == "haar")
    images = [{"name": f"{n}", "AP50": 0.5 + better + 0.01 * n, "AP": 0.3 + better} for n in range(7)]
    found = {
        "status": "finished",
        "metrics": {"AP": 0.3 + better, "AP50": 0.6 + better, "AP_large": math.nan, "AR": 0.4},
        "class_AP50": {"cat": 0.5 + better + 0.1 * seed},
        "images": [*images, {"name": "empty", "AP50": math.nan, "AP": math.nan}],
        "class_names": ["cow", "cat"],
        "conversion": "7 of 9 <places>",
        "frozen": "nothing is frozen",
        "parameters": 1000,
        "ms_per_step": 3.0,
    }
    if corrupted:
        table = {name: dict(zip("15", row, strict=True)) for name, row in AP[method].items()}
        part = {"images": 4, "severities": [1, 5], "clean_AP": 0.5, "AP": table}
        found["metrics"] |= {"mPC": 0.2, "rPC": 0.4}
        found["robustness"] = {"corruptions": part}
    return found


def build(folder, *, corrupted=True, seeds=(0, 1)):
    about = {
        "title": "Boxes",
        "task": "detection",
        "dataset": {"label": "animals", "classes": 2, "class_names": ["cow", "cat"]},
        "networks": {label: {"name": "retinanet", "side": 64} for label in NAMES.values()},
        "losses": ["detection"],
        "methods": {name: {"network": label, "loss": "detection"} for name, label in NAMES.items()},
        "labels": NAMES,
        "baseline": "plain",
        "folds": [0],
        "seeds": list(seeds),
    }
    write_json(folder / "comparison.json", about)
    for method in NAMES:
        for seed in seeds:
            run = folder / "runs" / f"{method}-fold0-seed{seed}"
            write_json(run / "result.json", result(method, seed, corrupted=corrupted))
            (run / "metrics.csv").write_text("step,train_loss,lr,val_AP50\n1,2.0,0.1,0.1\n2,1.0,0.05,0.3\n")
    (folder / "runs" / "haar-fold0-seed1" / "predictions").mkdir()
    (folder / "runs" / "haar-fold0-seed1" / "predictions" / "boxes.json").write_text(json.dumps(FOUND))
    write_png(folder / "images" / "00.png", np.full((12, 16, 3), 51, np.uint8))
    shown = [{"name": "a", "boxes": [[1, 1, 9, 9]], "labels": [2], "crowd": [False]}]
    write_json(folder / "images" / "names.json", [*shown, {**shown[0], "name": "lost"}])
    return folder


@pytest.fixture
def folder(tmp_path):
    return build(tmp_path)


def texts(table):
    return {row["label"]: [cell.mean for cell in row["cells"]] for row in table["rows"]}


def test_corruption_by_hand(folder):
    table = corruption_table(read_comparison(folder))
    assert table["columns"] == ["clean", "mPC", "rPC", "noise", "weather"]
    assert texts(table) == {
        "Plain <b>": ["50.0", "20.0", "40.0", "10.0", "30.0"],
        "Haar": ["50.0", "25.0", "50.0", "10.0", "40.0"],
    }
    assert [cell.best for cell in table["rows"][1]["cells"]] == [False, True, True, False, True]
    panels = heat_maps(read_comparison(folder))
    assert [panel.title for panel in panels] == ["Plain <b>", "Haar"]
    assert "fog 5: 20.0 %" in panels[0].svg


def test_classes_by_hand(folder):
    table = class_table(read_comparison(folder), ["cow", "cat"])
    assert table["columns"] == ["Plain <b>", "Haar"]
    assert texts(table) == {"cat": ["55.0", "65.0"]}, "no image has a cow"
    assert [cell.sd for cell in table["rows"][0]["cells"]] == ["7.1", "7.1"]
    assert [cell.best for cell in table["rows"][0]["cells"]] == [False, True]


def test_boxes_of_the_first_run_that_tested_an_image(folder):
    (shown,) = shown_images(read_comparison(folder), ["plain", "haar"])
    assert shown.image.shape == (3, 12, 16)
    np.testing.assert_allclose(shown.image, 0.2)
    assert shown.truth.labels.tolist() == [2]
    assert len(shown.found["Plain <b>"].labels) == 0
    assert shown.found["Haar"].scores.tolist() == [0.875]
    assert boxes_of(None).boxes.shape == (0, 4)


def test_the_page_stands_alone(folder):
    page = write_report(folder).read_text()
    for text in ("Plain &lt;b&gt;", "7 of 9 &lt;places&gt;", "cat 0.88", "mPC", "validation AP50", "detection/folder"):
        assert text in page, text
    assert "Outliers" not in page
    assert "loss ms" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "AP50 of each image alone" in page.replace("AP50 and AP of each image", "AP50 of each image").replace(
        "\n", " "
    )


def test_the_sentence_and_the_table(folder):
    assert verdict(folder).startswith(
        "Haar has the highest AP50, 0.700 against 0.600 for Plain <b> (p = 0.016, 7 images"
    )
    header, rows = report_table(folder, markup=False)
    assert header == ["method", "AP50 ↑", "AP ↑", "AR ↑", "mPC ↑", "rPC ↑", "ms", "runs"]
    assert rows[1] == ["Haar", "0.700±0.000*", "0.400±0.000*", "0.400±0.000", "0.200±0.000", "0.400±0.000", "3.0", "2"]


def test_without_corruptions_and_pictures(tmp_path):
    folder = build(tmp_path, corrupted=False, seeds=(0, 1))
    (folder / "images" / "names.json").unlink()
    found = detections(read_comparison(folder), ["plain"])
    assert (found["svg"], found["corruptions"], found["heat_maps"], found["images"]) == (None, None, [], None)
    assert "<h2>Corruptions" not in write_report(folder).read_text()
