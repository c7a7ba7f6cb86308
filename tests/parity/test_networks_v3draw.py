"""The bytes of .v3draw files against those that the authors' own code wrote."""

import numpy as np
import pytest

from subband.data.volume_file import read_volume, write_volume

TURNS = {"flip00": (), "flip01": (2,), "flip10": (1,), "flip11": (1, 2), "encode": (1,)}
"""Axes that the authors turn round before they write; ``encode`` is their writer's own choice."""


@pytest.fixture
def recorded(parity):
    with np.load(parity / "networks" / "neuron_v3draw.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", TURNS)
def test_bytes_are_the_authors(recorded, tmp_path, name):
    volume, path = recorded["v3draw/volume_zyx"], tmp_path / "v.v3draw"
    expected = recorded[f"v3draw/{name}"].tobytes()
    write_volume(path, np.flip(volume, TURNS[name]))
    assert path.read_bytes() == expected
    path.write_bytes(expected)
    np.testing.assert_array_equal(np.flip(read_volume(path).array, TURNS[name]), volume)


def test_every_recorded_file_is_checked(recorded):
    assert {key.partition("/")[2] for key in recorded} == {*TURNS, "volume_zyx"}
