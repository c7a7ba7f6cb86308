"""Uniform classification against recorded brute force, and the loss against UniFace's own code."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from subband.losses.recognition.uniform_bce import uniform_bce_loss
from subband.metrics._threshold_sweep import best_threshold, own_and_hardest
from subband.metrics.classification import (
    UniformClassification,
    class_wise_accuracy,
    sample_wise_accuracy,
    uniform_accuracy,
)


def files(parity, pattern):
    found = sorted((parity / "recognition").glob(pattern))
    assert found
    return found


def test_accuracies_are_those_of_brute_force(parity):
    for path in files(parity, "uniform_*.npz"):
        with np.load(path) as stored:
            values = dict(stored)
        scores, labels = values["in_scores"], values["in_labels"]
        assert sample_wise_accuracy(scores, labels) == values["out_sw"], path.name
        assert class_wise_accuracy(scores, labels) == values["out_cw"], path.name
        assert uniform_accuracy(scores, labels) == values["out_uni"], path.name
        stream = UniformClassification()
        for rows in np.array_split(np.arange(len(labels)), 7):
            stream.update(torch.from_numpy(scores[rows]), torch.from_numpy(labels[rows]))
        result = stream.result()
        assert stream.accuracy_at(result.threshold) == values["out_uni"]
        assert stream.accuracy_at(float(values["out_uni_threshold_a_maximiser"])) == values["out_uni"]
        assert (np.argmax(scores, 1) == labels).mean() == values["out_argmax_acc"]


def test_class_thresholds_are_as_good_as_the_recorded_ones(parity):
    for path in files(parity, "uniform_*.npz"):
        with np.load(path) as stored:
            values = dict(stored)
        own, hardest, labels = own_and_hardest(values["in_scores"], values["in_labels"])
        for label, threshold in enumerate(values["out_class_thresholds_a_maximiser"]):
            mine = labels == label
            recorded = ((hardest < threshold) & (threshold <= own))[mine].sum()
            assert best_threshold(own[mine], hardest[mine]).count == recorded, (path.name, label)


@pytest.mark.parametrize("pattern", ["uniface_uce_m*.npz", "uniface_bce_m*.npz"])
def test_loss_and_gradients_are_unifaces(parity, pattern):
    compared = 0
    for path in files(parity, pattern):
        with np.load(path) as stored:
            values = dict(stored)
        meta = json.loads(str(values["meta"]))
        if "in_partial_index" in values:  # a share of the classes: the head's affair
            continue
        x, weight, bias = (
            torch.from_numpy(values[key]).requires_grad_()
            for key in ("in_x", "in_W", "in_b1" if "in_b1" in values else "in_bC")
        )
        labels = torch.from_numpy(values["in_y"])
        cosine = F.normalize(x, eps=1e-5) @ F.normalize(weight, eps=1e-5).T
        scores = meta["s"] * (cosine - meta["m"] * F.one_hot(labels, meta["C"]).double())
        loss = uniform_bce_loss(scores, labels, bias, negative_weight=meta["l"], logit_clamp=meta["s"])
        loss.backward()
        gradients = {"grad_emb": x.grad, "grad_weight": weight.grad, "grad_bias": bias.grad}
        for name, found in {"loss": loss, **gradients}.items():
            expected = torch.from_numpy(values[f"out64_{name}"])
            assert (found - expected).abs().max() <= 1e-9 * expected.abs().max().clamp_min(1e-300), (path.name, name)
        compared += 1
    assert compared
