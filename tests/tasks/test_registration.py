"""Volumes and pairs of a registration: splits, streams, networks."""

import numpy as np
import pytest
import torch
from tiny_registration import DATA, recipe

from subband.config import Data, Model
from subband.data.registration_pairs import Pairs
from subband.data.registration_sample import Volume, VolumeReader
from subband.data.splits import Split
from subband.models.winet import WiNet
from subband.models.winet_checkpoint import authors_winet_name
from subband.tasks.registration import (
    PairedVolumes,
    PairStream,
    RegistrationTask,
    build_model,
    check_dims,
    load_weights,
    options_of,
    read_samples,
    split_samples,
)
from subband.tasks.registration_loss import build_loss
from subband.transforms.field import Grid


class Subjects(VolumeReader):
    """Images (20, 18) of which image i has the value i / 10, and label 1 in its middle unless it is the last."""

    def __init__(self, count=6, *, pairs=None, split=None):
        names = [f"subject-{number}" for number in range(count)]
        super().__init__(names, structures={1: "middle", 3: "rim"}, pairs=pairs, split=split)

    def read(self, index):
        labels = np.zeros((20, 18), np.int16)
        labels[5:9, 5:9] = 1
        grid = Grid((20, 18), spacing=(2.0, 1.0))
        return Volume(self.names[index], np.full((20, 18), index / 10, np.float32), labels, grid)


def samples(count=6, **options):
    return PairedVolumes(Subjects(count), Data(crop=[], **options))


def values(item):
    """Numbers of the moving and of the fixed subject of an item."""
    return [round(10 * item[name].max().item()) for name in ("moving", "fixed")]


def test_volumes_are_brought_to_multiples_of_16():
    found = samples()
    assert found.grid == Grid((32, 32), spacing=(2.0, 1.0))
    assert (found.channels, found.classes) == (1, 4)
    assert found.class_names == ["background", "middle", "-", "rim"]
    assert PairedVolumes(Subjects(), Data(crop=[16, 20], spacing=[1.0, 1.0])).grid == Grid((16, 20), spacing=(1.0, 1.0))


def test_any_two_subjects_of_a_part_are_a_pair():
    stream = PairStream(samples(), indices=[1, 3, 4], seed=0, length=200)
    seen = {tuple(values(stream[item])) for item in range(60)}
    assert seen == {(a, b) for a in (1, 3, 4) for b in (1, 3, 4) if a != b}
    assert stream[7]["moving"].shape == (1, 32, 32)
    assert len(stream) == 200
    again = PairStream(samples(), indices=[1, 3, 4], seed=0, length=200)
    assert all(values(stream[item]) == values(again[item]) for item in range(20))
    other = PairStream(samples(), indices=[1, 3, 4], seed=1, length=200)
    assert any(values(stream[item]) != values(other[item]) for item in range(20))


def test_an_atlas_moves_onto_every_other():
    found = samples(atlas="subject-2")
    assert found.names == [f"subject-2 to subject-{number}" for number in (0, 1, 3, 4, 5)]
    assert list(found.chosen([0, 3])) == [(2, 0), (2, 4)]
    stream = PairStream(found, indices=[0, 3], seed=0, length=9)
    assert {tuple(values(stream[item])) for item in range(9)} == {(2, 0), (2, 4)}


def test_a_set_of_pairs_is_split_by_pairs():
    own = Subjects(pairs=Pairs([0, 2, 4], [1, 3, 5]), split=Split([0, 1, 3], [], [4, 5]))
    found = PairedVolumes(own, Data(crop=[]))
    assert found.names == ["subject-0 to subject-1", "subject-2 to subject-3", "subject-4 to subject-5"]
    assert found.split == Split([0, 1], [], [2])
    assert split_samples(found, Data(split="given"))[0].test == [2]
    assert list(found.chosen([2, 0], count=1)) == [(4, 5)]


def test_test_pairs_are_drawn_so_that_all_move_as_often():
    found = samples(6).chosen(range(6), count=6)
    assert sorted(found.moving) == sorted(found.fixed) == list(range(6))
    assert len(samples(6).chosen([0, 1, 2], count=100)) == 6
    assert len(samples(6).chosen([0, 1, 2])) == 6


