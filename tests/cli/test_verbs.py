"""The verbs that need no training, and the demo with a small recipe."""

import io
import pickle

import numpy as np
import pytest
import tifffile

from subband.cli import _console, main
from subband.data.images import write_png
from subband.maps import unet_weight_map
from subband.tasks.cell import Cell
from subband.tasks.methods import Method
from subband.tasks.plan import Progress


@pytest.fixture
def masks(tmp_path):
    """Three masks with two objects each."""
    for index in range(3):
        mask = np.ones((30, 34), np.uint8) * 255
        mask[4:20, 3 : 10 + index], mask[4:20, 20:30] = 0, 0
        write_png(tmp_path / "masks" / f"{index}.png", mask)
    return tmp_path / "masks"


@pytest.mark.slow
def test_maps_of_a_folder(masks, capsys):
    assert main(["maps", "unet", str(masks), "--jobs", "2"]) == 0
    made = sorted((masks.parent / "unet_maps").iterdir())
    assert [path.name for path in made] == ["0.npy", "1.npy", "2.npy"]
    mask = np.ones((30, 34), np.uint8)
    mask[4:20, 3:10], mask[4:20, 20:30] = 0, 0
    assert np.array_equal(np.load(made[0]), unet_weight_map(mask))
    before = made[0].stat().st_mtime_ns
    assert main(["maps", "unet", str(masks)]) == 0
    assert made[0].stat().st_mtime_ns == before, "what is there is not computed again"
    assert "3 maps" in capsys.readouterr().out


@pytest.mark.message
def test_maps_name_the_broken_file(masks, capsys):
    (masks / "1.png").write_bytes(b"no picture")
    assert main(["maps", "abw", str(masks), "--jobs", "1", "--out", str(masks.parent / "out")]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "1.png" in out
    assert "2 maps" in out
    assert main(["maps", "unett", str(masks)]) == 2
    assert "did you mean 'unet'" in capsys.readouterr().err


def test_prepare(tmp_path, capsys):
    generator = np.random.default_rng(0)
    (tmp_path / "raw").mkdir()
    tifffile.imwrite(
        tmp_path / "raw" / "train-volume.tif",
        generator.integers(0, 255, (3, 32, 32), dtype=np.uint8),
        photometric="minisblack",
    )
    tifffile.imwrite(
        tmp_path / "raw" / "train-labels.tif",
        generator.integers(0, 2, (3, 32, 32), dtype=np.uint8) * 255,
        photometric="minisblack",
    )
    arguments = ["prepare", "isbi2012", str(tmp_path / "raw"), str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "3 images in" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / "images").iterdir())) == 3
    assert main(arguments) == 1
    assert "holds images or masks already" in " ".join(capsys.readouterr().err.split())
    assert main(["prepare", "isbi", str(tmp_path / "raw"), str(tmp_path / "out")]) == 2


def test_prepare_ixi(tmp_path, capsys):
    from subband.data.readers import Ixi

    generator = np.random.default_rng(0)
    for name in ("atlas", "Train/subject_0", "Test/subject_1"):
        path = tmp_path / "raw" / f"{name}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = np.full((3, 4, 5), 999 if name.startswith("Test") else 10, np.int16)
        path.write_bytes(pickle.dumps((generator.random((3, 4, 5)).astype(np.float32), labels)))
    arguments = ["prepare", "ixi", str(tmp_path / "raw"), str(tmp_path / "IXI")]
    assert main(arguments) == 2, "999 is no id of the protocol"
    assert main([*arguments, "--unknown", "background"]) == 0
    assert "volumes and their label maps written in" in capsys.readouterr().out
    ixi = Ixi(tmp_path / "IXI")
    assert ixi.names == ["atlas", "Train/subject_0", "Test/subject_1"]
    assert ixi.structures[int(ixi[0].labels[0, 0, 0])] == "Left-Thalamus-Proper"
    assert not ixi[2].labels.any()


def test_demo_runs_its_recipe(tmp_path, monkeypatch, capsys):
    from subband.cli import compare as module

    seen = []
    monkeypatch.setattr(module, "compare", lambda recipe, **options: seen.append((recipe, options)) or 0)
    assert main(["demo", "--out", str(tmp_path), "--jobs", "1"]) == 0
    recipe, options = seen[0]
    assert recipe.losses == ["ce", "dice", "cwmi", "spw"]
    assert len(recipe.seeds) == 2
    assert options["out"] == tmp_path
    assert options["jobs"] == 1


def test_bars_in_a_terminal(monkeypatch):
    from rich.console import Console

    screen = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(_console, "console", screen)
    with _console.runs_progress(1) as listen:
        listen(Cell(Method("ce", "ce"), 0, 0), Progress(1, 2, 0.7, {}))
        listen(Cell(Method("ce", "ce"), 0, 0), Progress(2, 2, 0.5, {"mIoU": 0.75}))
    shown = screen.file.getvalue()
    assert "ce-fold0-seed0" in shown
    assert "mIoU 0.750" in shown


def test_default_folder_has_name_and_time():
    assert _console.default_out("segmentation/demo").parts[0] == "runs"
    assert _console.default_out("a/b").name.startswith("a-b-")
