"""The segmentation task by itself: a step, a validation, an evaluation, and what builds it."""

import numpy as np
import pytest
import torch
from torch import nn

from subband.config import Data, Model, Recipe
from subband.losses.segmentation import CrossEntropyLoss, CWMILoss, RMILoss
from subband.tasks.segmentation import (
    SegmentationTask,
    build_loss,
    build_model,
    evaluate,
    foreground,
    labels,
    predict,
    read_samples,
    split_samples,
)


def batch(generator):
    target = (torch.rand(2, 32, 32, generator=generator) > 0.7).long()
    return {"image": target[:, None].float(), "target": target, "class_weight": torch.ones(2, 2)}


class Scale(nn.Module):
    """Logits in proportion to the image."""

    def __init__(self, outputs=1):
        super().__init__()
        self.gain, self.outputs = nn.Parameter(torch.tensor(4.0)), outputs

    def forward(self, image):
        logits = self.gain * (image - 0.5)
        return logits if self.outputs == 1 else torch.cat([-logits / 2, logits / 2], 1)


def test_step_returns_the_loss_and_its_terms(generator):
    task = SegmentationTask(Scale(), CWMILoss(levels=2), [])
    terms = task.step(batch(generator))
    assert set(terms) == {"loss", "ce_term", "mi_term"}
    expected = 0.9 * terms["ce_term"] + terms["mi_term"]
    assert torch.allclose(terms["loss"], expected)
    terms["loss"].backward()
    assert set(SegmentationTask(Scale(), CrossEntropyLoss(), []).step(batch(generator))) == {"loss"}


def test_class_weights_of_the_whole_image_reach_the_loss(generator):
    items = batch(generator)
    task = SegmentationTask(Scale(), build_loss(Recipe(), "bce"), [])
    even = task.step(items)["loss"]
    heavy = task.step({**items, "class_weight": torch.tensor([[1.0, 5.0]]).expand(2, 2)})["loss"]
    assert heavy > even


@pytest.mark.parametrize(
    ("loss", "steps", "expected"),
    [
        (CWMILoss(), 0, [True, True, False, False]),
        (CWMILoss(), 3, [True, True, True, False]),
        (RMILoss(), 0, [False] * 4),
        (RMILoss(), 3, [True, True, True, False]),
        (CrossEntropyLoss(), 3, [None] * 4),
    ],
)
def test_warm_up(loss, steps, expected):
    task = SegmentationTask(Scale(), loss, [], warmup_steps=steps)
    seen = []
    for step in range(4):
        task.at_step(step, step // 2)
        seen.append(loss.warmup)
    assert seen == expected


def test_validation_is_the_mean_over_images(generator):
    items = [{"image": batch(generator)["image"][i], "target": batch(generator)["target"][i]} for i in range(2)]
    task = SegmentationTask(Scale(), CrossEntropyLoss(), items)
    assert task.validate() == pytest.approx({"mIoU": task.validate()["mIoU"], **task.validate()})
    perfect = [{"image": item["image"], "target": (item["image"][0] > 0.5).long()} for item in items]
    scores = SegmentationTask(Scale(), CrossEntropyLoss(), perfect).validate()
    assert scores["mIoU"] == 1
    assert scores["VI"] == 0
    assert SegmentationTask(Scale(), CrossEntropyLoss(), []).validate() == {}


@pytest.mark.parametrize("outputs", [1, 2])
def test_one_and_two_outputs_are_one_probability(generator, outputs):
    image = batch(generator)["image"][0]
    model = Scale(outputs).train()
    found = predict(model, image)
    assert found.shape == (1, 32, 32)
    assert model.training, "prediction leaves the mode as it was"
    assert np.allclose(found, torch.sigmoid(4 * (image - 0.5)).numpy(), atol=1e-6)
    assert np.array_equal(labels(found), image[0].numpy() > 0.5)
    scores, _ = evaluate(model, {"image": image, "target": (image[0] > 0.5).long()}, quick=True)
    assert set(scores) == {"mIoU", "mDice", "VI", "ARI"}
    assert foreground(torch.zeros(1, outputs, 2, 2)).unique().tolist() == [0.5]


def test_three_classes():
    probability = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    assert np.array_equal(labels(probability), probability.argmax(0))
    model = build_model(Model(width=4, depth=2), channels=1, classes=3, seed=0)
    found = predict(model, torch.rand(1, 9, 11))
    assert found.shape == (3, 9, 11)
    assert np.allclose(found.sum(0), 1, atol=1e-5)


def test_seeds_make_weights():
    first, same, other = (build_model(Model(width=4, depth=2), channels=1, classes=2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(next(first.parameters()), next(same.parameters()))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))
    assert build_model(Model(width=4, depth=2, outputs="softmax"), channels=3, classes=2, seed=0).head.out_channels == 2


def test_samples_and_splits_of_a_recipe():
    data = Data(reader="synthetic-vessels", count=7, size=32)
    samples = read_samples(data)
    assert len(samples) == 7
    assert [len(split.test) for split in split_samples(samples, data)] == [3, 2, 2]
    assert len(split_samples(samples, Data(reader="synthetic-vessels", split="holdout"))) == 1


@pytest.mark.message
def test_wrong_options():
    with pytest.raises(ValueError, match="loss_options of cwmi"):
        build_loss(Recipe(loss_options={"cwmi": {"lambda": 1}}), "cwmi")
    with pytest.raises(ValueError, match="there is no model called 'unett'; did you mean 'unet'"):
        build_model(Model(name="unett"), channels=1, classes=2, seed=0)
