"""Planes, checkerboards, maps of volume change and boxes; the page of one pair."""

import re

import numpy as np
import pytest

from subband.report.comparison import Comparison, Run
from subband.report.register_page import RegisterPage, metric_table, sentence_of, write_register_page
from subband.report.registration import field_line, registration
from subband.report.registration_figures import (
    FOLD,
    checkerboard,
    dice_boxes,
    grid_lines,
    methods_figure,
    pair_figure,
    volume_change,
)
from subband.report.registration_views import Registered, View, read_views, view_of, write_views


def view(title="axial", rows=12, columns=16):
    generator = np.random.default_rng(0)
    fixed, moving, warped = generator.random((3, rows, columns)).astype(np.float32)
    shift = generator.standard_normal((2, rows, columns)).astype(np.float32)
    return View(title, fixed, moving, warped, shift, 1 + 0.5 * shift[0], (2.0, 1.0))


def volume(shape=(4, 5, 6)):
    """Images whose value at (x, y, z) is 100 x + 10 y + z; the displacement is (1, 2, 3)."""
    x, y, z = np.indices(shape)
    image = (100 * x + 10 * y + z).astype(np.float32)
    shift = np.ones((3, *shape), np.float32) * np.reshape([1, 2, 3], (3, 1, 1, 1))
    return Registered(image, image + 0.25, image + 0.5, shift, np.ones(shape, np.float32), (1.0, 2.0, 3.0))


def test_the_axial_plane_has_the_front_above_and_the_first_axis_to_the_right():
    found = view_of("p", volume(), axis=2, place=1)
    assert found.fixed.shape == (5, 4)
    assert found.fixed[0].tolist() == [41, 141, 241, 341]  # y = 4 above
    assert found.fixed[-1].tolist() == [1, 101, 201, 301]
    assert (found.shift[0] == -2).all()  # two voxels to the front are two rows up
    assert (found.shift[1] == 1).all()
    assert found.spacing == (2.0, 1.0)
    assert (found.moving - found.fixed == 0.25).all()
    assert (found.warped - found.fixed == 0.5).all()


def test_the_sagittal_plane_has_the_top_above_and_the_front_to_the_right():
    found = view_of("p", volume(), axis=0)
    assert found.fixed.shape == (6, 5)
    assert found.fixed[0].tolist() == [205, 215, 225, 235, 245]  # the middle is x = 2, the top z = 5
    assert (found.shift[0] == -3).all()
    assert (found.shift[1] == 2).all()
    assert found.spacing == (3.0, 2.0)


def test_an_image_is_its_own_plane():
    flat = Registered(*np.ones((3, 3, 4)), np.zeros((2, 3, 4)), np.ones((3, 4)), (1.0, 2.0))
    found = view_of("p", flat)
    assert found.fixed.shape == (3, 4)
    assert found.spacing == (1.0, 2.0)


