"""The gallery: short, quick, and it runs."""

import runpy
import time
from pathlib import Path

import pytest
import torch

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))
EACH = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@EACH
def test_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.slow
@EACH
def test_runs_in_ten_seconds(path, capsys):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    begin = time.process_time()
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
    assert time.process_time() - begin < 10
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "nan" not in printed


def test_topology_example_shows_what_it_says(capsys):
    path = next(path for path in EXAMPLES if path.stem == "topology_metrics")
    runpy.run_path(str(path), run_name="__main__")
    header, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    score = {row[0]: dict(zip(header, map(float, row[1:]), strict=True)) for row in rows}
    assert score["broken"]["mIoU"] > score["thick"]["mIoU"]
    assert score["broken"]["ARI"] < score["thick"]["ARI"]
    assert score["broken"]["B1"] == 1
