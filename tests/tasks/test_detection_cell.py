"""A comparison of detectors: what it writes, goes on with, asks later, and refuses; sizes and weights of a recipe."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from tiny_detection import ASKED, DATA, MODEL, SMALL, recipe

from subband._files import read_json
from subband.config import Data, Model, Robustness, resolved_recipe
from subband.data import Split
from subband.data.box_set import BoxSet
from subband.data.boxes import BoxSample
from subband.data.images import read_image
from subband.metrics.detection import DETECTION_METRICS
from subband.report import verdict, write_report
from subband.tasks.compare import compare
from subband.tasks.detection_cell import build_model, check_samples, options_of, read_samples, split_samples
from subband.tasks.weights import load_detector


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished comparison, what it said, and the steps that it told."""
    folder, said, heard = tmp_path_factory.mktemp("boxes"), [], []
    compare(recipe(), folder, say=said.append, listen=lambda cell, now: heard.append(cell.name))
    return folder, said, heard


@pytest.mark.slow
def test_conversion_and_what_is_frozen_are_said_before_training(finished):
    _, said, heard = finished
    assert said[0].startswith("plain: ")
    assert said[0].endswith(" parameters learn; nothing is frozen")
    assert said[1].startswith("haar: haar: 7 of 9 places became low-pass filters; ")
    assert heard == ["plain-fold0-seed0"] * 2 + ["haar-fold0-seed0"] * 2


@pytest.mark.slow
def test_what_a_run_writes(finished):
    folder, *_ = finished
    run = folder / "runs" / "haar-fold0-seed0"
    result = read_json(run / "result.json")
    assert result["status"] == "finished"
    assert tuple(result["metrics"]) == DETECTION_METRICS
    assert "7 of 9 places" in result["conversion"]
    assert "nothing is frozen" in result["frozen"]
    assert result["class_names"] == ["rectangle", "disc", "triangle"]
    samples = read_samples(DATA)
    boxes = json.loads((run / "predictions" / "boxes.json").read_text())
    assert list(boxes) == [row["name"] for row in result["images"]] == [samples.names[i] for i in samples.split.test]
    assert {"boxes", "labels", "scores"} == set(next(iter(boxes.values())))
    assert "val_AP50" in (run / "metrics.csv").read_text()
    own = resolved_recipe(yaml.safe_load((run / "recipe.yaml").read_text()))
    assert (own.task, own.model.name, own.model.options["wavelet"], own.model.side) == (
        "detection",
        "retinanet",
        "haar",
        48,
    )
    described = read_json(folder / "comparison.json")
    assert described["networks"]["plain"]["side"] == 48
    assert "depth" not in described["networks"]["plain"]
    (shown,) = read_json(folder / "images" / "names.json")
    sample = samples[samples.names.index(shown["name"])]
    assert shown["boxes"] == sample.boxes.tolist()
    np.testing.assert_allclose(read_image(folder / "images" / "00.png"), sample.image, atol=1e-6)


@pytest.mark.slow
def test_goes_on_and_corrupts_later_without_training_again(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "copy")
    run, heard = tmp_path / "copy" / "runs" / "plain-fold0-seed0", []
    for _ in range(2):
        compare(recipe(robustness=ASKED), tmp_path / "copy", listen=lambda *now: heard.append(now))
        result = read_json(run / "result.json")
        assert tuple(result["metrics"]) == (*DETECTION_METRICS, "mPC", "rPC")
    assert not heard
    part = result["robustness"]["corruptions"]
    assert (part["images"], part["AP"].keys(), part["AP"]["contrast"].keys()) == (1, {"contrast"}, {"1", "5"})
    assert result["metrics"]["mPC"] == pytest.approx(np.mean(list(part["AP"]["contrast"].values())))
    page = write_report(tmp_path / "copy").read_text()
    assert "<h2>Corruptions</h2>" in page
    assert "AP50" in verdict(tmp_path / "copy")


@pytest.mark.slow
def test_stopped_and_resumed_gives_the_same(tmp_path):
    chosen = recipe(networks={}, budget="2 steps", validations=2)
    compare(chosen, tmp_path / "whole")

    def stop(cell, progress):
        if progress.step == 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        compare(chosen, tmp_path / "cut", listen=stop)
    compare(chosen, tmp_path / "cut")
    names = [
        tmp_path / name / "runs" / "detection-fold0-seed0" / "checkpoints" / "last.ckpt" for name in ("whole", "cut")
    ]
    first, second = (torch.load(name, weights_only=True)["state_dict"] for name in names)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_sizes_of_a_recipe():
    built = build_model(MODEL, channels=3, classes=3, seed=1)
    assert built.transform.max_size == 48
    assert built.backbone.out_channels == 64
    assert built.roi_heads.box_head.fc6.out_features == 32
    assert built.roi_heads.box_predictor.cls_score.out_features == 4
    again = build_model(MODEL, channels=3, classes=3, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(built.parameters(), again.parameters(), strict=True))
    usual = build_model(
        Model(name="retinanet", side=128, width=128, options={"wavelet": "none"}), channels=3, classes=2, seed=0
    )
    assert usual.anchor_generator.sizes[0][0] == 8, "as for small images"
    large = build_model(Model(name="retinanet", side=640, width=64), channels=3, classes=2, seed=0)
    assert large.anchor_generator.sizes[0][0] == 32, "torchvision's"
    assert {"side", "wavelet", "anchor"} <= set(options_of("fasterrcnn"))


