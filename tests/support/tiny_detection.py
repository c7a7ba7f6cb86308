"""A detection of synthetic shapes that takes some seconds."""

import dataclasses

from subband.config import Data, Model, Optim, Recipe, Robustness

SMALL = {"anchor": 8, "hidden": 32, "regions": 20, "sampled": 16}
DATA = Data(
    reader="synthetic-shapes",
    label="shapes",
    count=4,
    size=48,
    batch=2,
    augment="mirror",
    split="given",
    fold_seed=1,
    normalise="imagenet",
)
MODEL = Model(name="fasterrcnn", side=48, width=64, norm="group", options=SMALL)
ASKED = Robustness(corruptions=["contrast"], severities=[1, 5], corrupted_images=1)


def recipe(**changes):
    base = Recipe(
        task="detection",
        name="tiny",
        data=DATA,
        model=MODEL,
        networks={"plain": {}, "haar": {"name": "retinanet", "options": {**SMALL, "wavelet": "haar"}}},
        optim=Optim(name="adamw", lr=5e-4, schedule="cosine", clip=10.0),
        losses=["detection"],
        baseline="plain",
        budget="2 steps",
        validations=1,
        threads=1,
    )
    return dataclasses.replace(base, **changes)
