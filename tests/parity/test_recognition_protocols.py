"""Protocols against insightface's evaluators and recorded brute force; counts exactly."""

import json

import numpy as np
import pytest

from subband.metrics._folds import GRID
from subband.metrics.identification import RANKS, identification
from subband.metrics.ijb import pool_templates
from subband.metrics.megaface import megaface, rank_one
from subband.metrics.roc import roc_curve
from subband.metrics.verification import equal_error_rate, operating_point, tar_at_far, ten_fold, verification_accuracy


@pytest.fixture
def stored(parity, request):
    path = parity / "recognition" / f"protocol_{request.param}.npz"
    with np.load(path) as file:
        return dict(file)


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def close(found, expected):
    assert np.abs(np.asarray(found) - expected).max() <= 1e-12 * max(np.abs(expected).max(), 1)


@pytest.mark.parametrize("stored", ["tenfold"], indirect=True)
def test_ten_fold_accuracy_is_insightfaces(stored):
    embeddings = unit(stored["in_feat"].astype(float) + stored["in_feat_flip"])
    cosines = (embeddings[0::2] * embeddings[1::2]).sum(1)
    folds = json.loads(str(stored["meta"]))["folds"]
    found = ten_fold(cosines, stored["in_issame"], folds=folds)
    assert len(GRID) == len(stored["out_tpr"])
    sizes = np.array([len(part) for part in np.array_split(cosines, folds)])
    assert np.array_equal(np.rint(found.folds * sizes), np.rint(stored["out_acc_fold"] * sizes))
    for name, value in {
        "out_acc_fold": found.folds,
        "out_acc": found.mean,
        "out_std": found.std,
        "out_tpr": found.tar,
        "out_fpr": found.far,
    }.items():
        close(value, stored[name])
    close(verification_accuracy(cosines, stored["in_issame"], folds=folds), stored["out_acc"])
    assert np.abs(2 - 2 * cosines - stored["out_dist"]).max() < 1e-6  # theirs in float32


@pytest.mark.parametrize("stored", ["ijb11"], indirect=True)
def test_templates_and_scores_are_insightfaces(stored):
    names = [name.removeprefix("out_score_") for name in stored if name.startswith("out_score_")]
    assert names
    for name in names:
        norm, detector, flip = (name[name.index(letter) + 1] == "1" for letter in "NDF")
        found = pool_templates(
            stored["in_feat"],
            stored["in_templates"],
            stored["in_medias"],
            flipped=stored["in_feat_flip"] if flip else None,
            detection=stored["in_face_scores"] if detector else None,
            keep_norm=norm,
        )
        close(found.scores(stored["in_p1"], stored["in_p2"]), stored[f"out_score_{name}"])
        if f"out_template_feat_{name}" in stored:
            close(found.features, stored[f"out_template_feat_{name}"])
        assert np.array_equal(found.ids, np.unique(stored["in_templates"]))


@pytest.mark.parametrize("stored", ["ijb11"], indirect=True)
def test_rates_are_the_recorded_ones(stored):
    scores, same = stored["out_score_N1D1F1"], stored["in_label"] == 1
    for rule, key in (
        ("nearest_insightface", "nearest"),
        ("nearest", "nearest_keepall"),
        ("at_most", "atmost"),
    ):
        points = [operating_point(scores, same, far, rule=rule) for far in stored["in_far_targets"]]
        assert [point.tar for point in points] == stored[f"out_tar_{key}"].tolist()
        assert [tar_at_far(scores, same, far, rule=rule) for far in stored["in_far_targets"]] == [p.tar for p in points]
        if f"out_far_{key}" in stored:
            close([point.far for point in points], stored[f"out_far_{key}"])
    for point, limit in zip(points, stored["out_thr_atmost"], strict=True):  # ours is half-way to the next score
        assert limit < point.threshold
        assert not ((scores > limit) & (scores < point.threshold)).any()
    close(roc_curve(scores, same).auc, stored["out_auc"])
    close(equal_error_rate(scores, same), stored["out_eer_interp"])
    close(equal_error_rate(scores, same, rule="nearest"), stored["out_eer_nearest"])


@pytest.mark.parametrize("stored", ["ijb1n"], indirect=True)
def test_one_to_many_is_insightfaces(stored):
    found = identification(
        stored["in_probe"],
        stored["in_probe_id"],
        stored["in_gallery"],
        stored["in_gallery_id"],
        fars=stored["in_fars"],
    )
    assert found.mated == np.isin(stored["in_probe_id"], stored["in_gallery_id"]).sum()
    for rank in RANKS:
        assert found.hits[rank] == stored[f"out_top{rank}_count"]
    close(found.thresholds, stored["out_thresholds"])
    assert found.tpir.tolist() == stored["out_tpir"].tolist()


@pytest.mark.parametrize("stored", ["megaface"], indirect=True)
def test_megaface_is_brute_force(stored):
    probes, labels, distractors = stored["in_probe"], stored["in_probe_id"], stored["in_distractor"]
    for block in (97, 16384):
        found = megaface(probes, labels, distractors, fars=stored["in_far_targets"], block=block)
        assert found.pairs == stored["out_pairs"]
        assert np.array_equal(found.ranks, stored["out_ranks"])
        assert found.rank_one == stored["out_rank1"]
        assert found.tar.tolist() == stored["out_tar_atmost"].tolist()
        assert rank_one(probes, labels, distractors, block=block) == stored["out_rank1"]
