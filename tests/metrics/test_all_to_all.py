"""All pairs: the whole matrix at once, every block size, ordered pairs, two sets."""

import numpy as np
import pytest
import torch

from subband.metrics._embeddings import Largest
from subband.metrics.all_to_all import all_to_all
from subband.metrics.verification import operating_point

FARS = (0.0, 1e-3, 0.01, 0.3, 1.0)


def some(seed, count=60, people=9, features=6):
    random = np.random.default_rng(seed)
    labels = random.integers(people, size=count)
    centres = random.normal(size=(people, features))
    return centres[labels] + random.normal(size=(count, features)), labels


def brute(first, labels, second=None, others=None):
    """Scores and kinds of all ordered pairs."""
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, first if second is None else second)]
    kept = ~np.eye(len(first), dtype=bool) if second is None else np.ones((len(first), len(second)), bool)
    same = labels[:, None] == (labels if others is None else others)
    scores = unit[0] @ unit[1].T
    scores = (scores + scores.T) / 2 if second is None else scores  # both orders alike to the last digit
    return scores[kept], same[kept]


@pytest.mark.parametrize("block", [1, 7, 60, 4096])
@pytest.mark.parametrize("seed", range(3))
def test_is_the_whole_matrix(seed, block):
    embeddings, labels = some(seed)
    scores, same = brute(embeddings, labels)
    found = all_to_all(embeddings, labels, fars=FARS, block=block)
    assert (found.genuine, found.impostors) == (same.sum(), (~same).sum())
    points = [operating_point(scores, same, far) for far in FARS]
    assert found.accepts.tolist() == [point.true_accepts for point in points]
    assert found.tar.tolist() == [point.tar for point in points]
    assert found.thresholds[-1] == -np.inf
    falling = np.sort(scores[~same])[::-1]
    assert np.allclose(found.thresholds[:-1], [falling[int(far * len(falling))] for far in FARS[:-1]], atol=1e-14)


@pytest.mark.parametrize("block", [5, 64])
def test_two_sets_count_each_pair_once(block):
    embeddings, labels = some(5)
    first, second = (embeddings[:20], labels[:20]), (embeddings[20:], labels[20:])
    scores, same = brute(*first, *second)
    found = all_to_all(*first, against=second, fars=FARS, block=block)
    assert (found.genuine, found.impostors) == (same.sum(), (~same).sum())
    assert found.accepts.tolist() == [operating_point(scores, same, far).true_accepts for far in FARS]


def test_ties_are_not_accepted():
    embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = all_to_all(embeddings, ["a", "a", "b", "b"], fars=[0.0, 0.5])
    assert (found.genuine, found.impostors) == (4, 8)
    assert found.accepts.tolist() == [0, 2]  # the first threshold is 1, the second 0


def test_names_and_float32_tensors():
    embeddings, labels = some(1)
    names = np.array([f"person {label}" for label in labels])
    found = all_to_all(torch.from_numpy(embeddings).float(), names, fars=FARS)
    expected = all_to_all(embeddings, labels, fars=FARS)
    assert np.array_equal(found.accepts, expected.accepts)
    assert found.thresholds.dtype == np.float32


def test_the_largest_of_many_pieces():
    random = np.random.default_rng(0)
    values = torch.from_numpy(random.normal(size=3_000_000))
    largest = Largest(1000)
    for part in values.split(70_001):
        largest.update(part)
        assert largest._waiting <= 2 * 1000 + (1 << 20) + 70_001
    assert torch.equal(largest.result(), values.sort(descending=True).values[:1000])
    few = Largest(10)
    few.update(torch.tensor([2.0, 3.0]))
    assert few.result().tolist() == [3.0, 2.0]


def test_counts_of_a_million_pictures_do_not_overflow():
    from subband.metrics.all_to_all import _counts

    labels = np.zeros(1_624_305, np.int64)
    labels[1:] = np.arange(1, 1_624_305) // 2
    genuine, impostors = _counts(labels, labels, 2)
    assert genuine + impostors == 2_638_365_108_720


@pytest.mark.message
def test_errors_say_what_to_do():
    embeddings, labels = some(0, count=8)
    with pytest.raises(ValueError, match=r"labels have shape \(7,\), but must be \(8,\), one identity for each row"):
        all_to_all(embeddings, labels[1:])
    with pytest.raises(ValueError, match="there are 0 pairs of one person and 56 of two; both kinds are needed"):
        all_to_all(embeddings, np.arange(8))
    with pytest.raises(ValueError, match="there are 56 pairs of one person and 0 of two"):
        all_to_all(embeddings, np.zeros(8))
    with pytest.raises(ValueError, match=r"the first set has 6 features of torch.float64, but the second 5 of"):
        all_to_all(embeddings, labels, against=(embeddings[:, 1:], labels))
    with pytest.raises(ValueError, match=r"embeddings have shape \(8,\) and dtype torch.float64, but must be floating"):
        all_to_all(embeddings[:, 0], labels)
    embeddings[[1, 2, 3, 4, 5, 6]] = np.inf
    with pytest.raises(ValueError, match=r"embeddings of 6 of 8 rows are not finite: 1, 2, 3, 4, 5, \.\.\."):
        all_to_all(embeddings, labels)
    with pytest.raises(ValueError, match="block is 0, but must be greater than 0"):
        all_to_all(embeddings, labels, block=0)
    with pytest.raises(ValueError, match="there are no numbers to choose the largest of"):
        Largest(1).result()
