"""A trained classifier says the same again: of its own images, of folders, of corrupted trees, of files."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_classification import DATA, recipe

from subband._files import read_json, write_json
from subband.config import Model, Robustness
from subband.corrupt import write_corrupted
from subband.data.images import write_png
from subband.data.synthetic_classes import SyntheticClasses
from subband.metrics.robustness import ALEXNET_ERRORS
from subband.tasks.classification import build_model, read_samples
from subband.tasks.compare import compare
from subband.tasks.finished_run import task_of
from subband.tasks.trained_classifier import classify_files, evaluate_classifier, trained_classifier
from subband.tasks.weights import load_classifier


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    compare(recipe(), folder)
    return folder


def test_a_run_tests_again_class_folders_and_corrupted_trees(finished, tmp_path):
    run = finished / "runs" / "haar-fold0-seed0"
    assert task_of(run) == "classification"
    result = read_json(run / "result.json")
    assert evaluate_classifier(run, images=None, out=tmp_path / "own")["images"] == result["images"]
    shapes = read_samples(DATA)
    for index in shapes.split.test:
        sample = shapes[index]
        path = tmp_path / "set" / shapes.class_names[sample.label] / f"{sample.name}.png"
        write_png(path, np.moveaxis(sample.pixels, 0, -1))
    other = evaluate_classifier(run, images=tmp_path / "set", out=tmp_path / "other")
    assert other["metrics"]["accuracy"] == result["metrics"]["accuracy"]
    write_corrupted(tmp_path / "set", tmp_path / "tree", names=["gaussian_noise"], severities=[1, 5])
    tree = evaluate_classifier(run, images=tmp_path / "tree", out=tmp_path / "tree-result")
    fly = evaluate_classifier(
        run,
        images=None,
        out=tmp_path / "fly",
        robustness=Robustness(corruptions=["gaussian_noise"], severities=[1, 5]),
    )
    assert tree["corruptions"] == {
        name: {each: pytest.approx(error) for each, error in row.items()}
        for name, row in fly["robustness"]["corruptions"]["errors"].items()
    }, "written and on the fly are the same pixels"
    own = tree["corruptions"]["gaussian_noise"]
    assert tree["summary"] == {"mean error": pytest.approx((own["1"] + own["5"]) / 2)}, "no mCE: not ImageNet"
    assert "gaussian_noise/2: 0 of" in tree["missing"][0]
    assert "shot_noise: no image" in tree["missing"]
    (tmp_path / "set" / "dics").mkdir()
    write_png(tmp_path / "set" / "dics" / "0.png", np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(ValueError, match="has a class 'dics', but the run's classes has not; did you mean 'disc'"):
        evaluate_classifier(run, images=tmp_path / "set", out=tmp_path / "other")


def test_files_get_a_class_and_its_probability(finished, tmp_path):
    write_png(tmp_path / "a.png", np.zeros((20, 18, 3), np.uint8))
    (row,) = classify_files(trained_classifier(finished / "runs" / "plain-fold0-seed0"), [tmp_path / "a.png"])
    assert row["class"] in SyntheticClasses(size=16).class_names
    assert 1 / 8 <= row["probability"] <= 1


def test_a_learnt_bias_moves_is_kept_and_read_again(tmp_path):
    compare(recipe(networks={}, losses=["bce-unified"]), tmp_path)
    run = tmp_path / "runs" / "bce-unified-fold0-seed0"
    result = read_json(run / "result.json")
    (bias,) = result["uniform"]["bias"]
    assert bias != pytest.approx(np.log(7)), "it starts there"
    again = trained_classifier(run)
    assert again.bias.tolist() == [pytest.approx(bias)]
    torch.testing.assert_close(again.model.model.fc.bias, torch.full((8,), -bias))
    found = evaluate_classifier(run, images=None, out=tmp_path / "again")
    assert found["metrics"] == result["metrics"]
    assert found["uniform"] == result["uniform"]


def test_a_checkpoint_fills_what_fits(tmp_path):
    donor = build_model(Model(name="cifar-resnet", width=4, options={"blocks": 1}), channels=3, classes=5, seed=1)
    torch.save(donor.state_dict(), tmp_path / "five.pt")
    network = build_model(
        Model(name="cifar-resnet", width=4, options={"blocks": 1, "wavelet": "haar"}), channels=3, classes=8, seed=0
    )
    said = str(load_classifier(network, tmp_path / "five.pt"))
    assert "entries of the network are filled; fc.weight and 1 more stay random" in said
    assert torch.equal(network.conv1.weight, donor.conv1.weight)
    torch.save({"other": torch.zeros(1)}, tmp_path / "none.pt")
    with pytest.raises(ValueError, match=r"nothing in .* fits the network CifarResNet"):
        load_classifier(network, tmp_path / "none.pt")


def test_a_failed_run_has_no_weights(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished / "runs" / "plain-fold0-seed0", run)
    write_json(run / "result.json", {"status": "failed", "error": "no"})
    with pytest.raises(ValueError, match="has no weights"):
        trained_classifier(run)


def test_a_tree_of_imagenet_c_is_compared_with_alexnet(monkeypatch, tmp_path):
    from subband.tasks import trained_classifier as module

    halves = {name: {str(severity): 0.5 * error for severity in range(1, 6)} for name, error in ALEXNET_ERRORS.items()}
    monkeypatch.setattr(module, "tree_errors", lambda run, root: halves)
    for name in ALEXNET_ERRORS:
        for severity in "12345":
            path = tmp_path / name / severity / "a" / "0.png"
            path.parent.mkdir(parents=True)
            path.touch()
    run = SimpleNamespace(class_names=["a"] * 1000)
    assert module.tree_result(run, tmp_path)["summary"]["mCE against AlexNet, percent"] == pytest.approx(50)
