"""Uniform accuracy: brute force over every threshold, arithmetic by hand, streams, two processes, a million samples."""

import math
import multiprocessing
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.metrics._threshold_sweep import best_threshold, own_and_hardest
from subband.metrics.classification import (
    UniformClassification,
    class_wise_accuracy,
    sample_wise_accuracy,
    uniform_accuracy,
)


def brute(own, hardest):
    """Most samples with h < t <= p, over all thresholds that can matter."""
    return max((int(((hardest < t) & (t <= own)).sum()) for t in own), default=0)


def some(seed, samples=300, classes=7, ties=False):
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=samples)
    scores = random.normal(size=(samples, classes)) + 1.5 * np.eye(classes)[labels]
    return (np.round(scores, 1) if ties else scores), labels


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_brute_force(seed, ties):
    scores, labels = some(seed, ties=ties)
    own = scores[np.arange(len(labels)), labels]
    others = scores.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    hardest = others.max(1)
    classes = sum(brute(own[labels == label], hardest[labels == label]) for label in range(7))
    assert uniform_accuracy(scores, labels) == brute(own, hardest) / len(labels)
    assert class_wise_accuracy(scores, labels) == classes / len(labels)
    assert sample_wise_accuracy(scores, labels) == (own > hardest).mean()


NUMBERS = st.floats(-9, 9, width=16) | st.sampled_from([-1.0, 0.0, 1.0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_the_best_threshold_is_the_best(pairs):
    own, hardest = np.array(pairs, float).reshape(-1, 2).T
    found = best_threshold(own, hardest)
    assert found.count == brute(own, hardest)
    if found.count:
        low, high = found.interval
        assert low < found.threshold <= high
        for threshold in (found.threshold, high, np.nextafter(low, high)):
            assert ((hardest < threshold) & (threshold <= own)).sum() == found.count


def test_by_hand():
    """Samples (h, p]: (1, 4], (2, 3], (8, 9], and one that is wrong."""
    scores = np.array([[4.0, 1.0, 0.0], [2.0, 3.0, -1.0], [9.0, 8.0, 8.0], [5.0, 6.0, 5.0]])
    labels = np.array([0, 1, 0, 2])
    result = UniformClassification.of(scores, labels).result()
    assert (result.samples, result.sample_wise, result.class_wise, result.uniform) == (4, 0.75, 0.5, 0.5)
    assert (result.threshold, result.interval) == (2.5, (2.0, 3.0))
    assert result.class_thresholds == {0: 2.5, 1: 2.5, 2: pytest.approx(math.nan, nan_ok=True)}
    assert list(result.metrics()) == ["sample-wise accuracy", "class-wise accuracy", "uniform accuracy", "threshold"]
    many = UniformClassification.of(scores, labels)
    assert [many.accuracy_at(threshold) for threshold in (2.0, 2.1, 3.0, 3.1, 9.0, 9.1)] == [
        0.25,
        0.5,
        0.5,
        0.25,
        0.25,
        0.0,
    ]


def test_no_sample_right_has_no_threshold():
    result = UniformClassification.of(np.array([[0.0, 1.0], [2.0, 2.0]]), np.array([0, 1])).result()
    assert (result.sample_wise, result.class_wise, result.uniform) == (0, 0, 0)
    assert math.isnan(result.threshold)


def test_undefined_scores_are_wrong_and_infinite_ones_count():
    scores = np.array([[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [1.0, -np.inf]])
    result = UniformClassification.of(scores, np.array([0, 0, 0, 0])).result()
    assert result.uniform == result.sample_wise == 0.5
    assert result.threshold == 1.0 or 0 < result.threshold < 1


def test_neighbouring_numbers_have_a_threshold_between_them():
    low = 1.0
    high = np.nextafter(low, 2)
    found = best_threshold(np.array([high]), np.array([low]))
    assert found.threshold == high
    assert found.count == 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_streams_and_dtypes(dtype):
    scores, labels = (torch.from_numpy(value) for value in some(3))
    scores = scores.to(dtype)
    kept = scores.clone()
    stream = UniformClassification()
    for at in range(0, 300, 70):
        stream.update(scores[at : at + 70], labels[at : at + 70].int())
    expected = UniformClassification.of(scores.double().numpy(), labels.numpy()).result()
    assert stream.result() == expected
    assert torch.equal(scores, kept)


def test_large_batches_are_reduced_in_pieces():
    random = np.random.default_rng(0)
    scores, labels = random.normal(size=(900, 700)), random.integers(700, size=900)
    own, hardest, again = own_and_hardest(scores, labels)
    for row in (0, 373, 374, 375, 899):
        assert own[row] == scores[row, labels[row]]
        assert hardest[row] == np.delete(scores[row], labels[row]).max()
    assert np.array_equal(again, labels)


def test_order_of_the_three():
    for seed in range(20):
        scores, labels = some(seed, samples=60, classes=4, ties=seed % 2 == 0)
        result = UniformClassification.of(scores, labels).result()
        assert result.uniform <= result.class_wise <= result.sample_wise


def _process(rank, address, results):
    torch.distributed.init_process_group("gloo", init_method=f"file://{address}", rank=rank, world_size=2)
    scores, labels = some(5)
    part = slice(0, 210) if rank == 0 else slice(210, None)
    mine = UniformClassification.of(scores[part], labels[part])
    results.put((rank, mine.gathered().result()))
    empty = UniformClassification() if rank else UniformClassification.of(scores, labels)
    results.put((rank, empty.gathered().result()))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_see_all_samples(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_process, args=(rank, tmp_path / "store", results)) for rank in (0, 1)]
    for process in processes:
        process.start()
    found = [results.get(timeout=120) for _ in range(4)]
    for process in processes:
        process.join(timeout=60)
    assert {rank for rank, _ in found} == {0, 1}
    expected = UniformClassification.of(*some(5)).result()
    assert all(result == expected for _, result in found)


def test_one_process_is_itself():
    mine = UniformClassification.of(*some(1))
    assert mine.gathered() is mine


@pytest.mark.slow
def test_a_million_samples_take_less_than_half_a_second():
    random = np.random.default_rng(0)
    hardest = random.normal(size=1_281_167).astype(np.float32)
    own = hardest + random.normal(1.0, 1.0, size=hardest.size).astype(np.float32)
    spent, copied = [], []
    for _ in range(5):
        start = time.process_time()
        found = best_threshold(own, hardest)
        spent.append(time.process_time() - start)
        start = time.process_time()
        np.sort(own)
        copied.append(time.process_time() - start)
    print(f"1 281 167 samples: {min(spent):.3f} s, {min(spent) / min(copied):.1f} times one sort of them")
    assert found.count == ((hardest < found.threshold) & (found.threshold <= own)).sum()
    assert min(spent) < 0.5


@pytest.mark.message
def test_errors_say_what_to_do():
    scores, labels = some(0)
    with pytest.raises(ValueError, match=r"scores have shape \(300,\) and dtype torch.float64, but must be floating"):
        uniform_accuracy(scores[:, 0], labels)
    with pytest.raises(ValueError, match=r"scores have shape \(300, 1\) and .* \(N, C\) with two classes or more"):
        uniform_accuracy(scores[:, :1], labels)
    with pytest.raises(ValueError, match=r"labels have shape \(299,\) and dtype torch.int64, but must be integers"):
        uniform_accuracy(scores, labels[1:])
    with pytest.raises(ValueError, match=r"labels have shape \(300,\) and dtype torch.bool, but must be integers"):
        uniform_accuracy(scores, labels > 2)
    with pytest.raises(ValueError, match="labels go from 0 to 6, but the scores are of 5 classes, from 0"):
        uniform_accuracy(scores[:, :5], labels)
    with pytest.raises(ValueError, match="samples is 0, but must be greater than 0"):
        UniformClassification().result()
    with pytest.raises(ValueError, match="samples is 0, but must be greater than 0"):
        uniform_accuracy(scores[:0], labels[:0])
