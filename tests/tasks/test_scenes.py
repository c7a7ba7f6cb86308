"""Several classes with void: what a step, a validation, a test and a comparison of networks make of it."""

import dataclasses

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from subband._files import read_json
from subband.config import Data, Model, Optim, Recipe, resolved_recipe
from subband.data import VOID, Split
from subband.data.images import write_png
from subband.data.sample import Reader, Sample
from subband.losses.segmentation import CrossEntropyLoss
from subband.metrics import ConfusionMatrix, mean_iou
from subband.tasks import segmentation, segmentation_cell
from subband.tasks.cell import Cell, run_cell
from subband.tasks.compare import compare
from subband.tasks.methods import methods
from subband.tasks.preparation import IMAGENET, normalisations, prepare
from subband.tasks.segmentation import SegmentationTask, build_loss, build_model, evaluate, split_samples
from subband.tasks.trained import evaluate_run, trained_run

CLASSES = ("ground", "thing", "line")


class Blocks(Reader):
    """Three classes in three colours, with a stripe of void; the third is in few images."""

    def __init__(self, count=9, size=24):
        super().__init__(
            [f"b{i}" for i in range(count)],
            classes=3,
            class_names=CLASSES,
            palette=[(0, 0, 0), (255, 0, 0), (0, 0, 255)],
            split=Split([0, 1, 2, 3, 4], [5, 6], [7, 8]),
        )
        self.size = size

    def read(self, index):
        rng = np.random.default_rng(index)
        mask = np.zeros((self.size, self.size), np.uint8)
        mask[4 : 10 + index, 6:18] = 1
        if index % 2:
            mask[-3:] = 2
        image = np.stack([mask == c for c in range(3)]).astype(np.float32) * 0.4 + 0.6 * rng.random((3, *mask.shape))
        mask[:, :2] = VOID
        return Sample(self.names[index], image.astype(np.float32), mask)


@pytest.fixture
def blocks(monkeypatch):
    """The blocks instead of every reader."""
    reader = Blocks()
    for module in (segmentation, segmentation_cell):
        monkeypatch.setattr(module, "read_samples", lambda data: reader)
    from subband.tasks import trained

    monkeypatch.setattr(trained, "read_samples", lambda data: reader)
    return reader


def recipe(**changes):
    base = Recipe(
        name="blocks",
        data=Data(reader="synthetic-membranes", crop=[16, 16], batch=2, augment="none", split="given"),
        model=Model(width=4, depth=2),
        networks={"UNet": {}, "Attention": {"name": "attention-unet"}},
        optim=Optim(lr=0.02),
        losses=["ce"],
        baseline="UNet",
        budget="6 steps",
        validations=2,
        threads=1,
    )
    return dataclasses.replace(base, **changes)


