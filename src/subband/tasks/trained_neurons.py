"""A trained run on neurons: its weights, its recipe, and its own test volumes again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from subband._files import write_json
from subband.config import Recipe
from subband.data import load_splits
from subband.tasks.cell import load_best
from subband.tasks.finished_run import finished_run, folds_file
from subband.tasks.neuron_scores import Normalisation, score_neuron
from subband.tasks.neuron_threshold import GreyThreshold
from subband.tasks.neurons import build_model, read_samples
from subband.tasks.segmentation import build_loss


@dataclass(frozen=True)
class TrainedNeurons:
    """What is needed to segment.

    Attributes:
        folder: Run folder.
        recipe: Its resolved recipe.
        model: Network with its best weights, in evaluation mode, or a threshold.
        normal: Normalisation of the grey values.
        fold: Fold that was tested.
    """

    folder: Path
    recipe: Recipe
    model: nn.Module
    normal: Normalisation
    fold: int


def trained_neurons(path: Path) -> TrainedNeurons:
    """Load a run.

    Args:
        path: Run folder, or comparison folder of one run.

    Raises:
        ValueError: If there is no finished run on neurons, or its weights are missing.
    """
    run = finished_run(path, "neurons", use="tracing")
    recipe, result = run.recipe, run.result
    model = build_model(recipe.model, channels=int(result["channels"]), classes=int(result["classes"]), seed=0)
    if not isinstance(model, GreyThreshold):
        load_best(run.weights, model, build_loss(recipe, recipe.losses[0]))
    normal = Normalisation(float(result["mean"][0]), float(result["std"][0]))
    return TrainedNeurons(run.folder, recipe, model.eval(), normal, int(result["fold"]))


def evaluate_neurons(path: Path, *, out: Path | None = None) -> dict[str, Any]:
    """Test a run on its own test volumes again; writes ``evaluation.json``.

    Raises:
        ValueError: If the run or its data are missing.
    """
    run = trained_neurons(path)
    samples = read_samples(run.recipe.data)
    tested = load_splits(folds_file(run.folder), samples.names)[run.fold].test
    rows = []
    for index in tested:
        _, values = score_neuron(run.model, samples.neuron(index), run.normal, run.recipe.neurons)
        rows.append({"name": samples.names[index], **values})
    folder = out or run.folder / "evaluation"
    write_json(folder / "evaluation.json", {"run": run.folder.name, "volumes": rows})
    return {"volumes": rows, "folder": folder}