def test_planes_are_stored_and_read(tmp_path):
    given = [view("one"), view("two", 5, 4)]
    write_views(tmp_path / "planes.npz", given)
    found = read_views(tmp_path / "planes.npz")
    assert [each.title for each in found] == ["one", "two"]
    for mine, theirs in zip(found, given, strict=True):
        assert mine.spacing == theirs.spacing
        for name in ("fixed", "moving", "warped", "shift", "determinant"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert read_views(tmp_path / "nothing.npz") == []


def test_a_checkerboard_takes_turns():
    found = checkerboard(np.zeros((16, 8), np.float32), np.ones((16, 8), np.float32))
    assert found[:4, :4].tolist() == [[0, 0, 255, 255]] * 2 + [[255, 255, 0, 0]] * 2
    assert found.mean() == pytest.approx(127.5)


def test_volume_change_has_colours_by_hand():
    found = volume_change(np.array([[1.0, 2.0, 0.5, 4.0, 0.0, -1.0]], np.float32))[0]
    assert found[0].tolist() == [246, 246, 242]
    assert found[1].tolist() == found[3].tolist() == [217, 142, 4]
    assert found[2].tolist() == [47, 95, 208]
    assert found[4].tolist() == found[5].tolist() == list(FOLD)


def test_grid_lines_are_where_the_field_looks():
    shift = np.zeros((2, 24, 24), np.float32)
    shift[1] = 0.5
    lines = grid_lines(shift)
    assert len(lines) == 48
    x, y = lines[3]
    assert y.tolist() == [3] * 24
    assert x[:3].tolist() == [0.5, 1.5, 2.5]


def test_figures_have_a_row_for_each_plane_and_method():
    figure = pair_figure([view("axial"), view("coronal")], key="planes")
    for word in ("fixed", "moving", "warped", "before", "after", "grid", "log |J|", "axial", "coronal"):
        assert f">{word}<" in figure.svg
    assert figure.svg.count("<image") == 12
    assert methods_figure({"a\nDice 0.5": view(), "b": view()}, key="p").svg.count("<image") == 8
    assert figure.png.startswith(b"\x89PNG")


def test_pairs_without_labels_are_named_by_their_folds(tmp_path):
    folder = tmp_path / "runs" / "field-fold0-seed0"
    write_views(folder / "planes.npz", [view("a to b")])
    row = {"name": "a to b", "folds": 0.25, "SDlogJ": 0.1}
    run = Run("field", 0, 0, folder, "finished", images=[row], metrics={"folds": 0.25})
    comparison = Comparison(tmp_path, {"task": "registration", "losses": ["mse"], "methods": {"field": {}}}, [run])
    found = registration(comparison)
    assert found["boxes"] == ""
    (pair,) = found["pairs"]
    assert pair["title"] == "a to b"
    assert "folds 0.250 %" in pair["svg"]


def test_boxes_leave_out_what_is_undefined():
    values = {
        "one": {"left": [0.5, 0.6, float("nan")], "right": [float("nan")]},
        "two": {"left": [0.7], "right": [0.4]},
    }
    svg = dice_boxes(values, key="dice").svg
    assert "nan" not in svg.lower()
    assert "var(--s0)" in svg
    assert "var(--s1)" in svg
    many = {"one": {f"structure {number}": [0.5, 0.9] for number in range(13)}}
    assert "structure 12" in dice_boxes(many, key="dice").svg


ROWS = [
    {"name": "identity", "Dice": 0.41, "folds": 0.0, "SDlogJ": 0.0, "seconds": 0.01, "MB": 0.0},
    {"name": "WiNet", "Dice": 0.787, "folds": 0.034, "SDlogJ": 0.31, "seconds": 62.04, "MB": 210.0},
]


def test_the_sentence_says_what_happened():
    assert sentence_of(ROWS, "WiNet") == (
        "Dice goes from 0.410 to 0.787, 0.034 % of the voxels fold; WiNet took 62.0 s and 210 MB."
    )
    assert sentence_of([{**ROWS[1], "folds": 0.0, "MB": float("nan")}], "WiNet") == (
        "Dice is 0.787, no voxel folds; WiNet took 62.0 s."
    )
    assert sentence_of(ROWS[:1], "identity").startswith("Dice is 0.410, no voxel folds")
    bare = [{name: value for name, value in ROWS[1].items() if name != "Dice"} | {"folds": 1.5}]
    assert sentence_of(bare, "WiNet").startswith("1.50 % of the voxels fold; ")


def test_the_table_has_arrows_and_dashes():
    header, rows = metric_table([*ROWS, {"name": "affine", "folds": 0.0}])
    assert header == ["registration", "Dice ↑", "folds ↓", "SDlogJ ↓", "seconds ↓", "MB ↓"]
    assert rows[1] == ["WiNet", "0.787", "0.034", "0.310", "62.04", "210"]
    assert rows[2] == ["affine", "–", "0.000", "–", "–", "–"]
    assert field_line("HD95").endswith("mean of the structures (mm)")
    assert field_line("unknown") == ""


@pytest.mark.parametrize("labelled", [True, False])
def test_the_page_of_a_pair_stands_alone(tmp_path, labelled):
    dice = {"identity": {"1": 0.4, "2": 0.42}, "WiNet": {"1": 0.8, "2": float("nan")}} if labelled else {}
    losses = [(1, 0.5), (2, 0.25)] if labelled else []
    page = RegisterPage("<moving> onto fixed", "WiNet", ROWS, dice, [view()], losses, "subband register a b")
    text = write_register_page(tmp_path, page).read_text(encoding="utf-8")
    assert "&lt;moving&gt; onto fixed" in text
    assert ('id="structures"' in text) == labelled
    assert ('id="loss"' in text) == labelled
    assert "Dice goes from 0.410 to 0.787" in text
    assert not re.search(r"<(link|script)|https?://(?!www.w3.org)", text)
    assert (tmp_path / "registration.png").stat().st_size > 1000


@pytest.mark.message
def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="there is no plane to draw; give at least one"):
        pair_figure([], key="p")
