"""``subband verify RUN PAIRS``."""

from pathlib import Path
from typing import Any


def verify(
    run: Path,
    pairs: list[Path],
    *,
    images: Path | None = None,
    network: str = "iresnet50",
    options: dict[str, Any] | None = None,
    flip: bool = True,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Say of pairs of faces whether they show one person: accuracy, EER, true accepts, and which threshold to take.

    Args:
        run: A run folder of a recognition, a comparison folder with one run, or a file of weights.
        pairs: Sets of pairs: .bin files, lists of pairs in LFW's form, or folders of class folders, whose pairs are
            derived.
        images: Folder of the images of lists of pairs.
        network: For a file of weights: its network, as in a recipe.
        options: For a file of weights: options of the network, as '{"variant": "insightface"}'.
        flip: Add the embedding of the mirrored image.
        out: Folder to write, by default RUN/verification.
        overwrite: Write over results that are there.

    Returns:
        0.
    """
    from subband.cli._console import say
    from subband.tasks.trained_recognizer import Checkpoint, trained_recognizer, verify_run

    found = trained_recognizer(run, Checkpoint(network, options=options or {}))
    folder = out or found.folder / "verification"
    if (folder / "verification.json").exists() and not overwrite:
        raise FileExistsError(f"{folder} holds a verification already; add --overwrite, or choose another --out")
    print_verification(verify_run(found, pairs, images=images, out=folder, flip=flip, say=say))
    return 0


def print_verification(result: dict[str, Any]) -> None:
    """Print both tables and where the files lie."""
    from subband.cli._console import print_table, say, say_where

    sets = result["verification"]["sets"]
    print_table(*accuracy_table(sets))
    say("")
    print_table(*threshold_table(sets))
    say("")
    say_where("scores", result["folder"] / "scores")
    say_where("report", result["page"])


def accuracy_table(sets: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: what each set reaches."""
    names = list(sets[0]["metrics"])
    rows = [[each["label"], str(each["pairs"]), *(f"{each['metrics'][name]:.4f}" for name in names)] for each in sets]
    return ["set", "pairs", *names], rows


def threshold_table(sets: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: which cosine each rule takes as the threshold."""
    names = list(sets[0]["thresholds"])
    rows = [[each["label"], *(f"{each['thresholds'][name]:.3f}" for name in names)] for each in sets]
    return ["threshold", *names], rows
