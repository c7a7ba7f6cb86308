"""CamVid on real images; expected figures are read from the README beside them and from the files themselves."""

import re

import numpy as np
import pytest
from PIL import Image

from subband.data import VOID, Augment, CropStream, check_samples, class_names, given_split, statistics
from subband.data.readers import CamVid


@pytest.fixture(scope="module")
def streets(realdata):
    return CamVid(realdata / "CamVid")


@pytest.fixture(scope="module")
def figures(realdata):
    """Images of each part, stored label of void and its share, as the README states them."""
    text = (realdata / "CamVid" / "README.md").read_text(encoding="utf-8")
    counts = re.search(r"(\d+) train / (\d+) val / (\d+) test", text)
    void = re.search(r"values 0\.\.(\d+), (\d+) = void \(([\d.]+) %\)", text)
    assert counts, "the README no longer states the counts"
    assert void, "the README no longer states the share of void"
    return {"counts": [int(n) for n in counts.groups()], "void": int(void[2]), "share": void[3]}


@pytest.fixture(scope="module")
def stored(realdata):
    """Labels of every file, by name."""
    folders = [realdata / "CamVid" / f"{part}annot" for part in ("train", "val", "test")]
    return {path.stem: np.array(Image.open(path)) for folder in folders for path in folder.glob("*.png")}


def test_parts_are_those_of_the_lists(streets, realdata, figures):
    split = given_split(streets)
    assert [len(split.train), len(split.validation), len(split.test)] == figures["counts"]
    assert sorted(split.train + split.validation + split.test) == list(range(len(streets)))
    for part, indices in (("train", split.train), ("val", split.validation), ("test", split.test)):
        assert {streets.names[i] for i in indices} == {p.stem for p in (realdata / "CamVid" / part).glob("*.png")}


def test_every_mask_is_the_file_with_void(streets, stored, figures):
    counts = np.zeros(256, np.int64)
    for sample in streets:
        labels = stored[sample.name]
        assert (sample.mask == np.where(labels == figures["void"], VOID, labels)).all()
        counts += np.bincount(sample.mask.ravel(), minlength=256)
    expected = sum(np.bincount(labels.ravel(), minlength=256) for labels in stored.values())
    assert (counts[: figures["void"]] == expected[: figures["void"]]).all()
    assert counts[VOID] == expected[figures["void"]]
    assert f"{100 * counts[VOID] / counts.sum():.1f}" == figures["share"]
    assert check_samples(streets) == []


def test_names_are_in_the_order_of_the_labels(streets):
    """Where each class lies and how bright it is: a swap of two names would show."""
    names = class_names(streets)
    row, light = np.zeros(len(names)), np.zeros(len(names))
    count = np.zeros(len(names))
    for sample in streets:
        for number in range(len(names)):
            where = sample.mask == number
            count[number] += where.sum()
            row[number] += where.nonzero()[0].sum()
            light[number] += sample.image.mean(0)[where].sum()
    row, light = dict(zip(names, row / count, strict=True)), dict(zip(names, light / count, strict=True))
    assert max(light, key=light.get) == min(row, key=row.get) == "sky"
    assert max(row, key=row.get) == "road"
    assert row["tree"] < row["car"] < row["pavement"] < row["road"]
    assert row["sign"] < row["pole"] < row["pedestrian"]
    shares = dict(zip(names, count / count.sum(), strict=True))
    assert max(shares, key=shares.get) == "road"
    assert shares["bicyclist"] < shares["car"]


@pytest.mark.parametrize("name", ["voc", "cityscapes"])
def test_training_items_of_streets(streets, name):
    split = given_split(streets)
    mean, std = statistics(streets, split.train[:4])
    options = {"indices": split.train[:4], "length": 6, "mean": mean, "std": std, "seed": 1}
    stream = CropStream(streets, augment=Augment.named(name, crop=(176, 240)), **options)
    for t in range(6):
        item = stream[t]
        assert item["image"].shape == (3, 176, 240)
        assert item["image"].isfinite().all()
        assert item["class_weight"].shape == (streets.classes,)
        assert set(item["target"].unique().tolist()) <= {*range(streets.classes), VOID}
