"""Boxes on images: where they are drawn, in what colour, and as files."""

import io

import numpy as np
import pytest
from PIL import Image

from subband.metrics.detection import Boxes
from subband.report.box_figure import COLOURS, Shown, boxes_png, detection_figure, draw_boxes

TRUTH = Boxes(np.array([[4.0, 6, 20, 18], [0, 0, 40, 30]]), np.array([1, 1]), crowd=np.array([False, True]))
FOUND = Boxes(np.array([[5.0, 6, 21, 18], [22, 8, 36, 26]]), np.array([1, 2]), np.array([0.875, 0.3]))


def shown(name="one", found=FOUND):
    image = np.full((3, 30, 40), 0.25, np.float32)
    return Shown(name, image, TRUTH, {"vanilla": found, "haar": FOUND})


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


def test_a_file_has_the_boxes_and_is_large_enough():
    image = np.zeros((3, 30, 40), np.float32)
    picture = np.asarray(Image.open(io.BytesIO(boxes_png(image, FOUND, ["disc", "square"]))).convert("RGB")).astype(int)
    assert picture.shape == (360, 480, 3)
    for colour, (row, column) in {COLOURS[0]: (12 * 18, 12 * 10), COLOURS[1]: (12 * 26, 12 * 30)}.items():
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        near = picture[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3)
        assert (np.abs(near - wanted).max(1) < 40).any(), colour  # the lower edge of each box
    large = boxes_png(np.zeros((3, 500, 640), np.float32), FOUND, ["disc", "square"])
    assert Image.open(io.BytesIO(large)).size == (640, 500)


@pytest.mark.message
def test_no_image_is_an_error():
    with pytest.raises(ValueError, match="there is no image to draw; give at least one"):
        detection_figure([], ["disc"])
