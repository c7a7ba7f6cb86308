"""Recognition: identities apart, a step, embeddings, networks and heads of a recipe."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_recognition import DATA, recipe
from torch import nn

from subband.config import Model
from subband.data import Split
from subband.data.class_sample import ClassReader
from subband.models.iresnet import IResNet
from subband.tasks.recognition import (
    OpenSet,
    RecognitionTask,
    build_head,
    build_model,
    embed,
    features_of,
    load_weights,
    options_of,
    read_samples,
    set_epoch,
)


class Grey(ClassReader):
    """Six images of 1 x 1 pixel, of persons 0, 0, 1, 1, 2, 2."""

    def __init__(self):
        super().__init__(list("abcdef"), [0, 0, 1, 1, 2, 2], class_names=["x", "y", "z"], channels=1)

    def read(self, index):
        return np.full((1, 1, 1), index, np.uint8)


class Threshold(nn.Module):
    """A head with an epoch, whose loss is the sum of the embeddings."""

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def forward(self, embeddings, labels):
        return embeddings.sum() + labels.sum()


def test_training_identities_are_numbered_from_0_and_the_others_after_them():
    found = OpenSet(Grey(), Split([2, 3, 4, 5], [], [0, 1]))
    assert found.labels == [2, 2, 0, 0, 1, 1]
    assert (found.classes, found.class_names) == (2, ["y", "z"])
    assert (found[0].label, found[4].label, found[4].pixels.item()) == (2, 1, 4)


def test_no_identity_both_trains_and_tests():
    samples = read_samples(dataclasses.replace(DATA, validation=0.2))
    parts = [{samples.labels[i] for i in part} for part in vars(samples.split).values()]
    assert [len(part) for part in parts] == [4, 2, 4]
    assert len(set.union(*parts)) == 10
    assert parts[0] == set(range(samples.classes)), "numbered from 0"
    other = read_samples(dataclasses.replace(DATA, fold_seed=1))
    assert {other.names[i] for i in other.split.test} != {samples.names[i] for i in samples.split.test}


def test_all_identities_train_where_other_sets_test():
    samples = read_samples(dataclasses.replace(DATA, split="given"))
    assert (samples.classes, len(samples.split.train), samples.split.test) == (10, 40, [])
    samples = read_samples(dataclasses.replace(DATA, split="given", validation=0.2))
    assert (samples.classes, len(samples.split.validation)) == (8, 8)


@pytest.mark.message
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identities": 9}, "data.identities is 9 of 10 identities; test on 2 or more, and leave 2 or more to train"),
        (
            {"reader": "class-folder"},
            "the reader 'class-folder' needs the file or folder of the data: --data.root PATH",
        ),
        ({"reader": "clas-folder"}, "there is no face-dataset called 'clas-folder'; did you mean 'class-folder'"),
    ],
)
def test_wrong_data_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        read_samples(dataclasses.replace(DATA, **change))


@pytest.mark.message
def test_one_identity_is_not_enough():
    with pytest.raises(ValueError, match="the 2 training images are of 1 identity, but a recognition learns from 2"):
        OpenSet(Grey(), Split([0, 1], [], [2, 3]))


def test_a_step_is_the_head_of_the_embeddings_and_hears_its_epoch():
    model, head = nn.Flatten(), nn.Sequential(Threshold())
    task = RecognitionTask(model, Threshold())
    batch = {"image": torch.ones(2, 1, 1, 3), "target": torch.tensor([1, 4])}
    assert float(task.step(batch)["loss"]) == 11
    task.at_step(7, 3)
    assert task.loss.epoch == 3
    set_epoch(head, 5)
    assert head[0].epoch == 5, "heads within a head too"
    assert task.validate() == {}
    assert RecognitionTask(model, head, lambda network: {"accuracy": 0.5}).validate() == {"accuracy": 0.5}


def test_slopes_of_an_iresnet_stay_positive():
    network = IResNet((1, 1, 1, 1), size=16, width=2, features=4)
    task = RecognitionTask(network, Threshold())
    for each in (lambda: task.at_step(0, 0), task.validate):
        network.prelu.weight.data.fill_(-1)
        each()
        assert network.prelu.weight.detach().numpy() == pytest.approx(0.01)


def test_embeddings_are_those_of_the_network_and_of_the_mirrored_images():
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    model[1].weight.data = torch.tensor([[1.0, 10.0]])
    images = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]], [[[5.0, 6.0]]]])
    assert embed(model, images, batch=2).tolist() == [[21], [43], [65]]
    assert embed(model, images, flip=True).tolist() == [[33], [77], [121]]
    assert embed(model, [{"image": images[1], "name": "b"}]).tolist() == [[43]]
    assert model.training, "as it was"


def test_embeddings_are_those_of_the_evaluation():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3))
    images = torch.rand(5, 1, 2, 2)
    assert np.array_equal(embed(model, images), embed(model, images))


@pytest.mark.message
def test_an_embedding_that_is_not_finite_names_its_image():
    items = [{"image": torch.tensor([[[value]]]), "name": f"face {value}"} for value in (1.0, 0.0, -1.0)]

    class Root(nn.Module):
        def forward(self, x):
            return x.flatten(1).sqrt()

    with pytest.raises(ValueError, match=r"the embedding of image face -1.0 is not finite, and 0 more of its batch"):
        embed(Root(), items)
    with pytest.raises(ValueError, match="the embedding of image 2 is not finite"):
        embed(Root(), torch.stack([each["image"] for each in items]), batch=1)
    with pytest.raises(ValueError, match="there is no image to embed"):
        embed(Root(), [])


def test_networks_and_heads_of_a_recipe():
    model = Model(name="iresnet", options={"depth": [1, 1, 1, 1], "width": 4, "features": 16, "size": [32, 16]})
    network = build_model(model, channels=1, classes=5, seed=3)
    assert network(torch.zeros(2, 1, 32, 16)).shape == (2, 16)
    again = build_model(model, channels=1, classes=5, seed=3)
    assert torch.equal(network.fc5.weight, again.fc5.weight)
    head = build_head(recipe(model=model, loss_options={"cosface": {"scale": 32.0}}), "cosface", classes=5)
    assert (head.weight.shape, head.scale) == ((5, 16), 32.0)
    assert "variant" in options_of("iresnet50")
    assert "width" not in options_of("iresnet50"), "model.width is not the IResNet's"
    assert "blocks" in options_of("cifar-resnet")
    assert build_model(recipe().model, channels=3, classes=5, seed=0).conv1.out_channels == 4


@pytest.mark.message
def test_wrong_networks_and_heads_are_named():
    with pytest.raises(ValueError, match="loss_options of cosface"):
        build_head(recipe(loss_options={"cosface": {"margins": 1}}), "cosface")
    with pytest.raises(ValueError, match="there is no head called 'cosfase'; did you mean 'cosface'"):
        build_head(recipe(), "cosfase")
    two = {"A": {"options": {"features": 8}}, "B": {"options": {"features": 9}}}
    with pytest.raises(ValueError, match=r"embeddings of other lengths \(A 8, B 9\)"):
        features_of(recipe(networks=two))


def test_checkpoints_fill_networks(tmp_path):
    small = {"depth": [1, 1, 1, 1], "width": 2, "features": 4, "size": 16}
    for model in (Model(name="iresnet", options=small), Model(name="cifar-resnet", width=2, options={"features": 4})):
        source, target = (build_model(model, channels=3, classes=2, seed=seed) for seed in (0, 1))
        torch.save(source.state_dict(), tmp_path / "weights.pt")
        assert "entries of the network are filled" in str(load_weights(target, tmp_path / "weights.pt"))
        assert torch.equal(target.conv1.weight, source.conv1.weight)
