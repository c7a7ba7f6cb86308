"""A run on synthetic neurons that takes some seconds."""

import dataclasses

from subband.config import Data, Model, Neurons, Optim, Recipe

DATA = Data(
    reader="synthetic-neurons",
    label="neurons",
    count=3,
    crop=[16, 16, 16],
    batch=2,
    split="holdout",
    options={"shape": [16, 32, 32], "touching": 0.0},
)
NETWORKS = {
    "threshold": {"name": "threshold"},
    "WaveUNet": {"name": "wave-unet3d"},
}


def recipe(**changes):
    base = Recipe(
        task="neurons",
        name="tiny",
        data=DATA,
        model=Model(width=1, outputs="softmax"),
        networks=NETWORKS,
        optim=Optim(lr=1e-2, schedule="constant"),
        losses=["ce"],
        loss_options={"ce": {"class_weight": [1, 5]}},
        baseline="threshold",
        budget="2 steps",
        validations=1,
        threads=1,
        neurons=Neurons(block=[16, 32, 32], halo=[0, 0, 0], pictures=1),
    )
    return dataclasses.replace(base, **changes)
