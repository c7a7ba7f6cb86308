"""The CIFAR-10 folders: what is in them, and that a small network learns and is measured on them."""

import dataclasses

import numpy as np
import pytest

from subband._files import read_json
from subband.cli._parse import recipe_of
from subband.data import statistics
from subband.data.readers.class_folder import ClassFolder
from subband.tasks.compare import compare


@pytest.fixture
def cifar(realdata):
    folder = realdata / "cifar10_jpg"
    if not folder.is_dir():
        pytest.skip("data/cifar10_jpg is not there")
    return folder


def test_the_folders_are_what_their_readme_says(cifar):
    reader = ClassFolder(cifar)
    train, test = (sorted((cifar / part).glob("*/*.jpg")) for part in ("train", "test"))
    assert (len(reader.split.train), len(reader.split.test)) == (len(train), len(test))
    assert reader.class_names == sorted(path.name for path in (cifar / "train").iterdir())
    assert reader.channels == 3
    mean, std = statistics(reader, indices=reader.split.train[::10])
    np.testing.assert_allclose(mean, [0.49, 0.48, 0.45], atol=0.02)
    np.testing.assert_allclose(std, [0.25, 0.24, 0.26], atol=0.02)


@pytest.mark.slow
def test_a_small_network_learns(cifar, tmp_path):
    shipped = recipe_of("classification/cifar-robustness")
    asked = dataclasses.replace(
        shipped.robustness,
        corruptions=["fog"],
        severities=[5],
        corrupted_images=50,
        shifted_images=50,
        attacks=["fgsm"],
    )
    recipe = dataclasses.replace(
        shipped,
        data=dataclasses.replace(shipped.data, root=str(cifar)),
        networks={},
        model=dataclasses.replace(shipped.model, width=8),
        seeds=[0],
        budget="100 steps",
        robustness=dataclasses.replace(asked, attacked_images=20),
    )
    compare(recipe, tmp_path)
    found = read_json(tmp_path / "runs" / "softmax-fold0-seed0" / "result.json")
    assert found["metrics"]["accuracy"] > 2 / len(found["class_accuracy"]), "twice what chance gives"
    assert {"corrupted", "consistency", "fgsm 4/255"} <= set(found["metrics"])
