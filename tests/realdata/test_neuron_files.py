"""Every volume of the neuron data opens; a Vaa3D file has the voxels of its twin in another format."""

import numpy as np
import pytest

from subband.data.volume_file import open_volume, read_volume

SUFFIXES = (".tif", ".v3draw", ".v3dpbd", ".zip")


@pytest.fixture(scope="module")
def files(realdata):
    found = sorted(path for path in (realdata / "neuron3d").rglob("*") if path.suffix in SUFFIXES)
    assert found
    return found


def channels(path):
    """Numbers of the channels, by what Vaa3D's header says."""
    return range(int.from_bytes(path.read_bytes()[39:43], "little")) if path.suffix.startswith(".v3d") else [None]


def read(path, channel=None):
    if path.suffix == ".v3dpbd":
        pytest.importorskip("v3dpy")
    return read_volume(path, channel=channel)


def test_every_file_opens(files):
    for path in files:
        for channel in channels(path):
            volume = read(path, channel)
            assert volume.array.ndim == 3
            assert volume.array.max() > volume.array.min() or "slice" in path.name.lower() or "123" in path.name
            lazy = open_volume(path, channel=channel)
            middle = tuple(slice(size // 3, size // 3 + 4) for size in lazy.array.shape)
            np.testing.assert_array_equal(lazy.array[middle], volume.array[middle])
            assert lazy.spacing == volume.spacing


def test_a_packed_file_equals_its_twins(files):
    packed = [path for path in files if path.suffix == ".v3dpbd"]
    assert packed
    for path in packed:
        for channel in channels(path):
            found = read(path, channel).array
            np.testing.assert_array_equal(found, read_volume(path.with_suffix(".v3draw"), channel=channel).array)
            if path.with_suffix(".tif") in files:
                np.testing.assert_array_equal(found, read_volume(path.with_suffix(".tif")).array)


def test_several_channels_ask_for_one(files):
    for path in files:
        if len(channels(path)) > 1:
            with pytest.raises(ValueError, match=f"holds {len(channels(path))} channels"):
                open_volume(path)


def test_spacing_of_a_real_stack(realdata):
    """ImageJ keeps the header of the NRRD file that the stack comes from among its notes."""
    import re

    import tifffile

    path = realdata / "neuron3d" / "volumes_without_gold" / "cropped_OP_9.tif"
    with tifffile.TiffFile(path) as file:
        notes = file.imagej_metadata["Info"]
    x, y, z = (float(max(re.findall(r"[0-9.]+", word), key=float)) for word in re.findall(r"\([^)]*\)", notes))
    found = open_volume(path)
    np.testing.assert_allclose(found.spacing, (z, y, x), rtol=1e-6)
    assert found.unit == "micrometer"
