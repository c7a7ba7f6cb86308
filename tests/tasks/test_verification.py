"""Scores of pairs by hand, what a result says of them, and the files they are kept in."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from subband._files import read_json
from subband.data.class_sample import ClassReader
from subband.data.pairs import Pairs
from subband.tasks.pair_sets import PairSet, derived_pairs
from subband.tasks.verification import (
    Scored,
    learned_threshold,
    read_scores,
    score_pairs,
    set_result,
    test_result,
    write_scores,
)

test_result.__test__ = False


class Pixels(ClassReader):
    """Images of two pixels; a network that flattens them has their directions as embeddings."""

    VALUES = ((255, 0), (0, 255), (51, 51), (255, 255))

    def __init__(self):
        super().__init__(list("abcd"), [0, 1, 2, 2], class_names=list("xyz"), channels=1)

    def read(self, index):
        return np.array([[self.VALUES[index]]], np.uint8)


def scored(scores, same, label="set", folds=2):
    n = len(scores)
    fold = np.arange(n) * folds // n
    return Scored(label, np.array(scores, float), np.array(same, bool), fold, [(f"{i}", f"{i}'") for i in range(n)])


GOOD = scored([0.9, 0.1, 0.9, 0.3], [True, False, True, False])


def test_scores_are_cosines_of_the_embeddings():
    pairs = Pairs([0, 0, 2, 3], [1, 2, 3, 0], [False, False, True, False], [0, 0, 1, 1], "pixels")
    given = PairSet(Pixels(), pairs)
    found = score_pairs(nn.Flatten(), given, crop=[1, 2], flip=False)
    np.testing.assert_allclose(found.scores, [0, math.sqrt(0.5), 1, math.sqrt(0.5)], atol=1e-7)
    assert found.people.tolist() == [[0, 1], [0, 2], [2, 2], [2, 0]]
    assert found.names == [("a", "b"), ("a", "c"), ("c", "d"), ("d", "a")]
    assert (found.label, found.same.tolist(), found.fold.tolist()) == ("pixels", pairs.same, pairs.fold)
    both = score_pairs(nn.Flatten(), given, crop=[1, 2], flip=True)
    np.testing.assert_allclose(both.scores, 1, err_msg="mirrored and added, all have one direction")


def test_an_embedding_of_zeros_is_like_nothing():
    given = PairSet(Pixels(), Pairs([0], [1], [True], [0], "zeros"))
    found = score_pairs(
        nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False).requires_grad_(False)), given, crop=[1, 2]
    )
    assert abs(found.scores[0]) <= 1

    class Zero(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 3)

    assert score_pairs(Zero(), given, crop=[1, 2]).scores.tolist() == [0.0]


def test_a_result_has_accuracies_and_thresholds():
    result = set_result(GOOD, far=[0.5], learned=0.2)
    assert result["metrics"] == {"accuracy": 1.0, "EER": 0.0, "TAR@0.5": 1.0, "at learned": 0.75}
    assert (result["pairs"], result["same"], result["folds"], result["best_accuracy"]) == (4, 2, [1.0, 1.0], 1.0)
    assert result["thresholds"]["learned"] == 0.2
    assert 0.3 < result["thresholds"]["best"] < 0.9
    assert "at learned" not in set_result(GOOD, far=[], learned=None)["metrics"]


def test_several_sets_are_averaged_and_named():
    bad = scored([0.1, 0.9, 0.2, 0.8], [True, False, True, False], "bad")
    sets = [set_result(each, far=[0.5], learned=0.5) for each in (GOOD, bad)]
    found = test_result(sets, 0.5)
    assert found["metrics"]["at learned"] == 0.5
    assert found["metrics"]["accuracy"] == (1 + found["metrics"]["bad"]) / 2
    assert found["metrics"]["set"] == 1.0
    assert [row["name"] for row in found["images"]] == ["set, fold 1", "set, fold 2", "bad, fold 1", "bad, fold 2"]
    assert found["verification"]["learned"] == 0.5
    assert "set" not in test_result(sets[:1], None)["metrics"]


def test_what_a_head_learnt():
    head = nn.Module()
    assert learned_threshold(head) is None
    head.threshold = math.nan
    assert learned_threshold(head) is None
    head.threshold = 0.25
    assert learned_threshold(head) == 0.25


def test_scores_are_read_as_they_were_written(tmp_path):
    path = write_scores(tmp_path, GOOD)
    found = read_scores(path, "set")
    for name in ("scores", "same", "fold"):
        np.testing.assert_array_equal(getattr(found, name), getattr(GOOD, name))
    assert (found.names, found.people) == (GOOD.names, None)
    known = dataclasses.replace(GOOD, people=np.array([[0, 0], [0, 1], [1, 1], [1, 0]]))
    np.testing.assert_array_equal(read_scores(write_scores(tmp_path, known), "set").people, known.people)


@pytest.mark.message
def test_damaged_scores_are_named(tmp_path):
    path = tmp_path / "x.csv"
    with pytest.raises(ValueError, match=r"x.csv holds no scores .*; run the verification again"):
        read_scores(path, "x")
    path.write_text("first,second\na,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no scores"):
        read_scores(path, "x")


def test_as_many_pairs_are_derived_as_every_fold_has():
    samples = Pixels()
    samples.labels = [0, 0, 1, 1]
    pairs = derived_pairs(samples, range(4), folds=10, most=50, seed=0, label="few")
    assert (len(pairs), pairs.folds, sum(pairs.same)) == (4, 1, 2), "two persons make one fold of 2 + 2"
    assert len(derived_pairs(samples, range(4), folds=1, most=1, seed=0, label="few")) == 2


def test_a_fold_of_few_people_would_be_too_easy():
    samples = Pixels()
    samples.labels = np.repeat(np.arange(20), 4).tolist()
    apart = derived_pairs(samples, range(80), folds=2, most=10, seed=0, label="twenty")
    people = [{samples.labels[i] for i, fold in zip(apart.first, apart.fold, strict=True) if fold == k} for k in (0, 1)]
    assert (apart.folds, len(apart), len(people[0] & people[1])) == (2, 40, 0)
    together = derived_pairs(samples, range(40), folds=2, most=10, seed=0, label="ten")
    assert (together.folds, len(together)) == (1, 40)
    strangers = {
        (samples.labels[a], samples.labels[b])
        for a, b, same in zip(together.first, together.second, together.same, strict=True)
        if not same
    }
    assert len(strangers) > 10, "strangers of many couples"


def test_json_is_plain(tmp_path):
    from subband._files import write_json

    result = test_result([set_result(GOOD, far=[0.5], learned=None)], None)
    write_json(tmp_path / "x.json", result)
    assert read_json(tmp_path / "x.json") == result


@pytest.mark.message
def test_channels_have_to_fit(tmp_path):
    from subband.data.images import write_png
    from subband.tasks import pair_sets

    for number in range(4):
        write_png(tmp_path / f"{number // 2}" / f"{number}.png", np.zeros((4, 4, 3), np.uint8))
    pickled = pickle.dumps(([path.read_bytes() for path in sorted(tmp_path.rglob("*.png"))], [True, False]))
    (tmp_path / "two.bin").write_bytes(pickled)
    with pytest.raises(ValueError, match=r"two.bin have 3 channel\(s\), but the network takes 1"):
        pair_sets.read_pair_sets([tmp_path / "two.bin"], images=None, channels=1, folds=2, most=1, seed=0)
