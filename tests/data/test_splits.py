"""Folds: scikit-learn's KFold is the oracle for their sizes."""

import json

import pytest
from sklearn.model_selection import KFold

from subband.data import Split, folds, holdout, load_splits, save_splits


@pytest.mark.parametrize("protocol", ["authors", "blocks"])
@pytest.mark.parametrize(("n", "k"), [(3, 3), (10, 3), (100, 3), (17, 5), (20, 2)])
def test_sizes_are_those_of_scikit_learn(n, k, protocol):
    found = folds(n, folds=k, protocol=protocol)
    oracle = list(KFold(k, shuffle=True, random_state=0).split(range(n)))
    assert [len(split.test) for split in found] == [len(test) for _, test in oracle]
    assert [len(split.train) for split in found] == [max(1, int(0.8 * len(rest))) for rest, _ in oracle]


@pytest.mark.parametrize("protocol", ["authors", "blocks"])
def test_every_image_is_tested_once_and_never_seen_before(protocol):
    found = folds(23, folds=4, seed=5, protocol=protocol)
    assert sorted(i for split in found for i in split.test) == list(range(23))
    for split in found:
        assert sorted(split.train + split.validation + split.test) == list(range(23))


def test_blocks_are_neighbours():
    assert all(split.test == list(range(split.test[0], split.test[-1] + 1)) for split in folds(23, protocol="blocks"))


def test_seed_decides():
    assert folds(30, seed=1) == folds(30, seed=1)
    assert folds(30, seed=1) != folds(30, seed=2)


def test_validation_may_be_left_out():
    assert [split.validation for split in folds(9, validation=0)] == [[], [], []]


@pytest.mark.parametrize("n", range(3, 40))
def test_holdout_tests_every_third(n):
    split = holdout(n)
    assert split.test == [i for i in range(n) if i % 3 == 2]
    assert sorted(split.train + split.validation + split.test) == list(range(n))
    assert split.train
    assert split.validation


def test_splits_survive_a_file(tmp_path):
    names = [f"im{i}" for i in range(11)]
    found = folds(11)
    save_splits(tmp_path / "s.json", found, names)
    assert load_splits(tmp_path / "s.json", names) == found
    turned = names[::-1]
    assert [[turned[i] for i in split.test] for split in load_splits(tmp_path / "s.json", turned)] == [
        [names[i] for i in split.test] for split in found
    ]


@pytest.mark.message
def test_file_that_names_other_images(tmp_path):
    save_splits(tmp_path / "s.json", [Split([0], [1], [2])], ["a", "b", "c"])
    with pytest.raises(ValueError, match="names 'c', which is not among the 2 images"):
        load_splits(tmp_path / "s.json", ["a", "b"])


@pytest.mark.message
@pytest.mark.parametrize("content", ["{", json.dumps([{"train": []}]), json.dumps(3)])
def test_file_that_holds_no_splits(tmp_path, content):
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(ValueError, match="holds no splits"):
        load_splits(tmp_path / "s.json", [])


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: folds(2), r"folds is 3 for 2 image\(s\).*at least 3 images"),
        (lambda: folds(3, folds=2), r"folds is 2 for 3 image\(s\)"),
        (lambda: folds(9, folds=1), r"folds is 1 for 9 image\(s\)"),
        (lambda: folds(9, validation=1.0), "validation is 1.0"),
        (lambda: folds(9, protocol="author"), "did you mean 'authors'"),
        (lambda: holdout(2), "test_every is 3 for 2 images"),
        (lambda: holdout(9, test_every=1), "test_every is 1"),
    ],
)
def test_bad_arguments(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
