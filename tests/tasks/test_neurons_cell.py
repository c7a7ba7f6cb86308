"""A comparison on neurons: its results by voxels and by trees, its resumption, its page; a run says the same again."""

import csv
import dataclasses
import re
import shutil
import types

import numpy as np
import pytest
import torch
from tiny_neurons import NETWORKS, recipe

from subband._files import read_json
from subband.cli import main
from subband.config import Data, Model, Neurons, Robustness
from subband.data.neuron_sample import NeuronReader, NeuronSample
from subband.data.swc import read_swc
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.metrics.neuron_table import NEURON_METRICS
from subband.report import report_table, verdict, write_report
from subband.report.neuron_views import read_views
from subband.tasks import neurons_cell
from subband.tasks.compare import compare
from subband.tasks.finished_run import task_of
from subband.tasks.kinds import kind_of
from subband.tasks.neuron_scores import Normalisation, score_neuron, validate
from subband.tasks.neuron_threshold import GreyThreshold, TracerForeground
from subband.tasks.neurons import NeuronVolumes, build_model, load_weights, options_of, read_samples, split_samples
from subband.tasks.segmentation import build_loss
from subband.tasks.trained_neurons import evaluate_neurons, trained_neurons
from subband.tracing import trace, trace_report
from subband.transforms.tree import Tree

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neurons")
    said = []
    compare(recipe(), folder, say=said.append)
    return folder, said


def result(folder, method, seed=0):
    return read_json(folder / "runs" / f"{method}-fold0-seed{seed}" / "result.json")


def test_a_result_has_voxels_and_trees(finished):
    folder, said = finished
    assert said[0] == "3 volumes of 3 neurons, 16 x 32 x 32 voxels, 3 with a tree"
    assert "threshold learns nothing and is only tested" in said
    found = result(folder, "threshold")
    assert found["status"] == "finished"
    assert list(found["metrics"]) == list(NEURON_METRICS)
    assert [row["name"] for row in found["images"]] == ["neuron-0002"]
    assert found["metrics"]["recall"] > 0.5
    assert found["failures"] == {}
    run = folder / "runs" / "threshold-fold0-seed0"
    assert len(read_swc(run / "traces" / "neuron-0002.swc")) > 1
    assert not (run / "checkpoints").exists()
    (view,) = read_views(run / "projections.npz")
    assert view.shape == (16, 32, 32)
    assert view.tree is not None
    assert len(view.truth) > 1


def test_cubes_train_and_the_tree_is_that_of_what_was_found(finished):
    folder, _ = finished
    found = result(folder, "waveunet")
    assert found["status"] == "finished", found["error"]
    assert found["parameters"] > 0
    run = folder / "runs" / "waveunet-fold0-seed0"
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert rows[-1]["val_mIoU"]


def test_the_page_shows_traces_and_names_failures(finished, tmp_path):
    folder = tmp_path / "failed"
    shutil.copytree(finished[0], folder)
    page = write_report(folder).read_text(encoding="utf-8")
    header, rows = report_table(folder)
    assert header == ["method", "IoU ↑", "recall ↑", "precision ↑", "F1 ↑", "ESA ↓", "ms", "runs"]
    assert [row[0] for row in rows] == ["threshold", "WaveUNet"]
    assert 'id="traces"' in page
    assert "neuron-0002" in page
    assert "subband trace" in page
    assert not re.search(r"<(link|script)|https?://(?!www.w3.org)", page)
    assert "The volumes are synthetic." in verdict(folder)
    assert "F1 of the length" in verdict(folder)


def test_the_page_names_a_trace_that_failed(tmp_path):
    networks = {"threshold": {"name": "threshold", "options": {"level": 0.99}}}
    neurons = dataclasses.replace(recipe().neurons, pictures=1)
    compare(recipe(networks=networks, neurons=neurons), tmp_path)
    found = result(tmp_path, "ce")
    assert found["failures"] == {"neuron-0002": "no voxel was found"}
    page = write_report(tmp_path).read_text(encoding="utf-8")
    failed = page[page.index('id="failed-traces"') :]
    assert "no voxel was found" in failed
    assert "neuron-0002" in failed
    assert "no trace" in page


