"""``subband demo detection``: a page, a table, and going on."""

import pytest

from subband.cli import demo_detection, main


@pytest.mark.slow
def test_demo_writes_a_page_and_goes_on(tmp_path, monkeypatch, capsys):
    for name, value in {"TRAIN": 4, "VALIDATION": 1, "TEST": 2}.items():
        monkeypatch.setattr(demo_detection, name, value)
    folder = tmp_path / "demo"
    assert demo_detection.detection(folder, steps=2) == 0
    printed = capsys.readouterr().out
    for word in (
        "vanilla",
        "haar",
        "AP50",
        "7 of 9 places became low-pass filters",
        "nothing is frozen",
        "report.html",
    ):
        assert word in printed.replace("\n", " ")
    assert "step 2 of 2" in printed
    assert "<svg" in (folder / "report.html").read_text()
    demo_detection.detection(folder, steps=2)
    assert "step 2 of 2" not in capsys.readouterr().out
    (folder / "kept.txt").write_text("")
    demo_detection.detection(folder, steps=2, overwrite=True)
    assert not (folder / "kept.txt").exists()


def test_overwrite_leaves_a_strangers_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("")
    monkeypatch.setattr("subband.tasks.detector_comparison.compare_detectors", lambda *words, **options: [])
    assert demo_detection.detection(tmp_path, overwrite=True) == 0
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.message
def test_options_of_another_demo_are_refused(capsys):
    assert main(["demo", "detection", "--wavelet", "haar"]) == 2
    assert "--image and --wavelet are for `subband demo wavelets`" in capsys.readouterr().err
