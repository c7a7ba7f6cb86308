"""A trained recognition run, or a checkpoint of others, and what it says of pairs of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from subband._files import write_json
from subband.config import Data, Model, Recipe
from subband.models.normalized import Normalized
from subband.tasks.cell import load_best
from subband.tasks.finished_run import finished_run
from subband.tasks.pair_sets import PairSet, derived_pairs, read_pair_sets
from subband.tasks.preparation import HALF
from subband.tasks.recognition import build_head, build_model, load_weights, read_samples
from subband.tasks.verification import learned_threshold, score_pairs, set_result, test_result, write_scores
from subband.tasks.verification_page import write_page


@dataclass(frozen=True)
class TrainedRecognizer:
    """What is needed to verify.

    Attributes:
        name: Name of the run or of the checkpoint.
        folder: Folder that results go below unless another one is given.
        recipe: Resolved recipe of the run; for a checkpoint its images' size alone.
        model: Network of images in [0, 1] to embeddings, in evaluation mode.
        channels: Channels of an image.
        learned: Threshold that the head has learnt, or None.
    """

    name: str
    folder: Path
    recipe: Recipe
    model: Normalized
    channels: int
    learned: float | None


@dataclass(frozen=True)
class Checkpoint:
    """How a checkpoint of others is read.

    Args:
        network: Name of its network, as of `subband.models.embedder.embedder`.
        size: Height and width of its images.
        options: Further options of the network, such as ``{"variant": "insightface"}``.
    """

    network: str = "iresnet50"
    size: tuple[int, int] = (112, 112)
    options: dict[str, Any] = field(default_factory=dict)


def trained_recognizer(path: Path, checkpoint: Checkpoint | None = None) -> TrainedRecognizer:
    """Load a run, or a checkpoint file.

    Args:
        path: Run folder, comparison folder of one run, or a file of weights; ``best.pt`` of a run is that run.
        checkpoint: Network of a file of weights.

    Raises:
        ValueError: If there is no finished run of a recognition, or its weights are missing or do not fit.
    """
    if path.is_file() and not (path.parents[1] / "result.json").exists():
        return _of_checkpoint(path, checkpoint or Checkpoint())
    run = finished_run(path.parents[1] if path.is_file() else path, "recognition", use="verification")
    recipe, result = run.recipe, run.result
    channels, classes = int(result["channels"]), int(result["classes"])
    model = build_model(recipe.model, channels=channels, classes=classes, seed=0)
    head = build_head(recipe, recipe.losses[0], classes=classes)
    load_best(run.weights, model, head)
    model = model.to(memory_format=torch.channels_last)  # as it was tested, so that the scores are the same
    network = Normalized(model, result["mean"], result["std"]).eval()
    return TrainedRecognizer(run.folder.name, run.folder, recipe, network, channels, learned_threshold(head))


def _of_checkpoint(path: Path, checkpoint: Checkpoint) -> TrainedRecognizer:
    size = list(checkpoint.size)
    model = Model(name=checkpoint.network, options={"size": size, **checkpoint.options})
    network = build_model(model, channels=3, classes=0, seed=0)
    load_weights(network, path)
    recipe = Recipe(task="recognition", name=path.stem, data=Data(crop=size), model=model)
    return TrainedRecognizer(
        path.stem, path.parent, recipe, Normalized(network, [HALF] * 3, [HALF] * 3).eval(), 3, None
    )


def verify_run(
    run: TrainedRecognizer,
    paths: Sequence[Path],
    *,
    images: Path | None = None,
    out: Path | None = None,
    flip: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Score pairs; writes ``verification.json``, ``verification.html`` and the scores of each set as CSV.

    Args:
        run: What scores them.
        paths: See `subband.tasks.pair_sets.read_pair_sets`; empty for the identities that the run was tested on.
        images: Folder of the images of lists of pairs.
        out: Folder to write, by default ``verification`` in the run.
        flip: Add the embedding of the mirrored image; None for what the run's recipe does.
        say: Hears of each set.

    Raises:
        ValueError: If pairs cannot be read, or an embedding is not finite.
    """
    asked, data = run.recipe.recognition, run.recipe.data
    folder = out or run.folder / "verification"
    given = read_pair_sets(
        paths, images=images, channels=run.channels, folds=asked.folds, most=asked.pairs, seed=data.fold_seed
    )
    sets = []
    for each in given or [held_out(run)]:
        say(f"{each.pairs.label}: {len(each.pairs)} pairs of {len(each.samples)} images")
        mirrored = asked.flip if flip is None else flip
        scored = score_pairs(run.model, each, crop=data.crop, resize=data.resize, flip=mirrored)
        write_scores(folder, scored)
        sets.append(set_result(scored, far=asked.far, learned=run.learned))
    found = test_result(sets, run.learned)
    write_json(folder / "verification.json", {"run": run.name, **found})
    page = write_page(folder, found["verification"], title=f"Verification by {run.name}")
    return {**found, "folder": folder, "page": page}


def held_out(run: TrainedRecognizer) -> PairSet:
    """Pairs of the identities that a run was tested on.

    Raises:
        ValueError: If it was tested on other sets alone.
    """
    data, asked = run.recipe.data, run.recipe.recognition
    if data.split != "holdout":
        raise ValueError(f"{run.name} holds no identities out; name pairs: subband verify RUN PAIRS")
    samples = read_samples(data)
    label = data.label or "held-out identities"
    return PairSet(
        samples,
        derived_pairs(
            samples, samples.split.test, folds=asked.folds, most=asked.pairs, seed=data.fold_seed, label=label
        ),
    )