def test_noise_is_in_grey_levels_and_cubes_hold_their_share(monkeypatch):
    given = []
    monkeypatch.setattr(neurons_cell, "CubeStream", lambda *_, **options: given.append(options))
    asked = recipe(neurons=Neurons(noise=2, foreground=0.02))
    material = types.SimpleNamespace(
        recipe=asked,
        samples=NeuronVolumes(Parts()),
        splits=[types.SimpleNamespace(train=[0, 1])],
        statistics=[(np.array([0.25]), np.array([0.5]))],
    )
    neurons_cell.training_stream(material, types.SimpleNamespace(fold=0, seed=3), steps=5)
    (options,) = given
    assert options["augment"].noise == pytest.approx(2 / 255)
    assert options["foreground"] == 0.02
    assert (options["mean"], options["std"], options["length"], options["seed"]) == (0.25, 0.5, 10, 3)


def test_a_run_says_the_same_again(finished, tmp_path, capsys):
    run = finished[0] / "runs" / "threshold-fold0-seed0"
    assert task_of(run) == "neurons"
    found = evaluate_neurons(run, out=tmp_path)
    before = result(finished[0], "threshold")["images"][0]
    assert {**found["volumes"][0], "seconds": 0} == {**before, "seconds": 0}
    assert main(["evaluate", str(run), "--out", str(tmp_path / "again")]) == 0
    assert "neuron-0002" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--images", str(tmp_path)]) == 2
    assert "trace others: subband trace" in capsys.readouterr().err
    assert main(["predict", str(run), str(tmp_path)]) == 2
    assert "take subband trace VOLUME --run" in capsys.readouterr().err
    network = trained_neurons(finished[0] / "runs" / "waveunet-fold0-seed0")
    assert not network.model.training
    assert network.normal.std > 0


def test_a_further_seed_trains_networks_alone(finished, tmp_path):
    folder = tmp_path / "seeds"
    shutil.copytree(finished[0], folder)
    said = []
    compare(recipe(seeds=[0, 1], networks={"threshold": NETWORKS["threshold"], **NETWORKS}), folder, say=said.append)
    assert "2 of 4 runs are finished already" in said
    assert result(folder, "threshold", 1)["images"] == result(folder, "threshold")["images"], "read, not done again"


class Parts(NeuronReader):
    """Six volumes of three neurons with one straight fibre each."""

    def __init__(self):
        super().__init__([f"n{i}" for i in range(6)], neurons=["b", "a", "b", "c", "a", "c"])

    def read(self, index):
        image = np.zeros((4, 8, 12), np.float32)
        image[2, 4, 1:11] = 0.5
        tree = Tree([[2, 4, 1], [2, 4, 10]], [0.5, 0.5], [-1, 0], [1, 3])
        return NeuronSample(self.names[index], image, (image > 0).astype(np.uint8), tree, neuron=self.neurons[index])


@pytest.mark.parametrize("how", ["holdout", "folds"])
def test_a_neuron_is_on_one_side(how):
    samples = NeuronVolumes(Parts())
    for split in split_samples(samples, Data(split=how, folds=3)):
        sides = [{samples.neurons[index] for index in part} for part in vars(split).values()]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 3
        assert sorted(index for part in vars(split).values() for index in part) == list(range(6))
    assert split_samples(samples, Data(split="same"))[0].test == list(range(6))


def test_a_perfect_mask_has_perfect_voxels_and_length():
    found, values = score_neuron(GreyThreshold(), Parts()[0], Normalisation(), Neurons())
    assert values["IoU"] == values["clDice"] == 1
    assert values["recall"] > 0.95
    assert values["failed"] == 0
    assert len(found.tree) > 1
    assert validate(GreyThreshold(), [Parts()[0]], Normalisation(), Neurons()) == {"mIoU": 1.0}


def test_the_tracer_alone_is_what_the_tracer_finds():
    sample = SyntheticNeurons(1, shape=(16, 48, 48), seed=3)[0]
    asked = Neurons()
    found, values = score_neuron(TracerForeground(), sample, Normalisation(), asked)
    alone = trace(sample.image, soma=sample.tree.positions[0], gap=asked.gap, min_length=asked.min_length)
    np.testing.assert_array_equal(found.tree.positions, alone.positions)
    assert found.mask.sum() == trace_report(sample.image, soma=sample.tree.positions[0]).voxels
    assert values["recall"] > 0.5
    assert not TracerForeground().segment(np.ones((4, 4, 4), np.float32)).any()


