"""Projections of volumes, what of a tree is right, and the page of one trace."""

import types

import numpy as np
import pytest

from subband.report.neuron_figures import ADDED, MISSED, RIGHT, coloured, methods_figure, near, view_figure
from subband.report.neuron_views import NeuronView, project, read_views, shrunk, write_views
from subband.report.neurons import failures, neurons, tree_line
from subband.report.page import render
from subband.report.trace_page import TracePage, sentence_of, truth_rows, work_rows, write_trace_page
from subband.transforms.tree import Tree

FOUND = {
    "shape": [4, 8, 12],
    "spacing": [1.0, 1.0, 1.0],
    "unit": "voxel",
    "run": None,
    "threshold": 12.5,
    "foreground": 1234,
    "blocks": 4,
    "blocks_done_now": 1,
    "seconds": {"segmentation": 1.0, "tracing": 0.5},
    "MB": 12.0,
    "length": 9.0,
    "trees": 2,
    "nodes": 10,
    "branches": 1,
    "tips": 2,
}
TRUTH = {"recall": 0.5, "precision": 1.0, "F1": 2 / 3, "ESA": 1.25, "DSA": 2.0, "PDS": 0.5}


def fibre(z, start=1.0, stop=10.0):
    x = np.arange(start, stop + 1)
    places = np.stack([np.full_like(x, z), np.full_like(x, 4.0), x], 1)
    return Tree(places, np.ones(len(x)), np.arange(-1, len(x) - 1), np.full(len(x), 3))


def view(shape=(4, 8, 12), tree=None, truth=None, title="neuron-0000"):
    volume = np.zeros(shape, np.uint8)
    volume[2, 4] = 200
    return NeuronView(title, shape, project([volume]), tree, truth)


def lengths(lines):
    """Length of the edges of each colour."""
    return {colour: float(np.linalg.norm(edges[:, 0] - edges[:, 1], axis=1).sum()) for edges, colour in lines}


def test_projections_of_slabs_are_those_of_the_volume():
    volume = np.random.default_rng(0).integers(0, 255, (7, 5, 6), np.uint8)
    whole, slabs = project([volume]), project([volume[:3], volume[3:4], volume[4:]])
    for one, other in zip(whole, slabs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [plane.shape for plane in whole] == [(5, 6), (7, 6), (7, 5)]


def test_a_small_bright_spot_stays_in_a_shrunk_projection():
    plane = np.zeros((3, 1000), np.uint8)
    plane[1, 777] = 9
    assert shrunk(plane, 100).shape == (3, 100)
    assert shrunk(plane, 100)[1, 77] == 9


def test_views_are_stored_and_read(tmp_path):
    given = [view(tree=fibre(2), truth=fibre(2), title="a"), view((9, 8, 6), title="b")]
    write_views(tmp_path / "views.npz", given)
    found = read_views(tmp_path / "views.npz")
    assert [each.title for each in found] == ["a", "b"]
    assert [each.shape for each in found] == [(4, 8, 12), (9, 8, 6)]
    np.testing.assert_array_equal(found[0].tree.positions, given[0].tree.positions)
    assert (found[1].tree, found[1].truth) == (None, None)
    assert read_views(tmp_path / "nothing.npz") == []


def test_colours_say_what_is_in_both_trees():
    same = lengths(coloured(view(tree=fibre(2), truth=fibre(2)), 2.0))
    assert same == {MISSED: 0, ADDED: 0, RIGHT: pytest.approx(9)}
    far = lengths(coloured(view((20, 8, 12), fibre(2), fibre(15)), 2.0))
    assert far == {MISSED: pytest.approx(9), ADDED: pytest.approx(9), RIGHT: 0}
    half = lengths(coloured(view(tree=fibre(2, 1, 5), truth=fibre(2)), 1.0))
    assert half[RIGHT] == pytest.approx(4)
    assert half[MISSED] == pytest.approx(4), "the true fibre beyond x = 6, a voxel after the last traced node"
    assert lengths(coloured(view(tree=fibre(2)), 2.0)) == {RIGHT: pytest.approx(9)}
    assert lengths(coloured(view(truth=fibre(2)), 2.0)) == {MISSED: pytest.approx(9)}
    assert coloured(view(), 2.0) == []


def test_near_is_within_the_distance_and_no_farther():
    assert near(fibre(2), fibre(3), 1.2).all()
    assert not near(fibre(2), fibre(4), 1.2).any()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(4, 8, 12), (30, 8, 6), (40, 40, 4)], ids=["flat", "deep", "deep and narrow"])