class Echo(nn.Module):
    """Predicts the class whose channel is brightest, so the truth where the image is clean."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(9.0))

    def forward(self, image):
        return self.gain * image


def items(blocks, *indices):
    return [{"image": torch.from_numpy(blocks[i].image), "target": torch.from_numpy(blocks[i].mask)} for i in indices]


def test_void_changes_neither_loss_nor_gradient(blocks):
    loss = build_loss(recipe(), "ce", classes=3)
    assert loss.ignore_index == VOID
    assert build_loss(recipe(), "ce").ignore_index is None, "two classes stay as they were"
    (item,) = items(blocks, 7)
    model = Echo()
    batch = {"image": item["image"][None], "target": item["target"][None].long()}
    value = SegmentationTask(model, loss, []).step(batch)["loss"].detach()
    counted = batch["target"] != VOID
    expected = nn.functional.cross_entropy(model(batch["image"]), batch["target"], ignore_index=VOID).detach()
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    changed = batch["image"].clone()
    changed[:, :, ~counted[0]] = 0.123
    again = SegmentationTask(model, loss, []).step({**batch, "image": changed})["loss"].detach()
    assert float(again) == float(value)


def test_void_does_not_count_in_the_test(blocks):
    (item,) = items(blocks, 7)
    scores, probability = evaluate(Echo(), item)
    found, truth = probability.argmax(0), blocks[7].mask
    assert scores["mIoU"] == pytest.approx(mean_iou(found, truth, classes=3, ignore_index=VOID))
    assert scores["accuracy"] == np.mean(found[truth != VOID] == truth[truth != VOID])
    assert list(scores)[:2] == ["mIoU", "accuracy"]
    assert {"mDice", "VI", "clDice"} <= set(scores)


def test_validation_is_of_all_pixels_together(blocks):
    listed = items(blocks, 4, 7, 8)
    found = SegmentationTask(Echo(), CrossEntropyLoss(), listed).validate()
    table = ConfusionMatrix(3, ignore_index=VOID)
    for item in listed:
        table.update(segmentation.predict(Echo(), item["image"]).argmax(0), item["target"])
    assert found == table.metrics()
    single = [SegmentationTask(Echo(), CrossEntropyLoss(), [item]).validate()["mIoU"] for item in listed]
    assert found["mIoU"] != pytest.approx(np.mean(single))


def test_the_loss_may_be_divided_by_the_batch(blocks):
    batch = {"image": torch.rand(4, 3, 8, 8), "target": torch.randint(0, 3, (4, 8, 8))}
    whole, part = (
        SegmentationTask(Echo(), CrossEntropyLoss(), [], divide=divide).step(batch)["loss"].detach()
        for divide in (False, True)
    )
    assert float(part) == pytest.approx(float(whole) / 4)


def test_networks_are_compared(blocks, tmp_path):
    described = compare(recipe(), tmp_path)
    assert list(described["methods"]) == ["unet", "attention"]
    assert described["labels"] == {"unet": "UNet", "attention": "Attention"}
    assert described["baseline"] == "unet"
    assert described["methods"]["attention"] == {"network": "Attention", "loss": "ce"}
    assert described["dataset"]["class_names"] == list(CLASSES)
    assert described["dataset"]["palette"][1] == [255, 0, 0]
    counts = {label: keys["parameters"] for label, keys in described["networks"].items()}
    assert counts["UNet"] < counts["Attention"]
    run = tmp_path / "runs" / "attention-fold0-seed0"
    found = read_json(run / "result.json")
    assert (found["method"], found["network"], found["loss"]) == ("attention", "Attention", "ce")
    table = np.array(found["confusion"])
    assert table.shape == (3, 3)
    assert table.sum() == sum((blocks[i].mask != VOID).sum() for i in blocks.split.test)
    rebuilt = ConfusionMatrix(3)
    rebuilt.counts = table
    assert {name: found["metrics"][name] for name in rebuilt.metrics()} == rebuilt.metrics()
    assert list(found["class_iou"]) == list(CLASSES)
    assert found["class_iou"]["thing"] == pytest.approx(float(rebuilt.iou[1]), nan_ok=True)
    assert [image["name"] for image in found["images"]] == ["b7", "b8"]
    own = resolved_recipe(yaml.safe_load((run / "recipe.yaml").read_text()))
    assert (own.model.name, own.networks) == ("attention-unet", {})


def test_a_trained_network_is_read_again(blocks, tmp_path):
    compare(recipe(), tmp_path)
    run = tmp_path / "runs" / "attention-fold0-seed0"
    assert type(trained_run(run).model).__name__ == "AttentionUNet"
    again = evaluate_run(run, images=None, masks=None, out=None)
    first = read_json(run / "result.json")
    assert again["metrics"] == first["metrics"]
    assert again["class_iou"] == pytest.approx(first["class_iou"], nan_ok=True)


def test_other_images_may_lack_classes(blocks, tmp_path):
    """Two classes in the folder, three in the network: the run's own names are taken."""
    compare(recipe(), tmp_path / "out")
    for index in range(2):
        sample = blocks[index]
        write_png(tmp_path / "images" / f"{index}.png", np.moveaxis((sample.image * 255).astype(np.uint8), 0, -1))
        write_png(tmp_path / "masks" / f"{index}.png", np.minimum(sample.mask, 1))
    run = tmp_path / "out" / "runs" / "unet-fold0-seed0"
    found = evaluate_run(run, images=tmp_path / "images", masks=tmp_path / "masks", out=tmp_path / "again")
    assert list(found["class_iou"]) == list(CLASSES)
    assert (tmp_path / "again" / "evaluation.json").exists()


@pytest.mark.slow
def test_the_verbs_show_classes(blocks, tmp_path, capsys):
    from subband.cli import main

    compare(recipe(), tmp_path)
    assert main(["evaluate", str(tmp_path / "runs" / "unet-fold0-seed0")]) == 0
    out = capsys.readouterr().out
    assert "IoU" in out
    assert all(name in out for name in CLASSES)
    assert main(["report", str(tmp_path)]) == 0
    assert "Attention" in capsys.readouterr().out


@pytest.mark.slow
def test_a_comparison_of_networks_grows(blocks, tmp_path):
    compare(recipe(), tmp_path)
    heard = []
    more = {**recipe().networks, "Wide": {"width": 6}}
    compare(recipe(networks=more), tmp_path, listen=lambda cell, now: heard.append(cell.method.name))
    assert set(heard) == {"wide"}


@pytest.mark.message
def test_what_a_folder_refuses(blocks, tmp_path):
    compare(recipe(), tmp_path)
    other = {**recipe().networks, "UNet": {"width": 5}}
    with pytest.raises(ValueError, match="holds a comparison with other networks of UNet"):
        compare(recipe(networks=other), tmp_path)
    with pytest.raises(ValueError, match=r"names of methods, unet \(now unet-ce\)"):
        compare(recipe(losses=["ce", "dice"]), tmp_path)


