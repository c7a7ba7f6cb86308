import json
from pathlib import Path

import pytest

from subband.cli import main
from subband.data.volume_file import read_volume, write_volume

LINE = "1 1 2 2 2 1 -1\n2 3 9 2 2 1 1\n"


@pytest.fixture
def line(tmp_path):
    path = tmp_path / "line.swc"
    path.write_text(LINE)
    return path


def run(*words):
    return main(["swc", *map(str, words)])


def said(capsys):
    found = capsys.readouterr()
    return " ".join((found.out + found.err).split())


def test_rasterize_writes_the_smallest_volume_that_holds_the_tree(line, tmp_path, capsys):
    assert run("rasterize", line) == 0
    volume = read_volume(tmp_path / "line.labels.tif").array
    assert volume.shape == (4, 4, 11)
    assert set(volume.ravel()) == {0, 255}
    assert (volume[2, 2, 1:] == 255).all()
    assert "2 nodes, 2 of them inside 4 x 4 x 11 voxels" in said(capsys)


def test_rasterize_like_a_volume_takes_its_size_and_spacing(line, tmp_path, capsys):
    import numpy as np

    write_volume(tmp_path / "grey.nrrd", np.zeros((5, 6, 12), np.uint8), spacing=(2.0, 1.0, 1.0))
    assert run("rasterize", line, "--like", tmp_path / "grey.nrrd", "--out", tmp_path / "labels.nrrd") == 0
    labels = read_volume(tmp_path / "labels.nrrd")
    assert (labels.array.shape, labels.spacing) == ((5, 6, 12), (2.0, 1.0, 1.0))
    assert labels.array.any()


def test_rasterize_in_microns(line, tmp_path):
    assert (
        run("rasterize", line, "--spacing", "2,2,2", "--shape", "3,3,6", "--radius", "1", "--out", tmp_path / "a.tif")
        == 0
    )
    assert (read_volume(tmp_path / "a.tif").array[1, 1] == 255).all()


def test_rasterize_says_when_nothing_is_inside(tmp_path, capsys):
    far = tmp_path / "far.swc"
    far.write_text("1 1 900 900 900 1 -1\n")
    assert run("rasterize", far, "--shape", "4,4,4") == 2
    assert "marks no voxel; check its unit (--spacing)" in said(capsys)


def test_validate_finds_errors_and_keeps_them_all(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # a path as long as a line would be broken anywhere
    bad = Path("bad.swc")
    bad.write_text("".join(f"{i} 1 0 0 0 -1 {i - 1 if i > 1 else -1}\n" for i in range(1, 31)))
    assert run("validate", line, bad, "none.swc", "--out", "found.json") == 1
    text = said(capsys)
    assert "line 20: radius is -1" in text
    assert "line 21: radius is -1" not in text
    assert "and 10 more; --out FILE.json keeps all" in text
    assert "none.swc: there is no file" in text
    found = json.loads((tmp_path / "found.json").read_text())
    assert [len(each) for each in found.values()] == [0, 30, 1]
    assert found[str(bad)][4] == {"line": 5, "error": True, "text": "radius is -1, but must be 0 or greater"}


def test_validate_passes_warnings(tmp_path, capsys):
    two = tmp_path / "two.swc"
    two.write_text("1 1 2 2 2 1 -1\n2 3 9 2 2 1 -1\n")
    assert run("validate", two) == 0
    assert "warning: there are 2 roots (ids 1, 2), so 2 trees" in said(capsys)


def test_compare_prints_and_keeps_the_distances(line, tmp_path, capsys):
    other = tmp_path / "other.swc"
    other.write_text("1 1 2 5 2 1 -1\n2 3 9 5 2 1 1\n3 3 9 9 9 1 -1")
    assert run("compare", other, line, "--out", tmp_path / "d.json") == 0
    text = said(capsys)
    assert "warning" in text
    assert "2 roots" in text
    assert "ESA 3.000" in text
    assert "length recall 0.0%" in text
    found = json.loads((tmp_path / "d.json").read_text())
    assert (found["esa"], found["pds"], found["length precision"], found["failed"]) == (3, 1, 0, False)
    assert run("compare", other, line, "--distance", 4) == 0
    assert "length recall 100.0%" in said(capsys)


def test_compare_calls_an_empty_trace_failed(line, tmp_path, capsys):
    dot = tmp_path / "dot.swc"
    dot.write_text("1 1 2 5 2 1 -1\n")
    assert run("compare", dot, line) == 1
    text = said(capsys)
    assert "failed:" in text
    assert "ESA inf" in text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("rasterise", "{line}"), "did you mean 'rasterize'?"),
        (("validate", "{line}", "--distance", "3"), "--distance does not go with validate; leave it out"),
        (("compare", "{line}"), "compare takes the traced and the true file, but 1 are given"),
        (("rasterize", "{line}", "{line}"), "rasterize takes one file, but 2 are given"),
        (("rasterize", "{line}", "--shape", "4,4"), "--shape is '4,4', but must be three numbers"),
        (("rasterize", "{line}", "--shape", "4,4,x"), "--shape is '4,4,x', but must be three numbers"),
        (("rasterize", "{line}", "--shape", "4,4,4", "--like", "{line}"), "both give a size; leave one of them out"),
    ],
)
def test_a_wrong_call_is_explained(line, capsys, words, text):
    assert run(*(word.format(line=line) for word in words)) == 2
    assert text in said(capsys)


def test_nothing_is_written_over(line, tmp_path, capsys):
    (tmp_path / "line.labels.tif").write_text("mine")
    assert run("rasterize", line) == 1
    assert "is there already; add --overwrite" in said(capsys)
    assert run("rasterize", line, "--overwrite") == 0