def test_a_failed_trace_is_never_perfect():
    found, values = score_neuron(GreyThreshold(level=0.9), Parts()[0], Normalisation(), Neurons())
    assert found.tree is None
    assert found.why == "no voxel was found"
    assert (values["failed"], values["recall"], values["PDS"]) == (1.0, 0.0, 1.0)
    assert values["ESA"] == values["DSA"] == np.inf


def test_the_soma_is_given_or_found():
    for soma in ("given", "found"):
        found, _ = score_neuron(GreyThreshold(), Parts()[0], Normalisation(), Neurons(soma=soma))
        assert len(found.tree.roots) == 1


def test_networks_have_seeds_and_options(tmp_path):
    first, second = (
        build_model(Model(name="wave-unet3d", width=1), channels=1, classes=2, seed=seed) for seed in (0, 1)
    )
    name = "encoder.0.0.weight"
    assert not torch.equal(first.state_dict()[name], second.state_dict()[name])
    assert {"wavelet", "threshold"} <= set(options_of("wave-unet3d"))
    torch.save(first.state_dict(), tmp_path / "w.pt")
    assert load_weights(second, tmp_path / "w.pt") == "all weights"
    assert torch.equal(first.state_dict()[name], second.state_dict()[name])


def test_class_weights_of_a_recipe_are_a_tensor():
    loss = build_loss(recipe(), "ce")
    assert loss.class_weight.tolist() == [1, 5]


@pytest.mark.message
def test_recipes_that_do_not_go_with_it(tmp_path):
    kind = kind_of("neurons")
    cases = [
        ({"neurons": Neurons(halo=[8])}, r"halo is \[8\], but must be 3 numbers of voxels"),
        ({"neurons": Neurons(noise=-1)}, "noise is -1"),
        ({"neurons": Neurons(distance=0)}, "distance is 0"),
        ({"neurons": Neurons(foreground=2)}, "foreground is 2, but must lie between 0 and 1"),
        ({"robustness": Robustness(shift=1)}, "robustness is for classifications"),
        ({"data": Data(augment="voc", crop=[1, 1, 1])}, "data.augment of neurons is 'voc'"),
        ({"data": Data(crop=[16, 16])}, r"data.crop is \[16, 16\], but must be 3 numbers"),
    ]
    for changes, words in cases:
        with pytest.raises(ValueError, match=words):
            kind.check_recipe(recipe(**changes))
    with pytest.raises(ValueError, match="needs the folder of the data"):
        read_samples(Data(reader="neuron-folder"))
    with pytest.raises(ValueError, match=r"data.options of synthetic-neurons: .*'gap'"):
        read_samples(Data(reader="synthetic-neurons", options={"gap": 1}))
    with pytest.raises(ValueError, match="has no option 'levels'; did you mean 'level'"):
        build_model(Model(name="threshold", options={"levels": 1}), channels=1, classes=2, seed=0)
    with pytest.raises(ValueError, match="a threshold learns nothing"):
        load_weights(GreyThreshold(), tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"level is 1.5, but must be a grey value within \[0, 1\)"):
        GreyThreshold(level=1.5)


@pytest.mark.message
def test_runs_that_cannot_trace(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0] / "runs" / "waveunet-fold0-seed0", run)
    (run / "checkpoints" / "best.pt").unlink()
    with pytest.raises(ValueError, match="has no weights"):
        trained_neurons(run)
    (run / "recipe.yaml").write_text("task: classification\n", encoding="utf-8")
    with pytest.raises(ValueError, match="of the task classification, but tracing needs one of the task neurons"):
        trained_neurons(run)


def test_the_demo_is_a_recipe_of_its_kind():
    from subband.cli._parse import recipe_of

    for name in ("neurons/demo", "neurons/synthetic", "neurons/losses", "neurons/folder"):
        kind_of("neurons").check_recipe(recipe_of(name))
