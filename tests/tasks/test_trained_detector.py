"""A trained detector: certain boxes as rows, and what of a run or a set does not go."""

from types import SimpleNamespace

import numpy as np
import pytest

from subband._files import write_json
from subband.data.images import write_tiff
from subband.metrics.detection import Boxes
from subband.tasks import trained_detector as module

FOUND = Boxes(np.array([[1.04, 2, 3, 4.26], [5, 6, 7, 8]]), np.array([2, 1]), np.array([0.9, 0.4]))


def test_rows_of_certain_boxes():
    kept = module.certain(FOUND, 0.5)
    assert module.box_rows(kept, ["cow", "cat"]) == [
        {"class": "cat", "score": "0.9000", "left": 1.0, "top": 2.0, "right": 3.0, "bottom": 4.3}
    ]


def test_every_page_of_a_stack_is_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "predict_boxes", lambda model, image: FOUND)
    write_tiff(tmp_path / "s.tif", np.zeros((2, 9, 11), np.float32))
    run = SimpleNamespace(model=None, class_names=["cow", "cat"])
    (rows,) = module.detect_files(run, [tmp_path / "s.tif"], tmp_path / "p", least=0.3)
    assert [row["file"].rpartition(", ")[2] for row in rows] == ["page 0", "page 0", "page 1", "page 1"]
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["s_000_boxes.png", "s_001_boxes.png"]


def test_other_classes_and_failed_runs(tmp_path, monkeypatch):
    other = SimpleNamespace(class_names=["dog"], split=None, names=["a"])
    monkeypatch.setattr(module, "box_folder", lambda folder: other)
    run = SimpleNamespace(class_names=["cat"])
    with pytest.raises(ValueError, match=r"has the classes dog \.\.\., but the run knows cat"):
        module._tested(run, tmp_path)
    write_json(tmp_path / "result.json", {"status": "failed", "error": "no"})
    with pytest.raises(ValueError, match="has no weights"):
        module.trained_detector(tmp_path)