def test_the_page_of_a_trace_shows_any_shape(shape, tmp_path):
    shown = view(shape, fibre(2, 0, 3), fibre(2, 0, 3))
    found = {**FOUND, "shape": list(shape), "truth": TRUTH}
    page = write_trace_page(tmp_path, TracePage("A & B", shown, found, "subband trace a.tif")).read_text("utf-8")
    assert "A &amp; B" in page
    assert "Against the truth" in page
    assert " x ".join(map(str, shape)) in page
    assert (tmp_path / "projections.png").read_bytes().startswith(b"\x89PNG")
    drawing = view_figure(shown, key="k")
    assert drawing.svg.count("<image") >= 3


def test_sentences_and_rows():
    assert sentence_of(FOUND) == "9 voxels of length in 2 separate trees, 1 branch, 2 tips; 1.5 s."
    against = sentence_of({**FOUND, "trees": 1, "branches": 2, "tips": 1, "truth": TRUTH})
    assert against.startswith("9 voxels of length, 2 branches, 1 tip; 50.0 % of the true length is met and 100")
    assert dict(work_rows(FOUND))["segmented by"] == "threshold 12.5"
    assert dict(work_rows({**FOUND, "run": "runs/a"}))["segmented by"] == "network runs/a"
    assert dict(work_rows({**FOUND, "blurred": True}))["segmented by"] == "threshold 12.5 after a blur"
    assert [row[0] for row in work_rows(FOUND)] == [
        "segmented by",
        "voxels found",
        "blocks",
        "segmentation",
        "tracing",
        "memory",
    ]
    assert dict(work_rows(FOUND))["voxels found"] == "1 234"
    assert dict(truth_rows({"truth": TRUTH}))["ESA"] == "1.250"
    assert tree_line("no metric") == ""


class Finished:
    """A comparison of one method, whose trace of the second volume failed."""

    def __init__(self, folder):
        extra = {"failures": {"neuron-0001": "no voxel was found"}}
        images = [{"name": "neuron-0000", "recall": 0.5, "failed": 0.0}, {"name": "neuron-0001", "failed": 1.0}]
        self.runs = [types.SimpleNamespace(method="ce", folder=folder, images=images, extra=extra)]

    def compared(self):
        return ["ce"]

    def of(self, method):
        return self.runs

    def label(self, method):
        return "U-Net"


def test_failed_traces_are_named_on_the_page(tmp_path):
    failed = view(truth=fibre(2), title="neuron-0001")
    write_views(tmp_path / "projections.npz", [view(tree=fibre(2), truth=fibre(2)), failed])
    found = neurons(Finished(tmp_path))
    assert [volume["title"] for volume in found["volumes"]] == ["neuron-0000", "neuron-0001"]
    assert "no trace" in found["volumes"][1]["svg"]
    assert failures(Finished(tmp_path)) == [
        {"volume": "neuron-0001", "method": "U-Net", "run": tmp_path.name, "why": "no voxel was found"}
    ]
    page = render("neurons.html", {"neurons": found, "noun": "network"})
    assert "no voxel was found" in page
    assert "A failed trace finds no length" in page
    none = render("neurons.html", {"neurons": {**found, "failures": []}, "noun": "network"})
    assert "A failed trace" not in none


@pytest.mark.message
def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="there is no slab"):
        project([])
    with pytest.raises(ValueError, match="give at least one method"):
        methods_figure({}, key="k")
