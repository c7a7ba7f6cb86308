"""The verbs on a detection: a folder of boxes is compared, one detector trained, tested again, and asked of files."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from subband.cli import main
from subband.data.images import write_png
from subband.data.synthetic_shapes import Shapes

SIZES = '{"anchor":8,"hidden":32,"regions":20,"sampled":16}'
OPTIONS = [
    *["--budget", "2", "--data.batch", "2", "--model.side", "48", "--model.width", "64", "--threads", "1"],
    *["--validations", "1", "--model.options", SIZES, "--robustness.severities", "5"],
    *["--robustness.corruptions", "contrast", "--robustness.corrupted_images", "1"],
]


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """A folder of COCO's layout with drawn shapes."""
    root = tmp_path_factory.mktemp("boxes")
    (root / "annotations").mkdir()
    for seed, (part, count) in enumerate({"train": 4, "val": 2}.items()):
        shapes, content = Shapes(count=count, size=(40, 56), seed=seed + 5), {"images": [], "annotations": []}
        content["categories"] = [{"id": place + 1, "name": name} for place, name in enumerate(shapes.class_names)]
        for number in range(count):
            sample = shapes[number]
            pixels = np.rint(np.moveaxis(sample.image, 0, -1) * 255).astype(np.uint8)
            write_png(root / part / f"{number}.png", pixels)
            content["images"].append({"id": number, "file_name": f"{number}.png"})
            for (left, top, right, bottom), label in zip(sample.boxes.tolist(), sample.labels.tolist(), strict=True):
                box = {"image_id": number, "category_id": label, "bbox": [left, top, right - left, bottom - top]}
                content["annotations"].append(box)
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="module")
def finished(boxes, tmp_path_factory):
    """A comparison of two of the recipe's four networks."""
    out = tmp_path_factory.mktemp("run") / "c"
    chosen = ["--networks", "faster-r-cnn,retinanet", "--data.validation", "0.25"]
    assert main(["compare", "detection/folder", "--data.root", str(boxes), "--out", str(out), *chosen, *OPTIONS]) == 0
    return out


@pytest.mark.slow
def test_compare_writes_a_page_and_goes_on(finished, boxes, capsys):
    page = (finished / "report.html").read_text()
    assert "<h2>What was found</h2>" in page
    assert "<h2>Corruptions</h2>" in page
    assert sorted(path.name for path in (finished / "runs").iterdir()) == [
        "faster-r-cnn-fold0-seed0",
        "retinanet-fold0-seed0",
    ]
    more = ["--networks", "faster-r-cnn,retinanet", "--data.validation", "0.25", *OPTIONS]
    assert main(["compare", "detection/folder", "--data.root", str(boxes), "--out", str(finished), *more]) == 0
    out = capsys.readouterr().out.replace("\n", " ")
    for text in ("2 of 2 runs are finished already", "parameters learn; nothing is frozen", "AP50", "mPC", "report: "):
        assert text in out


@pytest.mark.slow
def test_train_one_with_frozen_layers(boxes, tmp_path, capsys):
    call = [
        "train",
        "detection/folder",
        "--data.root",
        str(boxes),
        "--network",
        "retinanet",
        "--out",
        str(tmp_path / "t"),
    ]
    frozen = '{"anchor":8,"backbone":"resnet18","trainable_layers":2}'
    options = [*OPTIONS, "--model.options", frozen, "--model.norm", "frozen", "--data.validation", "0"]
    assert main([*call, *options]) == 0
    out = capsys.readouterr().out
    assert "batch norms" in out
    assert "statistics, scale and shift are constants\n" in out
    assert "weights get no gradient\n" in out
    assert out.index("batch norms") < out.index("1/1 ")


@pytest.mark.slow
def test_evaluate_and_predict(finished, boxes, tmp_path, capsys):
    run = finished / "runs" / "retinanet-fold0-seed0"
    assert main(["evaluate", str(run), "--out", str(tmp_path / "own")]) == 0
    out = capsys.readouterr().out
    assert "AP_small" in out
    assert "contrast" in out
    own = json.loads((tmp_path / "own" / "evaluation.json").read_text())
    assert own["metrics"] == json.loads((run / "result.json").read_text())["metrics"]
    assert main(["evaluate", str(run), "--images", str(boxes), "--out", str(tmp_path / "other")]) == 0
    other = json.loads((tmp_path / "other" / "evaluation.json").read_text())
    assert other["metrics"] == own["metrics"], "the val part of the same folder"
    capsys.readouterr()
    assert main(["evaluate", str(run), "--masks", str(tmp_path)]) == 2
    assert "--masks is for segmentations, but this is a detection" in capsys.readouterr().err
    write_png(tmp_path / "x.png", np.zeros((30, 50), np.uint8))
    call = ["predict", str(run), str(tmp_path / "x.png"), str(boxes / "val"), "--out", str(tmp_path / "p")]
    assert main(call) == 0
    assert "objects in 3 files" in capsys.readouterr().out
    with Image.open(tmp_path / "p" / "x_boxes.png") as picture:
        assert picture.size == (500, 300)
    with (tmp_path / "p" / "boxes.csv").open(encoding="utf-8") as file:
        assert csv.DictReader(file).fieldnames == ["file", "class", "score", "left", "top", "right", "bottom"]
    assert main(call) == 1
    assert "boxes.csv is there already; add --overwrite" in capsys.readouterr().err.replace("\n", " ")
    (tmp_path / "p" / "boxes.csv").unlink()
    assert main(call) == 1
    assert "_boxes.png is there already; add --overwrite" in capsys.readouterr().err.replace("\n", " ")
    assert main([*call, "--overwrite"]) == 0


@pytest.mark.message
def test_another_folder_is_told(tmp_path, capsys):
    assert main(["compare", "detection/folder", "--data.root", str(tmp_path), "--out", str(tmp_path / "c")]) == 2
    err = capsys.readouterr().err
    assert "is no set of images with boxes" in err
    assert "--data.labels" in err
