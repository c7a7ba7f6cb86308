"""Pairs of images: LFW's form of folds, nobody in two of them, and identities apart."""

from collections import Counter

import numpy as np
import pytest

from subband.data.pairs import Pairs, identity_split, pairs_of


def people_of(pairs, labels, fold):
    chosen = [i for i, number in enumerate(pairs.fold) if number == fold]
    return {labels[each[i]] for each in (pairs.first, pairs.second) for i in chosen}


@pytest.mark.parametrize(("identities", "images", "per_fold"), [(40, 10, 30), (60, 4, 5), (50, 30, 300)])
def test_folds_are_lfws_and_apart(identities, images, per_fold):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(identities), images)).tolist()
    pairs = pairs_of(labels, folds=10, per_fold=per_fold, seed=3)
    assert pairs.same == ([True] * per_fold + [False] * per_fold) * 10
    assert pairs.same == [labels[a] == labels[b] for a, b in zip(pairs.first, pairs.second, strict=True)]
    assert set(Counter(pairs.fold).values()) == {2 * per_fold}
    assert len({frozenset(pair) for pair in zip(pairs.first, pairs.second, strict=True)}) == len(pairs)
    seen = [people_of(pairs, labels, fold) for fold in range(10)]
    assert sum(map(len, seen)) == len(set.union(*seen)), "nobody is in two folds"


def test_all_pairs_of_a_small_fold_by_hand():
    """Images 0, 1, 2 of one person and 3, 4 of another: 3 + 1 pairs of one person, 6 of two."""
    pairs = pairs_of([0, 0, 0, 1, 1], folds=1, per_fold=4)
    found = list(zip(pairs.first, pairs.second, strict=True))
    assert set(found[:4]) == {(0, 1), (0, 2), (1, 2), (3, 4)}
    assert len(set(found[4:])) == 4
    assert {(a < 3, b < 3) for a, b in found[4:]} == {(True, False)}


@pytest.mark.parametrize("same", [True, False])
def test_all_pairs_are_equally_likely(same):
    """Persons of 2, 3 and 20 images; of each kind 20 pairs are drawn out of so many that not all are listed."""
    labels = np.repeat([0, 1, 2], [2, 3, 20]).tolist()
    count = Counter()
    for seed in range(600):
        pairs = pairs_of(labels, folds=1, per_fold=20, seed=seed)
        chosen = slice(0, 20) if same else slice(20, 40)
        ones, others = pairs.first[chosen], pairs.second[chosen]
        count.update(frozenset((labels[a], labels[b])) for a, b in zip(ones, others, strict=True))
    possible = {(0,): 1, (1,): 3, (2,): 190} if same else {(0, 1): 6, (0, 2): 40, (1, 2): 60}
    assert count.keys() <= set(map(frozenset, possible))
    total = sum(possible.values())
    for kind, pairs_there in possible.items():
        assert count[frozenset(kind)] / 12000 == pytest.approx(pairs_there / total, abs=0.015)


def test_a_choice_depends_on_the_seed_alone_and_takes_only_the_images_given():
    labels = np.repeat(np.arange(12), 6).tolist()
    indices = [i for i, label in enumerate(labels) if label % 2]
    one, again = (pairs_of(labels, indices=indices, folds=3, per_fold=8, seed=5) for _ in range(2))
    assert one == again
    assert one != pairs_of(labels, indices=indices, folds=3, per_fold=8, seed=6)
    assert {*one.first, *one.second} <= set(indices)


def test_among_keeps_whole_pairs_and_numbers_folds_anew():
    pairs = Pairs([0, 2, 4, 0], [1, 3, 5, 5], [True, True, False, False], [0, 1, 2, 2], "four")
    kept = pairs.among([0, 1, 4, 5])
    assert kept == Pairs([0, 4, 0], [1, 5, 5], [True, False, False], [0, 1, 1], "four")
    assert (len(kept), kept.folds) == (3, 2)


@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_nobody_is_in_two_parts(validation):
    labels = np.random.default_rng(1).integers(0, 20, 200).tolist()
    split = identity_split(labels, test=0.25, validation=validation, seed=2)
    assert sorted(split.train + split.validation + split.test) == list(range(200))
    people = [{labels[i] for i in part} for part in (split.train, split.validation, split.test)]
    assert [len(part) for part in people] == [15 - round(20 * validation), round(20 * validation), 5]
    assert len(set.union(*people)) == 20


@pytest.mark.message
def test_says_what_is_missing():
    with pytest.raises(ValueError, match=r"first, second, same and fold have \[1, 1, 1, 0\] entries"):
        Pairs([0], [1], [True], [], "x")
    with pytest.raises(ValueError, match="none of the 1 pairs of x lies among the 1 images given"):
        Pairs([0], [1], [True], [0], "x").among([0])
    with pytest.raises(
        ValueError, match=r"there are 4 people, 3 of them .* 10 folds need 20 and 10; give at most 2 folds"
    ):
        pairs_of([0, 0, 1, 1, 2, 2, 3], folds=10)
    with pytest.raises(ValueError, match=r"there are 1 people, 1 of them .* give images of more people"):
        pairs_of([0, 0, 0], folds=1)
    with pytest.raises(ValueError, match="the 2 people of fold 0 have 1 pairs of one and 2 of two; give at most 1"):
        pairs_of([0, 0, 1, 2, 2, 3], folds=2, per_fold=3)
    with pytest.raises(ValueError, match=r"test is 0\.9 and validation 0\.0 of 4 people, which leaves 0 to train"):
        identity_split([0, 1, 2, 3], test=0.9)
