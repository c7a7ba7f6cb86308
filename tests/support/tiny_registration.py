"""A registration of phantoms that takes some seconds."""

import dataclasses

from subband.config import Data, Optim, Recipe, Registration

DATA = Data(reader="synthetic-phantoms", label="phantoms", count=3, crop=[16, 16, 16], batch=1, split="holdout")
NETWORKS = {
    "identity": {"name": "identity"},
    "field": {"name": "field", "options": {"steps": 3}},
    "WiNet": {"name": "winet", "width": 1},
    "WiNet-diff": {"name": "winet", "width": 1, "options": {"diffeomorphic": True}},
}


def recipe(**changes):
    base = Recipe(
        task="registration",
        name="tiny",
        data=DATA,
        networks=NETWORKS,
        optim=Optim(lr=1e-3, schedule="constant", clip=0.0),
        losses=["mse"],
        baseline="identity",
        budget="4 steps",
        validations=2,
        threads=1,
        registration=Registration(weight=0.1, pictures=1),
    )
    return dataclasses.replace(base, **changes)