def test_a_checkpoint_fills_the_backbone_or_the_detector(tmp_path):
    donor = build_model(MODEL, channels=3, classes=5, seed=1)
    torch.save(donor.backbone.body.state_dict(), tmp_path / "classifier.pt")
    network = build_model(
        dataclasses.replace(MODEL, options={**SMALL, "wavelet": "haar"}), channels=3, classes=3, seed=0
    )
    said = str(load_detector(network, tmp_path / "classifier.pt"))
    assert "entries of the backbone are filled" in said
    assert "stay" not in said
    assert torch.equal(network.backbone.body.conv1.weight, donor.backbone.body.conv1.weight)
    assert not torch.equal(network.rpn.head.conv[0][0].weight, donor.rpn.head.conv[0][0].weight)
    torch.save(donor.state_dict(), tmp_path / "detector.pt")
    said = str(load_detector(network, tmp_path / "detector.pt"))
    assert "entries of the detector are filled; roi_heads.box_predictor.cls_score.weight and 3 more stay random" in said
    assert torch.equal(network.rpn.head.conv[0][0].weight, donor.rpn.head.conv[0][0].weight)
    torch.save({"other": torch.zeros(1)}, tmp_path / "none.pt")
    with pytest.raises(ValueError, match=r"nothing in .* fits the backbone of the FasterRCNN"):
        load_detector(network, tmp_path / "none.pt")


def test_synthetic_parts_and_splits():
    data = dataclasses.replace(DATA, count=8, fold_seed=2)
    samples = read_samples(data)
    assert [len(part) for part in vars(samples.split).values()] == [8, 1, 2]
    assert not np.array_equal(samples[0].image, samples[8].image), "other seeds"
    assert split_samples(samples, data) == [samples.split]
    assert split_samples(samples, dataclasses.replace(data, split="same")) == [Split(*[list(range(11))] * 3)]
    samples.split = Split(list(range(8)), [], [8])
    (held,) = split_samples(samples, dataclasses.replace(data, validation=0.25))
    assert (len(held.train), len(held.validation), held.test) == (6, 2, [8])


class Bare:
    """Images of which the first ``empty`` have no box."""

    def __init__(self, count, empty):
        self.class_names = ["thing"]
        self.names, self.empty = [f"{index}" for index in range(count)], empty

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        boxes = np.zeros((0 if index < self.empty else 1, 4), np.float32)
        boxes[:, 2:] = 4
        return BoxSample(self.names[index], np.zeros((3, 8, 8), np.float32), boxes, np.ones(len(boxes), np.int64))


def test_images_without_a_box_are_counted():
    assert check_samples(BoxSet({"all": Bare(3, 0)})) == []
    assert check_samples(BoxSet({"all": Bare(3, 2)})) == ["2 of 3 images looked at have no box, 0 for one"]
    with pytest.raises(ValueError, match="none of 3 images has a box, 0 for one; give images with boxes"):
        check_samples(BoxSet({"all": Bare(3, 3)}))


@pytest.mark.message
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": dataclasses.replace(DATA, augment="flips")}, r"data\.augment of a detection is 'flips'"),
        ({"data": dataclasses.replace(DATA, normalise="all")}, r"normalise of a detection, .* must be one of imagenet"),
        ({"data": dataclasses.replace(DATA, reader="class-folder")}, "there is no box-dataset called 'class-folder'"),
        ({"data": dataclasses.replace(DATA, reader="box-folder")}, r"needs the folder of the data: --data\.root"),
        ({"losses": ["ce"]}, "there is no box-loss called 'ce'"),
        ({"loss_options": {"detection": {"a": 1}}}, "loss_options of detection: .*'a'"),
        ({"networks": {"a": {"name": "yolo"}}}, "there is no detector called 'yolo'"),
        ({"networks": {"a": {"options": {"wavelt": "haar"}}}}, "has no option 'wavelt'; did you mean 'wavelet'"),
        ({"networks": {"a": {"width": 16}}}, r"model\.width is 16, but the pyramid .* multiple of 64"),
        ({"networks": {"a": {"norm": "instance"}}}, "norm is 'instance', but must be one of batch, frozen, group"),
        ({"robustness": Robustness(shift=4)}, r"robustness\.shift is for classifications"),
        ({"robustness": Robustness(corruptions=["fogg"])}, r"robustness\.corruptions is 'fogg'.* did you mean 'fog'"),
    ],
)
def test_says_what_is_wrong_before_training(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        compare(recipe(**changes), tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.message
def test_a_set_in_one_part_needs_another_split():
    with pytest.raises(ValueError, match=r"the images are in one part, .*; take --data\.split holdout, or folds"):
        split_samples(BoxSet({"all": Bare(6, 0)}), Data(split="given"))
