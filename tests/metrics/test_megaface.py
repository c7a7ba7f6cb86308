"""MegaFace: a loop over pairs and distractors, ties, two engines."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch

from subband.metrics.megaface import megaface, rank_one
from subband.metrics.verification import tar_at_far


def some(seed, probes=30, distractors=200, features=5):
    random = np.random.default_rng(seed)
    labels = random.integers(8, size=probes)
    centres = random.normal(size=(8, features))
    return centres[labels] + random.normal(size=(probes, features)), labels, random.normal(size=(distractors, features))


def brute(probes, labels, distractors):
    """Ranks and scores of all ordered pairs, and all scores of distractors."""
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)  # noqa: E731
    own, others = unit(probes) @ unit(probes).T, unit(probes) @ unit(distractors).T
    pairs = [(a, b) for a in range(len(labels)) for b in range(len(labels)) if a != b and labels[a] == labels[b]]
    ranks = [int((others[a] >= own[a, b]).sum()) for a, b in pairs]
    return ranks, np.array([own[pair] for pair in pairs]), others.ravel()


@pytest.mark.parametrize("block", [1, 33, 200, 16384])
@pytest.mark.parametrize("seed", range(3))
def test_is_the_loop(seed, block):
    probes, labels, distractors = some(seed)
    ranks, own, others = brute(probes, labels, distractors)
    fars = (1e-3, 0.01, 0.2, 1.0)
    found = megaface(probes, labels, distractors, fars=fars, block=block)
    assert found.ranks.tolist() == ranks
    assert found.rank_one == np.mean(np.array(ranks) == 0) == rank_one(probes, labels, distractors, block=block)
    scores, same = np.concatenate([own, others]), np.arange(len(own) + len(others)) < len(own)
    assert found.tar.tolist() == [tar_at_far(scores, same, far) for far in fars]
    assert found.thresholds[-1] == -np.inf


def test_a_distractor_as_near_as_the_mate_wins():
    probes, twin = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = megaface(probes, ["a", "b", "a"], twin, fars=[0.5])
    assert (found.pairs, found.ranks.tolist(), found.rank_one, found.tar.tolist()) == (2, [1, 1], 0.0, [1.0])
    assert rank_one(probes, ["a", "b", "a"], twin) == 0


def test_people_with_one_picture_are_not_probed():
    found = megaface(np.eye(3), [0, 1, 1], -np.ones((1, 3)))
    assert (found.pairs, found.rank_one) == (2, 1.0)


class _Index:
    """faiss's exact inner-product index, as its documentation has it."""

    def __init__(self, features):
        self.rows = np.zeros((0, features), np.float32)

    def add(self, rows):
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        self.rows = np.concatenate([self.rows, rows])

    def search(self, probes, count):
        assert probes.dtype == np.float32
        scores = probes @ self.rows.T
        places = np.argsort(-scores, axis=1)[:, :count]
        return np.take_along_axis(scores, places, 1), places


def test_the_engine_faiss_is_asked_as_documented(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", types.SimpleNamespace(IndexFlatIP=_Index))
    probes, labels, distractors = some(4)
    assert rank_one(probes, labels, distractors, engine="faiss", block=17) == rank_one(probes, labels, distractors)


@pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="faiss is not installed: pip install faiss-cpu")
def test_the_engine_faiss_agrees():
    probes, labels, distractors = (torch.from_numpy(part) for part in some(4))
    expected = rank_one(probes.float(), labels, distractors.float())
    assert rank_one(probes, labels, distractors, engine="faiss") == expected


@pytest.mark.message
def test_errors_say_what_to_do(monkeypatch):
    probes, labels, distractors = some(0)
    with pytest.raises(ValueError, match="nobody among the 30 probes has two pictures, so there is no mate to find"):
        megaface(probes, np.arange(30), distractors)
    with pytest.raises(ValueError, match="probes have 5 features, but distractors 4"):
        megaface(probes, labels, distractors[:, 1:])
    with pytest.raises(ValueError, match="engine is 'fais', but must be one of torch, faiss; did you mean 'faiss'"):
        rank_one(probes, labels, distractors, engine="fais")
    with pytest.raises(ValueError, match=r"distractors have shape \(0, 5\)"):
        megaface(probes, labels, distractors[:0])
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"'faiss' is not installed; this needs it: pip install 'subband\[faces\]'"):
        rank_one(probes, labels, distractors, engine="faiss")
