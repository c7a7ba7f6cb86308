"""A recognition of synthetic faces that takes a second."""

import dataclasses

from subband.config import Data, Model, Optim, Recipe, Recognition

DATA = Data(
    reader="synthetic-faces",
    label="faces",
    count=40,
    per_identity=4,
    size=32,
    crop=[32, 32],
    batch=8,
    augment="mirror",
    split="holdout",
    identities=4,
    validation=0.0,
    normalise="half",
)
MODEL = Model(name="cifar-resnet", width=4, options={"blocks": 1, "features": 8})


def recipe(**changes):
    base = Recipe(
        task="recognition",
        name="tiny",
        data=DATA,
        model=MODEL,
        optim=Optim(name="sgd", lr=0.05, weight_decay=5e-4, decayed="weights"),
        losses=["cosface", "uniface"],
        baseline="cosface",
        budget="6 steps",
        validations=2,
        threads=1,
        recognition=Recognition(folds=2, pairs=10, far=[0.1]),
    )
    return dataclasses.replace(base, **changes)
