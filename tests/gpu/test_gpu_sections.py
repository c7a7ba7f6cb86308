"""``benchmarks/gpu.py``: its sections, how it goes on, and that all of it runs where little is installed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PACKAGES = ("jaxtyping", "pywt", "jsonargparse", "rich", "pandas", "matplotlib", "gudhi", "edt", "cc3d", "hypothesis")
HIDING = """
import sys

class Hide:  # from our own files; other packages may import what they are installed with
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            frame = sys._getframe(1)
            while frame.f_back and "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            if frame.f_code.co_filename.startswith({ours!r}) and "site-packages" not in frame.f_code.co_filename:
                return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hide(finder) for finder in sys.meta_path]
sys.path.insert(0, {ours!r} + "/benchmarks")
import gpu
gpu.main()
"""


def _started(tmp_path, *words, program=(str(FOLDER / "gpu.py"),), **environment):
    """Run the script in a process of its own."""
    command = [sys.executable, *program, "--out", str(tmp_path / "gpu.json"), "--runs", str(tmp_path / "runs"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.fixture
def sections(script, monkeypatch, tmp_path):
    """The script with sections of its own, each in a forked process; a function runs it with words."""
    gpu = script("gpu")
    if script("_gpu.process").METHOD != "fork":
        pytest.skip("other processes would not know these sections")
    count = tmp_path / "count"

    def good(given):
        count.write_text(count.read_text() + "x" if count.exists() else "x")
        return {"good, time": {"a": {"median_ms": 1.0}}}

    def bad(given):
        raise ValueError("it is\nbroken")

    def cut(given):
        raise gpu.Unfinished("goes on", {"cut, time": {"a": {"runs": 1}}})

    found = {
        "good": good,
        "bad": bad,
        "cut": cut,
        "dies": lambda given: os._exit(3),
        "wrong": lambda given: {"wrong, correctness": {"b": {"right": False}}},
    }
    monkeypatch.setattr(gpu, "sections", lambda runs: found)
    monkeypatch.setattr(gpu, "LIMIT_S", 100.0)

    def run(*words):
        out = tmp_path / "gpu.json"
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--out", str(out), *words])
        try:
            gpu.main()
            said = ""
        except SystemExit as end:
            said = str(end)
        return json.loads(out.read_text(encoding="utf-8")), said, count.read_text()

    return run


def test_a_failing_section_leaves_one_line_and_the_others_run(sections):
    record, said, _ = sections("bad", "dies", "wrong", "good")
    states = record["sections"]
    assert states["bad"]["error"] == "ValueError: it is broken"
    assert states["dies"]["error"] == "RuntimeError: its process ended with code 3"
    assert states["good"]["finished"]
    assert record["gpu"]["good, time"]["a"]["median_ms"] == 1.0
    assert said.splitlines()[1:] == [
        "wrong, correctness: b",
        "bad: ValueError: it is broken",
        "dies: RuntimeError: its process ended with code 3",
    ]


def test_a_section_that_hangs_is_ended(script):
    with pytest.raises(TimeoutError, match="not finished after 1 s"):
        script("_gpu.process").alone(time.sleep, 600, limit_s=1.0)


def test_a_second_call_does_what_is_missing(sections, capsys):
    sections("good", "cut")
    record, _, count = sections("good", "cut")
    assert "good: finished before" in capsys.readouterr().out
    assert count == "x"
    assert record["sections"]["cut"]["note"] == "goes on"
    assert set(record["gpu"]) == {"good, time", "cut, time"}
    assert sections("--again", "good")[2] == "xx"
    assert set(sections("--again", "good")[0]["gpu"]) == {"good, time", "cut, time"}


def test_results_of_another_device_are_not_gone_on_with(sections, tmp_path):
    record, _, _ = sections("good")
    record["of"]["torch"] = "2.9.0"
    (tmp_path / "gpu.json").write_text(json.dumps(record), encoding="utf-8")
    assert set(sections("wrong", "good")[0]["sections"]) == {"wrong", "good"}
    assert sections("good")[2] == "xx"


def test_sections_are_named(script, monkeypatch, capsys):
    gpu = script("gpu")
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--list"])
    gpu.main()
    listed = capsys.readouterr().out.split()
    assert {"environment", "correctness", "dwt", "cwmi", "overhead", "heads", "waveresnet", "protocol"} <= set(listed)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "hedas"])
    with pytest.raises(SystemExit):
        gpu.main()
    assert "there is no section called hedas" in capsys.readouterr().err


@pytest.mark.slow
def test_the_marked_tests_run_by_themselves(script, monkeypatch, tmp_path):
    correctness, clock = script("_gpu.correctness"), script("_gpu.clock")
    marks = "@pytest.mark." + "gpu\n@pytest.mark.parametrize('x', [0, 1])\n"  # apart: this file has no such test
    body = f"import pytest, pywt, shape_checker\n{marks}def test(x): assert x and pywt.Wavelet\n"
    body += f"{marks}def test_of_pywavelets(x): assert pywt.dwt2\n"
    (tmp_path / "tests" / "support").mkdir(parents=True)
    (tmp_path / "tests" / "support" / "shape_checker.py").touch()
    (tmp_path / "tests" / "test_marked.py").write_text(body, encoding="utf-8")
    (tmp_path / "tests" / "test_other.py").write_text("raise ImportError\n", encoding="utf-8")
    for part in ("benchmarks", "src"):
        (tmp_path / part).symlink_to(FOLDER.parent / part)
    monkeypatch.setattr(correctness, "ROOT", tmp_path)
    monkeypatch.setattr(
        correctness, "UNDER_PYTEST", "import sys; sys.modules['pywt'] = None\n" + correctness.UNDER_PYTEST
    )
    rows = correctness.tests(clock.Given("cuda", True, None))["tests, correctness"]
    assert [row["right"] for row in rows.values()] == [False, True]
    assert next(iter(rows)).endswith("test[0]")


@pytest.mark.slow
def test_the_protocol_goes_on_where_it_stopped(script, given, monkeypatch, prepared, tmp_path):
    protocol = script("_gpu.protocol")
    monkeypatch.setenv("SUBBAND_DATA", str(prepared))
    monkeypatch.setattr(protocol, "LIMIT_S", 0.0)
    with pytest.raises(protocol.Unfinished, match="call again to go on") as stopped:
        protocol.protocol(given, tmp_path / "runs")
    (title, rows), *_ = stopped.value.tables.items()
    assert title.endswith("not all runs yet")
    assert [row["runs"] for row in rows.values()] == [0, 0]
    monkeypatch.setattr(protocol, "LIMIT_S", 100.0)
    ((title, rows),) = protocol.protocol(given, tmp_path / "runs").items()
    assert title == "DRIVE, U-Net, the authors' protocol, 2 steps"
    assert [row["runs"] for row in rows.values()] == [1, 1]
    assert all(0 <= row["mIoU"] <= 1 for row in rows.values())


def test_without_a_prepared_set_the_protocol_says_so(script, given, monkeypatch, tmp_path):
    protocol = script("_gpu.protocol")
    monkeypatch.setenv("SUBBAND_DATA", str(tmp_path))
    with pytest.raises(protocol.Unfinished, match="SUBBAND_DATA names no folder with one of snemi3d, glas"):
        protocol.protocol(given, tmp_path / "runs")


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_one_sentence_says_so(tmp_path):
    done = _started(tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("finds no CUDA device here; nothing was measured.")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_section_runs_on_a_cpu_with_little_installed(tmp_path, prepared):
    program = HIDING.format(packages=set(PACKAGES), ours=str(FOLDER.parent))
    words = ("--device", "cpu", "--small")
    done = _started(tmp_path, *words, program=("-c", program), SUBBAND_DATA=str(prepared), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert all(state["finished"] for state in record["sections"].values())
    tables = record["gpu"]
    for what, least in (("losses", 18), ("heads", 17), ("transforms", 8)):
        rows = tables[f"{what}, correctness"]
        assert len(rows) >= least
        assert all(row["right"] for row in rows.values())
    assert tables["CWMI, B=2, K=4, 64 x 64"]["ours"]["gradient_error"] < 1e-4
    assert tables["U-Net of width 4, B=2, 64 x 64, float32"]["cwmi"]["over_bce"] > 0
    images = tables["ResNet-18, B=2, 32 x 32, bfloat16, channels last"]
    assert set(images) == {"plain", "haar", "db4", "haar, authors' layers"}
    assert min(row["images_per_s"] for row in images.values()) > 0
    assert tables["compiled layers, time"]["low band, haar"]["one_graph"] == 1
