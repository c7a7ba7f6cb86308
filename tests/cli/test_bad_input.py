"""Bad input ends in one sentence that names the file; nothing is overwritten."""

import errno

import numpy as np
import pytest

from subband._files import write_bytes
from subband.cli import main
from subband.data.images import write_png

pytestmark = pytest.mark.message
SMALL = ["--budget", "1 steps", "--model.width", "4", "--model.depth", "2", "--data.crop", "32,32", "--threads", "1"]


@pytest.fixture
def folder(tmp_path):
    """Six images of 40 x 36 pixels with masks."""
    for index in range(6):
        mask = np.zeros((40, 36), np.uint8)
        mask[5 + index : 20 + index, 8:25] = 255
        write_png(tmp_path / "images" / f"{index}.png", mask // 2 + 30)
        write_png(tmp_path / "masks" / f"{index}.png", mask)
    return tmp_path


def compare(folder, capsys, *more):
    out = folder / "out"
    data = ["--data.images", str(folder / "images"), "--data.masks", str(folder / "masks")]
    status = main(["compare", "segmentation/folder", *data, *SMALL, "--losses", "ce", "--out", str(out), *more])
    return status, " ".join(capsys.readouterr().err.split()), out


def refused(folder, capsys, *words):
    status, error, out = compare(folder, capsys)
    assert status == 2
    for word in words:
        assert word in error
    assert "Traceback" not in error
    assert not out.exists(), "nothing is written"


def test_good_input_is_not_refused(folder, capsys):
    assert compare(folder, capsys)[0] == 0


def test_empty_folder(folder, capsys):
    for path in (folder / "images").iterdir():
        path.unlink()
    refused(folder, capsys, "images", "no image")


def test_missing_folder(folder, capsys):
    (folder / "images").rename(folder / "pictures")
    refused(folder, capsys, "images")


def test_missing_mask(folder, capsys):
    (folder / "masks" / "3.png").unlink()
    refused(folder, capsys, "3.png", "mask")


def test_size_mismatch(folder, capsys):
    write_png(folder / "masks" / "2.png", np.zeros((40, 35), np.uint8))
    refused(folder, capsys, "2", "40 x 36", "40 x 35")


def test_masks_of_one_class(folder, capsys):
    for index in range(6):
        write_png(folder / "masks" / f"{index}.png", np.zeros((40, 36), np.uint8))
    refused(folder, capsys, "class 0 only")


def test_one_mask_of_one_class_is_said_and_trained(folder, capsys):
    write_png(folder / "masks" / "4.png", np.zeros((40, 36), np.uint8))
    data = ["--data.images", str(folder / "images"), "--data.masks", str(folder / "masks")]
    assert main(["compare", "segmentation/folder", *data, *SMALL, "--losses", "bce", "--out", str(folder / "out")]) == 0
    assert "4: the mask holds class 0 only" in capsys.readouterr().out


def test_corrupt_png(folder, capsys):
    path = folder / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:60])
    refused(folder, capsys, "1.png")


def test_rgb_mask(folder, capsys):
    write_png(folder / "masks" / "5.png", np.random.default_rng(0).integers(0, 255, (40, 36, 3)).astype(np.uint8))
    refused(folder, capsys, "5.png", "colour")


def test_misspelt_loss(folder, capsys):
    status, error, out = compare(folder, capsys, "--losses", "cwmy")
    assert status == 2
    assert "there is no loss called 'cwmy'; did you mean 'cwmi'?" in error
    assert not out.exists()


def test_unknown_recipe_key(folder, capsys):
    (folder / "mine.yaml").write_text("data: {reader: folder}\nbudgett: 3 steps\n")
    assert main(["compare", str(folder / "mine.yaml")]) == 2
    assert "unknown key 'budgett'; did you mean 'budget'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "there is no space left on the device"), (errno.EACCES, "no permission; choose another folder")],
)
def test_disk_that_takes_no_more(folder, capsys, monkeypatch, number, sentence):
    """The second checkpoint does not fit: what was there stays, and the same command goes on afterwards."""
    from subband.tasks import _run

    count = []

    def full(path, content):
        count.append(path)
        if len(count) > 1:
            raise OSError(number, f"cannot write {path}: {sentence}")
        write_bytes(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(_run, "write_bytes", full)
        patch.setattr(_run.Plan, "score", "VI", raising=False)
        status, error, out = compare(folder, capsys, "--seeds", "0,1")
    assert status == 1
    assert sentence in error
    assert "best.pt" in error
    assert "Errno" not in error
    assert (out / "runs" / "ce-fold0-seed0" / "result.json").exists(), "what was finished is kept"
    assert compare(folder, capsys, "--seeds", "0,1")[0] == 0


def test_out_that_cannot_be_made(folder, capsys):
    (folder / "out").write_text("a file, not a folder")
    status, error, out = compare(folder, capsys)
    assert status == 1
    assert "out" in error
    assert out.read_text() == "a file, not a folder"