def test_splits():
    found = samples(8)
    assert [len(split.test) for split in split_samples(found, Data(split="folds", folds=4))] == [2, 2, 2, 2]
    assert split_samples(found, Data(split="holdout"))[0].test == [2, 5]


def test_phantoms_come_from_the_catalogue():
    found = read_samples(DATA)
    assert len(found) == 3
    assert found.names[0] == "phantom-0000-moving to phantom-0000-fixed"
    assert found.grid.shape == (16, 16, 16)


def test_labels_train_where_the_loss_asks_for_them():
    item = PairStream(samples(), indices=[0, 1], seed=0, length=1, labels=True)[0]
    assert item["moving_labels"].dtype == torch.int64
    assert item["fixed_labels"].sum() == 16
    batch = {name: value[None] for name, value in item.items()}
    model = WiNet(width=1, dims=2)
    asked = recipe()
    asked.registration.dice = 0.5
    task = RegistrationTask(model, build_loss(asked, "mse", classes=4), samples().grid)
    loss = task.step(batch)["loss"]
    assert loss.item() == pytest.approx(0.01 * 20 * 18 / 32**2, abs=1e-4), (
        "the labels lie together, the images differ by 0.1"
    )
    loss.backward()
    assert task.validate() == {}


def test_networks_have_seeds_and_options():
    first, second = (build_model(Model(name="winet", width=1), channels=1, classes=3, seed=seed) for seed in (0, 1))
    assert isinstance(first, WiNet)
    assert not torch.equal(first.down[0].first.weight, second.down[0].first.weight)
    pair = build_model(Model(name="winet-pair", options={"steps": 7}), channels=1, classes=3, seed=5)
    assert (pair.settings.seed, pair.settings.steps) == (5, 7)
    assert {"wavelet", "diffeomorphic"} <= set(options_of("winet"))


def test_weights_of_ours_and_of_the_authors(tmp_path):
    given = WiNet(width=1)
    own = {name: value for name, value in given.state_dict().items() if name != "_extra_state"}
    torch.save(own, tmp_path / "ours.pt")
    torch.save(
        {"state_dict": {f"net.{authors_winet_name(name)}": each for name, each in own.items()}}, tmp_path / "a.pt"
    )
    torch.save(given.state_dict(), tmp_path / "best.pt")
    for name in ("a.pt", "best.pt"):
        model = build_model(Model(name="winet", width=1), channels=1, classes=1, seed=3)
        load_weights(model, tmp_path / name)
        assert torch.equal(model.down[0].first.weight, given.down[0].first.weight)


@pytest.mark.message
def test_errors_are_sentences(tmp_path):
    with pytest.raises(
        ValueError, match=r"data.atlas is 'subject2', but no volume has that name; did you mean 'subject-2'"
    ):
        samples(atlas="subject2")
    with pytest.raises(ValueError, match=r"1 volume.s. train, but a registration learns from 2 or more"):
        PairStream(samples(), indices=[0], seed=0, length=1)
    with pytest.raises(
        ValueError, match="there is no volume-dataset called 'phantoms'; did you mean 'synthetic-phantoms'"
    ):
        read_samples(Data(reader="phantoms"))
    with pytest.raises(ValueError, match=r"the reader 'nifti-folder' needs the folder of the data: --data.root PATH"):
        read_samples(Data(reader="nifti-folder"))
    with pytest.raises(ValueError, match=r"data.options of nifti-pairs: .*moving"):
        read_samples(Data(reader="nifti-pairs", root=str(tmp_path)))
    with pytest.raises(ValueError, match=r"options of winet: .*'wide'"):
        build_model(Model(name="winet", options={"wide": 3}), channels=1, classes=1, seed=0)
    with pytest.raises(ValueError, match="Identity learns nothing, so it takes no weights"):
        load_weights(build_model(Model(name="identity"), channels=1, classes=1, seed=0), tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"the images have 2 axes; give the network WiNet the options \{dims: 2\}"):
        check_dims(recipe(), samples())
