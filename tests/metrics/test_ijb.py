"""IJB: plain loops over media, templates and probes; by hand; ties; tiny sets."""

import numpy as np
import pytest
import torch

from subband.metrics.identification import identification, joined_identification
from subband.metrics.ijb import pool_templates


def some(seed=0, pictures=80, features=8):
    random = np.random.default_rng(seed)
    templates = random.choice([3, 9, 11, 40], size=pictures)
    medias = templates * 10 + random.integers(3, size=pictures)
    f, flipped = random.normal(size=(2, pictures, features)) * random.uniform(0.5, 4, size=(2, pictures, 1))
    return f, flipped, random.random(pictures), templates, medias


@pytest.mark.parametrize("keep_norm", [True, False])
def test_templates_are_the_loop(keep_norm):
    f, flipped, detection, templates, medias = some()
    found = pool_templates(f, templates, medias, flipped=flipped, detection=detection, keep_norm=keep_norm)
    rows = f + flipped
    rows = rows if keep_norm else rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows * detection[:, None]
    for place, template in enumerate(np.unique(templates)):
        own = templates == template
        total = sum(rows[own & (medias == media)].mean(0) for media in np.unique(medias[own]))
        assert found.ids[place] == template
        assert np.allclose(found.features[place], total / np.linalg.norm(total), rtol=0, atol=1e-14)
    assert np.allclose(found.scores([3, 40], [9, 40]), [found.features[0] @ found.features[1], 1], atol=1e-14)


def test_one_media_number_in_two_templates_is_two_media():
    found = pool_templates(np.eye(4), [1, 1, 2, 2], [5, 5, 5, 6])
    assert np.allclose(found.features, [[0.5**0.5, 0.5**0.5, 0, 0], [0, 0, 0.5**0.5, 0.5**0.5]])


def test_lengths_matter_only_if_they_are_kept():
    f = np.array([[3.0, 0.0], [0.0, 1.0]])
    kept, unit = (pool_templates(f, [0, 0], [0, 1], keep_norm=keep).features[0] for keep in (True, False))
    assert np.allclose(kept, np.array([3, 1]) / 10**0.5)
    assert np.allclose(unit, np.array([1, 1]) / 2**0.5)


def test_float32_tensors_stay_float32():
    f = torch.from_numpy(some()[0]).float()
    found = pool_templates(f, some()[3], some()[4])
    assert found.features.dtype == np.float32


def looped(probes, people, gallery, known, fars):
    """The evaluator's loop over probes."""
    scores = probes @ gallery.T
    own, others, strangers = [], [], []
    for row, person in zip(scores, people, strict=True):
        if person in known:
            own.append(row[known == person][0])
            others.append(row[known != person])
        else:
            strangers.append(row.max())
    own, others, strangers = np.array(own), np.array(others), np.sort(strangers)[::-1]
    hits = {rank: int((1 + (others >= own[:, None]).sum(1) <= rank).sum()) for rank in (1, 5, 10)}
    limits = [strangers[max(int(len(strangers) * far) - 1, 0)] for far in fars]
    return hits, limits, [((own > others.max(1)) & (own > limit)).mean() for limit in limits]


@pytest.mark.parametrize("seed", range(4))
def test_search_is_the_loop(seed):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(30, 6))
    people = random.integers(30, size=70)
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)  # noqa: E731
    probes, known = unit(centres[people] + random.normal(size=(70, 6))), random.permutation(30)[:18]
    gallery = unit(centres[known] + random.normal(size=(18, 6)))
    fars = (0.01, 0.1, 0.5, 1.0)
    hits, limits, rates = looped(probes, people, gallery, known, fars)
    found = identification(3 * probes, people, 2 * gallery, known, fars=fars)
    assert found.hits == hits
    assert np.allclose(found.thresholds, limits, rtol=0, atol=1e-14)
    assert found.tpir.tolist() == rates
    assert found.mated + found.unmated == 70
    assert found.rate(5) == hits[5] / found.mated


def test_a_tie_counts_against_the_probe():
    gallery = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = identification(np.array([[1.0, 0.0]]), ["a"], gallery, ["a", "b", "c"])
    assert found.hits == {1: 0, 5: 1, 10: 1}


def test_without_strangers_there_is_no_threshold():
    found = identification(np.eye(2), [0, 1], np.eye(2), [0, 1], fars=[0.1])
    assert np.isnan(found.thresholds[0])
    assert np.isnan(found.tpir[0])
    assert found.rate(1) == 1


def test_galleries_are_joined_by_hand():
    gallery = np.eye(3)
    good = identification(np.eye(3)[[0, 1, 2]], [0, 1, 9], gallery[:2], [0, 1], fars=[0.5])  # both found; stranger at 0
    bad = identification(np.array([[0.0, 1, 0], [1, 0, 0]]), [2, 9], gallery[1:], [1, 2], fars=[0.5])
    joined = joined_identification([good, bad])
    assert joined == {"rank 1": 2 / 3, "rank 5": 1.0, "rank 10": 1.0, "TPIR@0.5": 0.5}


@pytest.mark.message
def test_errors_say_what_to_do():
    f, _, _, templates, medias = some(pictures=10)
    pooled = pool_templates(f, templates, medias)
    with pytest.raises(ValueError, match=r"medias has shape \(9,\), but must be \(10,\), one for each picture"):
        pool_templates(f, templates, medias[1:])
    with pytest.raises(ValueError, match="2 pairs name templates without a picture, such as 99"):
        pooled.scores([99, 3, 1000], [3, 3, 3])
    f[4] = np.nan
    with pytest.raises(ValueError, match="embeddings of 1 of 10 rows are not finite: 4"):
        pool_templates(f, templates, medias)
    with pytest.raises(ValueError, match="the gallery holds 1 2 times; pool it into one template"):
        identification(np.eye(2), [0, 1], np.eye(2), [1, 1])
    with pytest.raises(ValueError, match="no probe has its person in the gallery, so nobody can be found"):
        identification(np.eye(2), [0, 1], np.eye(2), [2, 3])
    with pytest.raises(ValueError, match=r"probe_ids has shape \(1,\), but must be \(2,\), one for each embedding"):
        identification(np.eye(2), [0], np.eye(2), [2, 3])
    with pytest.raises(ValueError, match="probes have 3 features, but the gallery has 2"):
        identification(np.eye(3), [0, 1, 2], np.eye(2), [2, 3])
