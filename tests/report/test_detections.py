"""Boxes on images: where they are drawn, in what colour, and the page around them."""

import io

import numpy as np
import pytest
from PIL import Image

from subband.metrics.detection import DETECTION_METRICS, Boxes
from subband.report.detections import (
    COLOURS,
    Shown,
    corruption_table,
    detection_figure,
    draw_boxes,
    percent,
    score_rows,
    write_detections,
)

TRUTH = Boxes(np.array([[4.0, 6, 20, 18], [0, 0, 40, 30]]), np.array([1, 1]), crowd=np.array([False, True]))
FOUND = Boxes(np.array([[5.0, 6, 21, 18], [22, 8, 36, 26]]), np.array([1, 2]), np.array([0.875, 0.3]))


def shown(name="one", found=FOUND):
    image = np.full((3, 30, 40), 0.25, np.float32)
    return Shown(name, image, TRUTH, {"vanilla": found, "haar": FOUND})


def result(name, ap, corrupted=None):
    metrics = dict.fromkeys(DETECTION_METRICS, ap)
    return {
        "name": name,
        "metrics": {**metrics, "AP_small": float("nan")},
        "classes": {"disc": ap},
        "conversion": "7 of 9 <places>",
        "frozen": "nothing is frozen",
        "corrupted": corrupted,
    }


def drawn_axes(least):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(np.zeros((30, 40)), cmap="gray", aspect="auto")
    draw_boxes(axes, FOUND, TRUTH, ["disc", "square"], least=least)
    return axes


def test_frames_and_names():
    axes = drawn_axes(0.5)
    frames = [(patch.get_xy(), patch.get_width(), patch.get_height(), patch.get_linestyle()) for patch in axes.patches]
    assert frames == [
        ((3.5, 5.5), 16, 12, "--"),  # true
        ((-0.5, -0.5), 40, 30, ":"),  # a crowd
        ((4.5, 5.5), 16, 12, "-"),  # found
    ]
    assert [text.get_text() for text in axes.texts] == ["disc 0.88"]
    assert [text.get_text() for text in drawn_axes(0.2).texts] == ["square 0.30", "disc 0.88"]  # the surest on top


def test_colours_are_on_the_picture():
    drawing = detection_figure([shown()], ["disc", "square"], least=0.2)
    picture = np.asarray(Image.open(io.BytesIO(drawing.png)).convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ("#ffffff", COLOURS[0], COLOURS[1]):
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(picture - wanted).max(1) < 12).any(), colour
    assert "disc 0.88" in drawing.svg
    assert "vanilla" in drawing.svg


def test_large_images_are_reduced_and_boxes_stay():
    image = np.zeros((3, 500, 1000), np.float32)
    image[:, 200:300, 400:600] = 1
    truth = Boxes(np.array([[400.0, 200, 600, 300]]), np.array([1]))
    blind = Boxes(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    drawing = detection_figure([Shown("large", image, truth, {"blind": blind})], ["thing"])
    picture = np.asarray(Image.open(io.BytesIO(drawing.png)).convert("L")).astype(float)
    assert len(drawing.svg) < 30_000
    middle = picture[:, picture.shape[1] // 2]
    bright = np.flatnonzero(middle > 200)
    inside = bright[(bright > 100) & (bright < len(middle) - 60)]
    assert inside.max() - inside.min() == pytest.approx(0.2 * 3.2 * 160, abs=8)  # 100 of 500 rows, 3.2 inches high


def test_page_stands_alone(tmp_path):
    under = {"metric": "AP", "severities": [1, 5], "mPC": 0.2, "rPC": 0.5, "corruptions": {"fog": 0.25}, "table": {}}
    path = write_detections(
        tmp_path,
        title="Shapes & discs",
        facts="3 images",
        results=[result("vanilla", 0.4, under), result("haar", 0.512, under)],
        images=[shown("one"), shown("two")],
        class_names=["disc", "square"],
    )
    page = path.read_text()
    assert "Shapes &amp; discs" in page
    assert "7 of 9 &lt;places&gt;" in page
    for text in ("51.2", "40.0", "AP, severities 1, 5", "fog", "25.0", "disc 0.88"):
        assert text in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert (tmp_path / "detections.png").stat().st_size > 1000


def test_tables():
    assert percent(float("nan")) == "–"
    assert percent(0.12345) == "12.3"
    assert score_rows([result("haar", 0.5)])[0] == ["haar", "50.0", "50.0", "50.0", "–", "50.0", "50.0", "50.0"]
    assert corruption_table([result("haar", 0.5)]) is None


@pytest.mark.message
def test_no_image_is_an_error():
    with pytest.raises(ValueError, match="there is no image to draw; give at least one"):
        detection_figure([], ["disc"])