def test_a_folder_of_before_is_gone_on_with(blocks, tmp_path):
    """A recipe.yaml that knows nothing of networks, options and schedules."""
    plain = recipe(networks={})
    compare(plain, tmp_path)
    stored = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    for group, key in ((stored, "networks"), (stored, "validation_images"), (stored["model"], "options")):
        del group[key]
    del stored["model"]["weights"], stored["optim"]["power"], stored["optim"]["head_lr_factor"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(stored))
    heard = []
    compare(plain, tmp_path, listen=lambda cell, now: heard.append(cell.name))
    assert heard == []
    with (tmp_path / "runs" / "ce-fold0-seed0" / "recipe.yaml").open("w") as file:
        yaml.safe_dump(stored, file)
    assert trained_run(tmp_path).recipe.networks == {}


def test_the_split_of_the_set(blocks):
    assert split_samples(blocks, Data(split="given")) == [blocks.split]


def test_imagenet_normalisation(blocks):
    chosen = recipe(data=dataclasses.replace(recipe().data, normalise="imagenet"))
    ((mean, std),) = normalisations(chosen, blocks, [blocks.split])
    assert (tuple(mean), tuple(std)) == IMAGENET


def test_validation_may_read_fewer_images(blocks, tmp_path, monkeypatch):
    from subband.tasks import cell as cell_module

    seen = []
    monkeypatch.setattr(cell_module._run, "fit", lambda task, *rest, **more: seen.append(len(task.validation)) or 1 / 0)
    for most in (1, 0):
        chosen = recipe(validation_images=most)
        material = prepare(chosen, tmp_path, blocks)
        with pytest.raises(ZeroDivisionError):
            run_cell(material, Cell(methods(chosen)[0], 0, 0), tmp_path)
    assert seen == [1, 2]


def test_weights_initialise_every_seed(blocks, tmp_path, monkeypatch):
    """The encoder is the checkpoint's, the rest is the seed's."""

    class WithEncoder(nn.Module):
        def __init__(self, channels, outputs, *, width=4):
            super().__init__()
            self.encoder, self.head = nn.Conv2d(channels, width, 1), nn.Conv2d(width, outputs, 1)

        def forward(self, image):
            return self.head(self.encoder(image))

    from subband import catalog

    entry = dataclasses.replace(catalog.find("model", "unet"), target="none:none")
    monkeypatch.setattr(type(entry), "load", lambda self: WithEncoder if self.kind == "model" else CrossEntropyLoss)
    path = tmp_path / "classifier.pth"
    torch.save({"features.weight": torch.full((4, 3, 1, 1), 0.5), "fc.bias": torch.zeros(3)}, path)
    chosen = recipe(networks={}, model=Model(weights=str(path), width=4), budget="1 steps")
    said = []
    described = compare(chosen, tmp_path / "out", say=said.append)
    assert any("1 of 2 entries of the encoder are filled; bias stays random; fc.bias" in line for line in said)
    assert "depth" not in described["model"], "it has none"
    material = prepare(chosen, tmp_path / "out", blocks)
    first, second = (material.model(methods(chosen)[0], seed) for seed in (0, 1))
    assert (first.encoder.weight == 0.5).all()
    assert not torch.equal(first.head.weight, second.head.weight)


@pytest.mark.message
def test_unknown_options_of_a_network():
    with pytest.raises(
        ValueError, match=r"the network 'unet' has no option 'dim'; did you mean 'dims'\? \(known: dims\)"
    ):
        build_model(Model(options={"dim": 2}), channels=1, classes=2, seed=0)
    with pytest.raises(ValueError, match=r"options of the network 'unet' hold 'width'; give it as model\.width"):
        build_model(Model(options={"width": 2}), channels=1, classes=2, seed=0)


@pytest.mark.message
def test_what_does_not_fit_is_said_before_anything_is_trained(blocks, tmp_path):
    with pytest.raises(ValueError, match=r"head_lr_factor needs a network with an encoder, but 'unet' has none"):
        compare(recipe(optim=Optim(head_lr_factor=10)), tmp_path / "a")
    with pytest.raises(ValueError, match="has no option 'wavelett'"):
        compare(recipe(networks={"A": {"options": {"wavelett": "haar"}}}), tmp_path / "b")
    grey = recipe(data=dataclasses.replace(recipe().data, normalise="imagenet"))
    blocks.read = lambda index: Sample("b", np.zeros((1, 4, 4), np.float32), np.zeros((4, 4), np.uint8))
    blocks._kept.clear()
    with pytest.raises(ValueError, match="'imagenet', but the images have 1 channel"):
        normalisations(grey, blocks, [blocks.split])
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_options_reach_the_network():
    assert build_model(Model(width=4, depth=2, options={"dims": 3}), channels=1, classes=3, seed=0).dims == 3
