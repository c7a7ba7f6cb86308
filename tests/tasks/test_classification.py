"""Classification: a step, a validation, splits, biases; a comparison, its resumption, and what its runs say again."""

import dataclasses

import numpy as np
import pytest
import torch
import yaml
from tiny_classification import ASKED, DATA, recipe
from torch import nn

from subband._files import read_json
from subband.config import Data, Model, Recipe, Robustness, resolved_recipe
from subband.data.synthetic_classes import SyntheticClasses
from subband.tasks import classification_cell
from subband.tasks.classification import (
    ClassificationTask,
    build_loss,
    learnt_bias,
    read_samples,
    split_samples,
)
from subband.tasks.compare import compare
from subband.tasks.kinds import kind_of
from subband.tasks.methods import methods
from subband.tasks.preparation import prepare
from subband.tasks.splitting import held_out
from subband.tasks.uniform import UniformTest


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    compare(recipe(), folder)
    return folder


class Linear(nn.Module):
    """Two pixels to two scores."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.fc.weight.data = torch.eye(2)
        self.fc.bias.data = torch.tensor([0.0, 5.0])

    def forward(self, image):
        return self.fc(image.flatten(1))


def items(*pixels):
    return [
        {"image": torch.tensor(pair, dtype=torch.float32).reshape(1, 1, 2), "target": label} for pair, label in pixels
    ]


def test_a_step_is_the_loss_of_the_logits():
    task = ClassificationTask(Linear(), nn.CrossEntropyLoss(), [], classes=2)
    batch = {"image": torch.tensor([[[[1.0, 0.0]]]]), "target": torch.tensor([0])}
    assert float(task.step(batch)["loss"].detach()) == pytest.approx(float(np.log1p(np.exp(4.0))))
    half = ClassificationTask(Linear(), nn.CrossEntropyLoss(), [], classes=2, divide=True)
    both = {"image": batch["image"].repeat(2, 1, 1, 1), "target": torch.tensor([0, 0])}
    assert float(half.step(both)["loss"].detach()) == pytest.approx(float(np.log1p(np.exp(4.0))) / 2)


def test_a_validation_normalises_and_counts():
    listed = items(([0.9, 0.1], 0), ([0.1, 0.9], 1), ([0.2, 0.8], 0))
    task = ClassificationTask(Linear(), nn.CrossEntropyLoss(), listed, classes=2)
    assert task.validate() == {"accuracy": pytest.approx(1 / 3)}, "the bias of 5 says 1 always"
    wide = ClassificationTask(Linear(), nn.CrossEntropyLoss(), listed, classes=2, normal=([0.5], [0.001]))
    assert wide.validate() == {"accuracy": pytest.approx(2 / 3)}, "now the pixels outweigh it"
    assert ClassificationTask(Linear(), nn.CrossEntropyLoss(), [], classes=2).validate() == {}


def test_a_loss_with_a_bias_takes_the_place_of_the_networks():
    loss = build_loss(recipe(), "bce-diverse", classes=2)
    task = ClassificationTask(Linear(), loss, items(([0.6, 0.4], 0)), classes=2)
    assert not task.model.fc.bias.any()
    assert task.validate() == {"accuracy": 1.0}
    loss.bias.data = torch.tensor([1.0, 0.0])
    assert task.validate() == {"accuracy": 0.0}, "the bias is part of what is said"
    assert learnt_bias(nn.CrossEntropyLoss()) is None


def test_uniform_scores_are_without_a_single_bias_and_less_many():
    logits, target = torch.tensor([[2.0, -1.0], [3.0, 1.0]]), torch.tensor([0, 0])
    single, many, none = (UniformTest(bias) for bias in (torch.tensor([1.5]), torch.tensor([1.5, 0.5]), None))
    for test in (single, many, none):
        test.update(logits, target)
        assert test.metrics() == {"class-wise": 1.0, "uniform": 1.0}
    assert none.thresholds() == {"threshold": 1.5, "interval": [1.0, 2.0]}
    assert many.thresholds() == {"threshold": 1.5, "interval": [1.0, 2.0], "bias": [1.5, 0.5], "at_bias": 0.5}
    assert single.thresholds() == {"threshold": 3.0, "interval": [2.5, 3.5], "bias": [1.5], "at_bias": 0.5}


def test_training_images_validate_where_none_do():
    shapes = SyntheticClasses(size=16, count=128)
    (split,) = split_samples(shapes, dataclasses.replace(DATA, validation=0.25))
    assert len(split.validation) == 24
    assert sorted(split.train + split.validation) == sorted(shapes.split.train)
    assert {shapes.labels[i] for i in split.validation} == set(range(8))
    assert split_samples(shapes, dataclasses.replace(DATA, validation=0.0)) == [shapes.split]
    assert len(split_samples(shapes, dataclasses.replace(DATA, split="folds"))) == 3
    assert len(split_samples(shapes, dataclasses.replace(DATA, split="holdout"))[0].test) == 42
    assert held_out([0, 1, 1], 0.9, seed=0) < {1, 2}, "a class keeps an image to train on"
    with pytest.raises(ValueError, match=r"data\.validation is 1"):
        split_samples(shapes, dataclasses.replace(DATA, validation=1.0))


def test_a_comparison_of_classifiers(finished):
    described = read_json(finished / "comparison.json")
    assert described["task"] == "classification"
    assert described["labels"] == {"plain": "plain", "haar": "haar"}
    assert described["networks"]["plain"]["width"] == 4
    assert "norm" not in described["networks"]["plain"]
    assert described["dataset"]["palette"] is None
    found = read_json(finished / "runs" / "haar-fold0-seed0" / "result.json")
    assert found["status"] == "finished"
    assert found["metrics"]["accuracy"] == pytest.approx(np.mean([row["accuracy"] for row in found["images"]]))
    assert found["metrics"]["uniform"] <= found["metrics"]["class-wise"] <= found["metrics"]["accuracy"]
    assert len(found["images"]) == 16
    assert "robustness" not in found
    own = resolved_recipe(yaml.safe_load((finished / "runs" / "haar-fold0-seed0" / "recipe.yaml").read_text()))
    assert (own.task, own.model.options["wavelet"], own.networks) == ("classification", "haar", {})


def test_robustness_is_added_without_training_again(finished, tmp_path):
    import shutil

    shutil.copytree(finished, tmp_path / "copy")
    best = tmp_path / "copy" / "runs" / "haar-fold0-seed0" / "checkpoints" / "best.pt"
    before, heard = best.read_bytes(), []
    for _ in range(2):
        compare(recipe(robustness=ASKED), tmp_path / "copy", listen=lambda *now: heard.append(now))
        result = read_json(best.parents[1] / "result.json")
        assert set(result["metrics"]) == {"accuracy", "class-wise", "uniform", "corrupted"}
        assert len([row for row in result["images"] if "corrupted" in row]) == 6
    assert not heard
    assert best.read_bytes() == before
    compare(recipe(robustness=ASKED), tmp_path / "whole")
    whole = read_json(tmp_path / "whole" / "runs" / "haar-fold0-seed0" / "result.json")
    assert whole["metrics"] == result["metrics"]
    assert whole["robustness"] == result["robustness"]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["softmax", "bce-unified"])
def test_stopped_and_resumed_gives_the_same(loss, tmp_path):
    chosen = recipe(networks={}, losses=[loss])
    compare(chosen, tmp_path / "whole")

    def stop(cell, progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        compare(chosen, tmp_path / "cut", listen=stop)
    compare(chosen, tmp_path / "cut")
    names = [tmp_path / name / "runs" / f"{loss}-fold0-seed0" for name in ("whole", "cut")]
    first, second = (torch.load(name / "checkpoints" / "best.pt", weights_only=True) for name in names)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert ("loss.bias" in first) == (loss != "softmax")
    assert read_json(names[0] / "result.json")["images"] == read_json(names[1] / "result.json")["images"]


def test_without_validation_the_last_weights_are_tested(tmp_path):
    chosen = recipe(networks={}, data=dataclasses.replace(DATA, validation=0.0))
    compare(chosen, tmp_path)
    run = tmp_path / "runs" / "softmax-fold0-seed0"
    assert read_json(run / "result.json")["best_step"] == 6
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    best = torch.load(run / "checkpoints" / "best.pt", weights_only=True)
    assert all(torch.equal(value, last[f"model.{key}"]) for key, value in best.items())


def test_a_minute_budget_measures_a_step(tmp_path):
    chosen = recipe(budget="0.0001 minutes")
    assert prepare(chosen, tmp_path, read_samples(chosen.data)).steps == 10


def test_untested_classes_are_named():
    shapes = SyntheticClasses(size=16, count=64)
    assert classification_cell.check_samples(shapes) == []
    shapes.split = dataclasses.replace(shapes.split, test=[24])
    assert classification_cell.check_samples(shapes)[0] == "ring: no image tests this class"
    shapes.split = None
    assert classification_cell.check_samples(shapes) == []


@pytest.mark.message
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": dataclasses.replace(DATA, augment="flips")}, r"data\.augment of a classification is 'flips'"),
        ({"data": dataclasses.replace(DATA, crop=[])}, "a classification needs height and width"),
        ({"data": dataclasses.replace(DATA, reader="camvid")}, "there is no class-dataset called 'camvid'"),
        ({"data": dataclasses.replace(DATA, reader="class-folder")}, r"needs the folder of the data: --data\.root"),
        ({"losses": ["softmx"]}, "there is no class-loss called 'softmx'; did you mean 'softmax'"),
        ({"loss_options": {"softmax": {"margin": 1}}}, "loss_options of softmax: .*margin"),
        ({"networks": {}, "model": Model(name="unet")}, "there is no classifier called 'unet'"),
        ({"networks": {}, "model": Model(name="cifar-resnet", options={"width": 2})}, "give it as model.width"),
        ({"robustness": Robustness(corruptions=["fogg"])}, r"robustness\.corruptions is 'fogg'.* did you mean 'fog'"),
        ({"robustness": Robustness(attacks=["pdg"])}, r"robustness\.attacks is 'pdg'"),
        ({"robustness": Robustness(severities=[6])}, "severities are 1 to 5"),
        ({"robustness": Robustness(eps=[-1.0])}, "robustness has a negative eps"),
        ({"task": "boxes"}, "task is 'boxes', but must be one of segmentation, classification, detection"),
    ],
)
def test_says_what_is_wrong_before_training(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        compare(recipe(**changes), tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.message
def test_a_segmentation_refuses_what_is_for_classes():
    kind = kind_of("segmentation")
    with pytest.raises(ValueError, match=r"data\.augment of a segmentation is 'cifar'"):
        kind.check_recipe(Recipe(data=Data(augment="cifar")))
    with pytest.raises(ValueError, match="robustness is for classifications"):
        kind.check_recipe(Recipe(robustness=ASKED))


def test_names_of_methods_are_those_of_networks_and_losses():
    chosen = recipe(losses=["softmax", "bce-diverse"])
    assert [method.name for method in methods(chosen)][:2] == ["plain-softmax", "plain-bce-diverse"]
