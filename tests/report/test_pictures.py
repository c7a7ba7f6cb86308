"""Pictures and curves: pixels by hand."""

import re

import numpy as np
import pytest

from subband.report import read_comparison
from subband.report.figures import Line, curves, draw, smooth
from subband.report.insight import amplitudes, heat, insight, weight_map
from subband.report.pictures import (
    BLUE,
    RED,
    WHITE,
    circles,
    error_picture,
    outliers,
    rank_images,
    read_picture,
    skeleton_breaks,
    window,
)
from subband.report.tables import Summary


def test_errors_are_white_red_blue_black():
    truth = np.array([[1, 1, 0, 0, 1]])
    prediction = np.array([[1, 0, 1, 0, 2]])
    assert error_picture(truth, prediction)[0].tolist() == [list(WHITE), list(BLUE), list(RED), [0, 0, 0], list(RED)]


def test_a_gap_in_a_line_is_one_break():
    truth = np.zeros((20, 20), int)
    truth[10, 2:18] = 1
    prediction = truth.copy()
    prediction[10, 8:11] = 0
    missed = skeleton_breaks(truth, prediction)
    assert np.argwhere(missed).tolist() == [[10, 8], [10, 9], [10, 10]]
    (ring,) = circles(missed)
    assert (ring.x, ring.y) == (9.5, 10.5)
    assert ring.radius >= 1.5
    assert circles(skeleton_breaks(truth, truth)) == []


def test_the_window_has_the_largest_sum():
    weights = np.zeros((50, 60))
    weights[40, 55] = weights[12, 30] = weights[14, 33] = 1
    rows, columns = window(weights, side=8)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (8, 8)
    assert weights[rows, columns].sum() == 2
    assert window(np.zeros((5, 7)), side=8) == (slice(0, 5), slice(0, 7))


def test_pictures_that_are_not_there_or_broken_are_none(tmp_path):
    assert read_picture(tmp_path / "no.png") is None
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    assert read_picture(tmp_path / "bad.png") is None


def test_images_are_ranked_by_the_mean_of_the_metric(comparison):
    read = read_comparison(comparison(losses=("ce", "cwmi"), seeds=(0,), images=5))
    table = {}
    for run, image in read.rows():
        table.setdefault(image["name"], {})[run.method] = image["VI"]
    expected = sorted(table, key=lambda name: table[name]["ce"] + table[name]["cwmi"])
    assert rank_images(read, ["ce", "cwmi"], "VI") == expected
    assert rank_images(read, ["ce"], "VI") == sorted(table, key=lambda name: table[name]["ce"])


def test_outliers_lie_beyond_the_whiskers(comparison, change_result):
    folder = comparison(losses=("ce",), seeds=(0,), images=9)
    images = read_comparison(folder).of("ce")[0].images
    images[4]["VI"], images[7]["VI"] = 5.0, float("inf")
    images[2]["VI"] = 0.01
    change_result(folder / "runs" / "ce-fold0-seed0", images=images)
    found = outliers(Summary(read_comparison(folder)))
    assert [(row["image"], row["value"]) for row in found] == [
        ("image_0_7.png", "VI ↓ ∞"),
        ("image_0_4.png", "VI ↓ 5.000"),
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 7, 50])
def test_smoothing_keeps_the_length_and_the_level(size):
    assert np.allclose(smooth(np.full(size, 2.5)), 2.5)
    assert len(smooth(np.arange(float(size)))) == size


def test_smoothing_is_the_mean_of_the_neighbours():
    values = np.random.default_rng(0).random(40)
    reach = 2
    expected = [values[max(0, i - reach) : i + reach + 1].mean() for i in range(40)]
    assert np.allclose(smooth(values, share=0.1), expected)


def test_curves_are_grouped_and_coloured_by_loss(comparison):
    groups = curves(read_comparison(comparison(losses=("ce", "cwmi"), images=1)))
    assert [panel.title for panel in groups["validation"]] == ["validation mIoU ↑", "validation VI ↓", "learning rate"]
    assert [panel.title for panel in groups["mi"]] == ["MI term, CWMI"]
    assert set(re.findall(r"var\(--s(\d+)\)", groups["training"][1].svg)) == {"1"}


def test_svg_has_no_size_no_address_and_own_identifiers():
    one, two = (draw([Line(np.array([1.0]), np.array([2.0]), 0)], key=key) for key in ("a b", "c"))
    for svg in (one, two):
        assert svg.startswith("<svg")
        assert svg.endswith("</svg>")
        assert "http" not in svg
        assert not re.search(r"<svg[^>]*\s(width|height)=", svg)
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (one, two)]
    assert ids[0].isdisjoint(ids[1])


def test_the_subband_across_a_line_is_the_strongest():
    mask = np.zeros((64, 64))
    mask[30:33] = 1
    levels = amplitudes(mask)
    assert len(levels) == 3
    for level in levels:
        assert np.argmax([band.sum() for band in level]) == 0
    turned = amplitudes(mask.T)
    assert all(np.argmax([band.sum() for band in level]) == 2 for level in turned)


def test_the_weight_map_is_the_one_of_the_loss():
    import torch

    from subband.losses.segmentation.spw import spw_weight_map

    rng = np.random.default_rng(0)
    mask, probability = (rng.random((40, 48)) > 0.5).astype(np.uint8), rng.random((40, 48))
    pair = [torch.tensor(part[None, None], dtype=torch.float32) for part in (probability, mask)]
    assert np.array_equal(weight_map(mask, probability), spw_weight_map(*pair)[0, 0].numpy())


def test_heat_spans_the_colours():
    picture = heat(np.array([[0.0, 1.0, 2.0]]))
    assert picture.shape == (1, 3, 3)
    assert picture[0].sum(1).argsort().tolist() == [0, 1, 2]
    assert heat(np.zeros((2, 2))).max() < 10


def test_no_insight_without_the_stored_pictures(comparison):
    from subband.report.pictures import examples

    folder = comparison(losses=("ce",), seeds=(0,), images=1, log=False)
    read = read_comparison(folder)
    found = examples(Summary(read))
    assert insight(read, found, ["ce"]) is not None
    (folder / "truth" / f"{found[0].name}.png").unlink()
    assert insight(read, found, ["ce"]) is None
    assert insight(read, [], ["ce"]) is None
