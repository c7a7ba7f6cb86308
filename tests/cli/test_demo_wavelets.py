"""``subband demo wavelets`` and ``subband show wavelet``."""

import re

import numpy as np
import pytest
from PIL import Image

from subband.cli import main
from subband.data.images import write_png
from subband.report.wavelets import PAGE, PICTURES


@pytest.fixture
def picture(tmp_path):
    """An image file of odd size, in colour."""
    path = tmp_path / "mine" / "photo.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, (41, 50, 3), dtype=np.uint8))
    return path


@pytest.fixture
def quick(monkeypatch):
    """Writes an empty page where the demo would draw."""
    from subband.report import wavelets

    seen = []

    def write(folder, image, *, wavelet, name):
        seen.append((image.shape, wavelet, name))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PAGE).write_text("")
        return wavelets.findings(wavelets.readied(image), wavelet), folder / PAGE

    monkeypatch.setattr(wavelets, "write_wavelets", write)
    return seen


@pytest.mark.slow
def test_demo_draws_and_prints(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["demo", "wavelets", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == sorted([PAGE, *PICTURES])
    for word in ("max-pool", "stride 2", "average", "db2 low", "max-pool, unpool", "db2 all, IDWT", "dB"):
        assert word in printed
    assert PAGE in printed
    with Image.open(out / "dwt.png") as drawn:
        assert drawn.width > drawn.height


def test_demo_takes_an_image_and_a_wavelet(tmp_path, picture, quick, capsys):
    arguments = ["demo", "wavelets", "--image", str(picture), "--wavelet", "ch3.3", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert quick == [((3, 41, 50), "ch3.3", "photo.png")]
    assert "ch3.3 low" in capsys.readouterr().out


def test_demo_writes_where_it_says(tmp_path, monkeypatch, quick, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "wavelets"]) == 0
    assert (tmp_path / "runs" / "demo-wavelets" / PAGE).exists()
    assert "runs/demo-wavelets/wavelets.html" in capsys.readouterr().out


def test_demo_leaves_pictures_of_others_alone(tmp_path, quick, capsys):
    mine = tmp_path / "noise.png"
    mine.write_bytes(b"mine")
    assert main(["demo", "wavelets", "--out", str(tmp_path)]) == 1
    assert "holds a noise.png already" in " ".join(capsys.readouterr().err.split())
    assert not quick
    assert main(["demo", "wavelets", "--out", str(tmp_path), "--overwrite"]) == 0
    assert main(["demo", "wavelets", "--out", str(tmp_path)]) == 0, "a folder of the demo's own is drawn again"


@pytest.mark.message
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["wavelets", "--image", "nowhere.png"], "nowhere.png"),
        (["wavelets", "--wavelet", "db44"], "did you mean 'db4'"),
        (["wavelts"], "did you mean 'wavelets'"),
        (["--wavelet", "db4"], "are for `subband demo wavelets`"),
        (["segmentation", "--image", "x.png"], "are for `subband demo wavelets`"),
    ],
)
def test_wrong_calls_end_in_one_sentence(words, expected, tmp_path, capsys):
    assert main(["demo", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_names_the_demo(capsys):
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    assert "wavelets" in capsys.readouterr().out


@pytest.mark.slow
def test_show_draws_and_prints(tmp_path, capsys):
    assert main(["show", "wavelet", "ch2.2", "--out", str(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "6 taps, 2 vanishing moments, symmetric, biorthogonal" in printed
    assert "PyWavelets calls these filters rbio2.2" in printed
    assert "n dec_lo dec_hi rec_lo rec_hi" in printed
    assert "2 0.353553 -1.060660 1.060660 0.353553" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ch2.2.html", "ch2.2.png"]


@pytest.mark.message
def test_show_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["show", "wavelet", "db44"]) == 2
    assert "did you mean 'db4'" in capsys.readouterr().err
    assert main(["show", "wavelett", "db4"]) == 2
    assert "did you mean 'wavelet'" in capsys.readouterr().err
    assert main(["show", "loss", "ce", "--out", "x"]) == 2
    assert "a loss is only printed" in capsys.readouterr().err
    (tmp_path / "db4.png").write_bytes(b"mine")
    assert main(["show", "wavelet", "db4", "--out", str(tmp_path)]) == 1
    assert "holds a db4.png already" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["db4.png"]
    assert (tmp_path / "db4.png").read_bytes() == b"mine"


def test_families_are_those_of_the_transforms():
    from subband.cli._wavelets import FAMILIES
    from subband.transforms import wavelet_names

    known, listed = wavelet_names(), set()
    for names, _ in FAMILIES:
        first, _, last = names.partition(" ... ")
        family = re.match(r"[a-z]+", first)[0]
        members = [name for name in known if re.fullmatch(rf"{family}[\d.]*", name)]
        assert (members[0], members[-1]) == (first, last or first)
        listed |= set(members)
    assert listed == set(known)
