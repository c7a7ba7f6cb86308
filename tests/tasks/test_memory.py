"""Memory that a piece of work takes: an array of known size, a GPU that is played, a system that does not tell."""

import math

import numpy as np
import torch

from subband.tasks import _memory


def grown_by(work):
    with _memory.grown_memory() as found:
        work()
    return found.mb


def test_an_array_is_seen_and_what_was_there_before_is_not():
    kept = np.ones(30_000_000, np.uint8)
    assert 45 < grown_by(lambda: np.ones(50_000_000, np.uint8)) < 70
    assert grown_by(lambda: None) < 10
    assert kept.all()


def test_what_is_freed_in_between_counts():
    def work():
        for _ in range(3):
            np.ones(40_000_000, np.uint8)

    assert 35 < grown_by(work) < 60


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(_memory, "CLEAR", tmp_path / "no" / "file")
    done = []
    assert math.isnan(grown_by(lambda: done.append(1)))
    assert done == [1]


def test_a_gpu_is_asked_for_its_peak(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 5_000_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 8_000_000)
    assert grown_by(lambda: None) == 3
