"""``subband trace``: a file without and with a network, shares and a second call, and what it says of a wrong call."""

import dataclasses
import shutil

import numpy as np
import pytest
from tiny_neurons import DATA, NETWORKS, recipe

from subband._files import read_json
from subband.cli import main
from subband.data.swc import read_swc, write_swc
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.data.volume_file import read_volume, write_volume
from subband.tasks.compare import compare

pytestmark = pytest.mark.slow
CLEAN = {"gaps": 0.0, "touching": 0.0, "speckle": 0.0, "background": 0.0, "shot": 0.0, "noise": 0.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    sample = SyntheticNeurons(count=1, shape=(16, 40, 48), **CLEAN)[0]
    grey = np.rint(255 * sample.image).astype(np.uint8)
    write_volume(folder / "neuron.v3draw", grey)
    write_volume(folder / "spaced.tif", grey, spacing=(2.0, 1.0, 1.0), unit="micrometer")
    write_swc(folder / "neuron.swc", sample.tree)
    turned = sample.tree.positions.copy()
    turned[:, 1] = 40 - turned[:, 1] - 1
    write_swc(folder / "turned.swc", type(sample.tree)(turned, *list(vars(sample.tree).values())[1:]))
    return folder


def call(folder, out, *options, file="neuron.v3draw"):
    return main(["trace", str(folder / file), "--out", str(out), "--block", "16,24,24", *options])


def test_a_clean_file_is_traced(files, tmp_path, capsys):
    assert call(files, tmp_path, "--truth", str(files / "neuron.swc")) == 0
    said = capsys.readouterr().out
    assert "segmentation by the threshold" in said
    assert "% of the true length is met" in said
    assert said.splitlines()[-1].startswith("report: ") or "report.html" in said
    found = read_json(tmp_path / "result.json")
    assert found["truth"]["recall"] > 0.9
    assert found["blocks"] == found["blocks_done_now"] == 4
    tree = read_swc(tmp_path / "tree.swc")
    assert tree.length == pytest.approx(found["length"], abs=0.5)
    mask = read_volume(tmp_path / "segmentation.zarr").array
    assert mask.sum() == found["foreground"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for word in ("only traced", "Against the truth", "recall", "memory", "tips", "subband"):
        assert word in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert call(files, tmp_path) == 1
    assert "holds a trace already; add --overwrite" in capsys.readouterr().err
    assert call(files, tmp_path, "--overwrite", "--threshold", "60", "--soma", "8,20,24") == 0
    again = read_json(tmp_path / "result.json")
    assert again["threshold"] == 60
    assert "truth" not in again


def test_a_truth_upside_down(files, tmp_path):
    assert call(files, tmp_path, "--truth", str(files / "turned.swc"), "--flip-truth") == 0
    assert read_json(tmp_path / "result.json")["truth"]["recall"] > 0.9


def test_length_in_the_units_of_the_file(files, tmp_path, capsys):
    assert call(files, tmp_path, file="spaced.tif") == 0
    found = read_json(tmp_path / "result.json")
    assert found["unit"] == "micrometer"
    assert found["physical_length"] > found["length"]
    assert "micrometer" in capsys.readouterr().out


def test_shares_and_a_stopped_call_go_on(files, tmp_path, capsys):
    assert call(files, tmp_path / "parts", "--shard", "1/2") == 0
    assert "2 of 4 blocks are there; run the other shares" in capsys.readouterr().out
    assert not (tmp_path / "parts" / "tree.swc").exists()
    assert call(files, tmp_path / "parts", "--shard", "2/2", "--scheduler", "threads") == 0
    assert call(files, tmp_path / "whole") == 0
    one, other = ((tmp_path / name / "tree.swc").read_bytes() for name in ("parts", "whole"))
    assert one == other
    assert read_json(tmp_path / "parts" / "result.json")["blocks_done_now"] == 2
    for name in ("result.json", "tree.swc"):
        (tmp_path / "whole" / name).unlink()
    assert call(files, tmp_path / "whole") == 0
    assert read_json(tmp_path / "whole" / "result.json")["blocks_done_now"] == 0
    (tmp_path / "whole" / "result.json").unlink()
    assert call(files, tmp_path / "whole", "--threshold", "3") == 2
    assert "segmentation.zarr" in capsys.readouterr().err


def test_processes_segment_as_one_does(files, tmp_path):
    assert call(files, tmp_path / "one") == 0
    assert call(files, tmp_path / "two", "--scheduler", "processes", "--workers", "2") == 0
    one, other = (read_volume(tmp_path / name / "segmentation.zarr").array[:] for name in ("one", "two"))
    np.testing.assert_array_equal(one, other)
    assert (tmp_path / "one" / "tree.swc").read_bytes() == (tmp_path / "two" / "tree.swc").read_bytes()


def test_a_part_too_far_away_is_left_out_or_has_a_root(tmp_path):
    grey = np.zeros((8, 16, 48), np.uint8)
    grey[4, 8, 2:18] = grey[4, 8, 34:46] = 200
    write_volume(tmp_path / "two.tif", grey)
    for apart, trees, length in (("leave", 1, 15), ("roots", 2, 26)):
        out = tmp_path / apart
        assert call(tmp_path, out, "--apart", apart, "--soma", "4,8,2", "--block", "8,16,16", file="two.tif") == 0
        found = read_json(out / "result.json")
        assert found["trees"] == trees
        assert found["length"] == pytest.approx(length, abs=1)
        rows = (out / "tree.swc").read_text(encoding="utf-8").splitlines()
        assert sum(row.endswith(" -1") for row in rows) == trees


def test_a_trained_run_segments(files, tmp_path, capsys):
    clean = dataclasses.replace(DATA, options={**DATA.options, **CLEAN})
    networks = {"WaveUNet": NETWORKS["WaveUNet"]}
    compare(recipe(data=clean, networks=networks, budget="60 steps"), tmp_path / "run")
    (run,) = (tmp_path / "run" / "runs").iterdir()
    truth = str(files / "neuron.swc")
    assert call(files, tmp_path / "out", "--run", str(run), "--halo", "0,8,8", "--truth", truth) == 0
    assert f"segmentation by the network {run.name}" in capsys.readouterr().out
    found = read_json(tmp_path / "out" / "result.json")
    assert (found["run"], found["threshold"]) == (str(run), None)
    assert read_volume(tmp_path / "out" / "segmentation.zarr").array.sum() == found["foreground"]
    assert found["truth"]["precision"] > 0.5  # a network of width 1 that learnt for a second


def test_a_run_without_a_network_is_its_threshold(files, tmp_path):
    compare(recipe(networks={"threshold": {"name": "threshold", "options": {"level": 0.25}}}), tmp_path / "run")
    assert call(files, tmp_path / "out", "--run", str(tmp_path / "run")) == 0
    assert read_json(tmp_path / "out" / "result.json")["threshold"] == pytest.approx(63.75)


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "3/2"], "shard is '3/2', but must be like '2/3'"),
        (["--soma", "1,2"], "but must be z,y,x within the volume of 16 x 40 x 48 voxels"),
        (["--soma", "1,2,300"], "but must be z,y,x within the volume"),
        (["--flip-truth"], "--flip-truth turns the file of --truth"),
        (["--run", "nowhere"], "nowhere holds no finished run"),
        (["--truth", "nowhere.swc"], "nowhere.swc"),
        (["--channel", "3"], "has no channel 3"),
        (["--threshold", "255"], "no voxel was found to be of a neuron"),
        (["--min-lenght", "3"], "there is no option --min-lenght; did you mean '--min-length'"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(files, tmp_path, capsys, options, words):
    assert call(files, tmp_path, *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.message
def test_files_that_cannot_be_traced(files, tmp_path, capsys):
    write_volume(tmp_path / "empty.tif", np.zeros((4, 8, 8), np.uint8))
    cases = {"nothing.tif": "nothing.tif", "empty.tif": "all voxels of the volume are 0, so there is nothing to trace"}
    for name, words in cases.items():
        assert main(["trace", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 2
        assert words in capsys.readouterr().err
    far = read_swc(files / "neuron.swc")
    write_swc(tmp_path / "far.swc", type(far)(far.positions + 1000, far.radii, far.parents, far.kinds))
    assert call(files, tmp_path / "out", "--truth", str(tmp_path / "far.swc")) == 2
    assert "has no edge inside the volume" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    write_volume(tmp_path / "bad.tif", np.full((4, 8, 8), np.nan, np.float32))
    assert main(["trace", str(tmp_path / "bad.tif"), "--out", str(tmp_path / "out")]) == 2
    assert "not finite" in capsys.readouterr().err
