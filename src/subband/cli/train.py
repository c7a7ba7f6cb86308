"""``subband train RECIPE``."""

import dataclasses
from pathlib import Path

from subband.config import Recipe


def train(
    recipe: Recipe,
    *,
    loss: str | None = None,
    network: str | None = None,
    fold: int = 0,
    seed: int | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    tensorboard: bool = False,
) -> int:
    """Train one network with one loss on one fold, as a comparison of one; under torchrun on several processes.

    Args:
        recipe: Data, network, optimiser.
        loss: Name of the loss, by default the recipe's first.
        network: One of the recipe's networks, by default its first; without networks, its model.
        fold: Fold to test on.
        seed: Seed of weights and crops, by default the recipe's first.
        out: Folder to write, by default runs/NAME-TIME; the same folder goes on where it stopped.
        overwrite: Delete what the folder holds.
        tensorboard: Write TensorBoard events beside the CSV.

    Returns:
        0, or 1 if the run failed.
    """
    from subband.cli.compare import compare
    from subband.tasks.methods import narrowed, slug

    chosen = loss or recipe.losses[0]
    label = network or next(iter(recipe.networks), None)
    one = dataclasses.replace(
        narrowed(recipe, [label] if label else []),
        losses=[chosen],
        run_folds=[fold],
        seeds=[recipe.seeds[0] if seed is None else seed],
        name="-".join([recipe.name, *([slug(label)] if label else []), chosen]),
    )
    return compare(one, out=out, overwrite=overwrite, tensorboard=tensorboard)
