"""A classification of synthetic shapes that takes a second."""

import dataclasses

from subband.config import Data, Model, Optim, Recipe, Robustness

DATA = Data(
    reader="synthetic-classes",
    label="shapes",
    count=64,
    size=16,
    crop=[16, 16],
    batch=8,
    augment="cifar",
    split="given",
    normalise="train",
)
ASKED = Robustness(corruptions=["gaussian_noise"], severities=[1, 5], corrupted_images=6)


def recipe(**changes):
    base = Recipe(
        task="classification",
        name="tiny",
        data=DATA,
        model=Model(name="cifar-resnet", width=4, options={"blocks": 1}),
        networks={"plain": {}, "haar": {"options": {"blocks": 1, "wavelet": "haar"}}},
        optim=Optim(name="sgd", lr=0.05),
        losses=["softmax"],
        baseline="plain",
        budget="6 steps",
        validations=2,
        threads=1,
    )
    return dataclasses.replace(base, **changes)
