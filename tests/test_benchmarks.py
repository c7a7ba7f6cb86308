"""The machinery of the benchmarks: what it measures, what it refuses, what it writes."""

import importlib
import json
import sys
import time
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def machinery(monkeypatch):
    """Imports a script of the folder."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in ("common", "tables", "run"):
        sys.modules.pop(name, None)


def _work(seconds):
    """Spend processor time."""

    def case():
        begin = time.process_time()
        while time.process_time() - begin < seconds:
            pass

    return case


def test_compare_finds_the_ratio(machinery):
    report = machinery("common").compare(
        {"slow": _work(0.012), "fast": _work(0.003)}, reference="fast", anchor=torch.ones(1000), rounds=7
    )
    assert report["rounds"] == 7
    assert report["cases"]["slow"]["ratio"] == pytest.approx(4, rel=0.3)
    assert report["cases"]["slow"]["speedup"] == pytest.approx(0.25, rel=0.3)
    assert report["cases"]["fast"]["ratio"] == 1
    assert report["cases"]["slow"]["min_ms"] <= report["cases"]["slow"]["median_ms"]
    assert set(report["cases"]) == {"slow", "fast"}


def test_compare_stops_when_the_budget_is_spent(machinery):
    report = machinery("common").compare({"a": _work(0.003)}, reference="a", rounds=1000, budget_s=0.0)
    assert report["rounds"] == 3


def test_compare_wants_a_reference_it_knows(machinery):
    with pytest.raises(ValueError, match="reference is 'b', but must be one of a"):
        machinery("common").compare({"a": _work(0.001)}, reference="b")


def test_peak_memory_counts_what_lives_at_the_same_time(machinery):
    image = torch.ones(2**18)  # 1 MiB
    peak = machinery("common").peak_memory(lambda: (image + 1) * 2)
    assert peak == pytest.approx(2 * 2**20, rel=0.01)


def test_nothing_is_timed_after_a_wrong_value(machinery):
    common = machinery("common")
    assert common.require_close("value", torch.tensor(1.0), torch.tensor(1.0), 1e-6) == 0
    with pytest.raises(SystemExit, match="nothing was timed"):
        common.require_close("value", torch.tensor(1.1), torch.tensor(1.0), 1e-2)
    with pytest.raises(SystemExit, match="nothing was timed"):
        common.require_close("value", torch.tensor(float("nan")), torch.tensor(1.0), 1e-2)


@pytest.mark.parametrize(("value", "kept"), [(2.0, True), (1.9, False), (float("nan"), False)])
def test_gate(machinery, value, kept):
    assert machinery("common").gate("speed-up", value, at_least=2)["kept"] is kept


def test_a_goal_that_is_missed_says_where_the_time_goes(machinery):
    common, matrix = machinery("common"), torch.ones(200, 200)
    target = common.gate("time over the floor", 1.2, at_most=1.25, goal=1.1, case=lambda: matrix @ matrix)
    assert (target["kept"], target["reached"]) == (True, False)
    assert max(target["profile"], key=target["profile"].get) == "mm"
    assert 0.5 < sum(target["profile"].values()) <= 1.001
    reached = common.gate("time over the floor", 1.05, at_most=1.25, goal=1.1, case=lambda: 1 / 0)
    assert reached["reached"]
    assert "profile" not in reached


def test_work_without_tensors_is_profiled_by_functions(machinery):
    shares = machinery("common").where_time_goes(lambda: sorted(range(500_000), key=lambda number: -number))
    assert max(shares, key=shares.get) in ("<lambda>", "<built-in method builtins.sorted>")


def test_a_target_has_one_bound(machinery):
    common = machinery("common")
    for bounds in ({}, {"at_least": 1, "at_most": 2}):
        with pytest.raises(ValueError, match="has to have one bound"):
            common.gate("speed-up", 1.5, **bounds)


@pytest.mark.parametrize(("value", "text"), [(1.0, "BROKEN"), (2.5, "below its goal"), (4.0, "kept")])
def test_one_line_for_each_target(machinery, value, text):
    target = machinery("common").gate("speed-up", value, at_least=2, goal=3)
    assert machinery("run").line("dwt", target) == f"{text:14} dwt: speed-up: {value:g} (at least 2; goal 3)"


def test_targets_that_are_missed_are_listed(machinery, monkeypatch, capsys):
    run, common = machinery("run"), machinery("common")
    targets = [
        common.gate("speed-up", 2.5, at_least=2, goal=3, case=lambda: torch.ones(200, 200) @ torch.ones(200, 200)),
        common.gate("memory", 0.5, at_most=0.1),
    ]
    monkeypatch.setattr(run, "run", lambda name: targets)
    monkeypatch.setattr(sys, "argv", ["run.py", "dwt"])
    with pytest.raises(SystemExit, match="failed or below its bounds: dwt"):
        run.main()
    said = capsys.readouterr().out
    assert "not reached: speed-up: " in said
    assert "mm " in said
    assert "BROKEN         dwt: memory: 0.5 (at most 0.1)" in said
    assert "2 targets, 1 below their goal, 1 scripts failed or below a bound" in said


def test_write_names_command_and_machine(machinery, tmp_path, monkeypatch):
    common = machinery("common")
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    record = json.loads(common.write("try", {"title": "A try", "gates": []}).read_text(encoding="utf-8"))
    assert record["title"] == "A try"
    assert record["command"].startswith("python ")
    assert {"cpu", "threads", "load", "torch", "python", "commit"} <= set(record["machine"])
    assert [path.name for path in tmp_path.iterdir()] == ["try.json"]


def test_figures_are_written_between_their_marks(machinery):
    text = "before\n<!-- figures: gates -->\nold\n<!-- end of figures -->\nafter\n"
    filled = machinery("tables").fill(text, {"gates": "new\n"})
    assert filled == "before\n<!-- figures: gates -->\nnew\n<!-- end of figures -->\nafter\n"


def test_figures_of_a_result(machinery):
    tables = machinery("tables")
    case = {"median_ms": 2.0, "min_ms": 1.5, "ratio": 1.0, "speedup": 1.0, "over_copy": 3.0}
    record = {
        "name": "try",
        "command": "python benchmarks/try.py",
        "timings": {"small": {"cases": {"ours": case}, "reference": "ours", "memory_mb": {"ours": 1.5}}},
        "gates": [{"what": "speed-up", "value": 2.5, "at_least": 2, "at_most": None, "kept": True}],
        "tables": [{"title": "Run", "columns": ["loss", "mIoU"], "rows": [["ce", "0.7"]], "note": "Two seeds."}],
    }
    assert "| speed-up | 2.5 | at least 2 |" in tables.gates([record])
    assert "| try | 2.5 |  | `benchmarks/results/try.json` |" in tables.summary([record])
    assert tables.summary([{**record, "timings": {}}]) == tables.NONE_YET
    assert "| ours | 2 | 1 | 1 | 1.5 |" in tables.timings([record])
    assert "| ce | 0.7 |" in tables.quality([record])
    assert tables.gpu([record]) == tables.NONE_YET
