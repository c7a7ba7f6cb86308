"""Volumes in files: every format gives back voxels, spacing and unit, lazily and whole; bad names are said plainly."""

import numpy as np
import pytest

from subband.data._length_units import unit_name, with_unit
from subband.data.lazy_volume import LazyVolume
from subband.data.volume_file import convert_volume, open_volume, read_volume, write_volume

FORMATS = {
    ".v3draw": ("uint8", "uint16", "float32"),
    ".raw": ("uint16",),
    ".tif": ("uint8", "uint16", "float32"),
    ".nii": ("uint8", "uint16", "float32", "int32"),
    ".nii.gz": ("uint16",),
    ".nrrd": ("uint8", "int16", "uint32", "int64", "float32", "float64"),
    ".zarr": ("uint8", "uint16", "float32", "int32"),
}
PAIRS = [(suffix, dtype) for suffix, dtypes in FORMATS.items() for dtype in dtypes]
SPACING = (2.0, 0.25, 0.5)


def volume(dtype="uint8", shape=(5, 7, 9)):
    """Values that are all different as far as the type goes."""
    return (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)


@pytest.mark.parametrize(("suffix", "dtype"), PAIRS)
def test_what_is_written_is_read(tmp_path, suffix, dtype):
    stored, path = volume(dtype), tmp_path / "deep" / f"v{suffix}"
    write_volume(path, stored, spacing=SPACING, unit="micrometer")
    found = read_volume(path)
    np.testing.assert_array_equal(found.array, stored)
    assert found.array.dtype == stored.dtype
    assert found.array.flags.writeable
    lost = suffix in (".v3draw", ".raw")
    np.testing.assert_allclose(found.spacing, (1, 1, 1) if lost else SPACING)
    assert found.unit == ("voxel" if lost else "micrometer")
    lazy = open_volume(path).array
    assert (lazy.shape, lazy.dtype, lazy.ndim, len(lazy)) == (stored.shape, stored.dtype, 3, 5)
    for key in [np.s_[2], np.s_[1:3, ..., 4], np.s_[..., 2:5, 3:8], np.s_[:, 6], np.s_[4:, :2, ::2], np.s_[4, 6, 8]]:
        np.testing.assert_array_equal(lazy[key], stored[key])
    np.testing.assert_array_equal(np.asarray(lazy), stored)
    assert np.asarray(lazy, float).dtype == float
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".tif", ".nii", ".nrrd", ".zarr"])
@pytest.mark.parametrize("unit", ["voxel", "micrometer", "millimeter"])
def test_units_are_kept(tmp_path, suffix, unit):
    write_volume(tmp_path / f"v{suffix}", volume(), spacing=SPACING, unit=unit)
    assert open_volume(tmp_path / f"v{suffix}").unit == unit


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_mask_becomes_0_and_1(tmp_path, suffix):
    write_volume(tmp_path / f"v{suffix}", volume() > 100)
    found = read_volume(tmp_path / f"v{suffix}").array
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, volume() > 100)


@pytest.mark.parametrize("shape", [(3, 5, 4), (4, 6, 3), (1, 1, 1), (1, 5, 3), (2, 1, 4)])
@pytest.mark.parametrize("suffix", FORMATS)
def test_small_axes_are_no_colours(tmp_path, suffix, shape):
    write_volume(tmp_path / f"v{suffix}", volume(shape=shape))
    np.testing.assert_array_equal(read_volume(tmp_path / f"v{suffix}").array, volume(shape=shape))


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", [".nrrd", ".zarr", ".tif"])
def test_converts_with_its_spacing(tmp_path, source, target):
    stored = volume("uint16", (70, 3, 4))
    write_volume(tmp_path / f"a{source}", stored, spacing=SPACING, unit="millimeter")
    made = convert_volume(tmp_path / f"a{source}", tmp_path / f"b{target}")
    np.testing.assert_array_equal(made.array[:], stored)
    if target not in (".v3draw", ".raw"):
        assert (made.spacing, made.unit) == (SPACING, "millimeter")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    class Torn:
        shape, dtype = (40, 2, 2), np.dtype("uint8")

        def __getitem__(self, key):
            if key.start:
                raise RuntimeError("torn")
            return np.zeros((16, 2, 2), np.uint8)

    for suffix in (".v3draw", ".nrrd", ".tif"):
        path = tmp_path / f"v{suffix}"
        write_volume(path, volume())
        with pytest.raises(RuntimeError, match="torn"):
            write_volume(path, Torn())
        np.testing.assert_array_equal(read_volume(path).array, volume())
        write_volume(path, volume("uint16"))
        assert read_volume(path).array.dtype == np.uint16
    assert len(list(tmp_path.iterdir())) == 3


def test_nanometres_in_nifti_become_micrometres(tmp_path):
    write_volume(tmp_path / "v.nii", volume(), spacing=(50, 4, 4), unit="nanometer")
    found = open_volume(tmp_path / "v.nii")
    np.testing.assert_allclose(found.spacing, (0.05, 0.004, 0.004), rtol=1e-6)
    assert found.unit == "micrometer"


def test_a_copy_in_the_machines_byte_order():
    big = np.arange(24, dtype=">u2").reshape(2, 3, 4)
    lazy = LazyVolume(big)
    taken = lazy[:1]
    assert taken.dtype.isnative
    taken[:] = 0
    assert lazy[0, 0, 3] == 3


@pytest.mark.parametrize(
    ("word", "unit"),
    [("um", "micrometer"), (r"\u00B5m", "micrometer"), ("µm", "micrometer"), ('"mm"', "millimeter"), (None, "voxel")],
)
def test_units_by_many_names(word, unit):
    assert unit_name(word) == unit


def test_axes_of_different_units_become_micrometres():
    assert with_unit([1, 500, 250], ["micron", "nm", "nm"]) == ((1.0, 0.5, 0.25), "micrometer")
    assert with_unit([2, 1, 1], ["", "mm", "mm"]) == ((2.0, 1.0, 1.0), "millimeter")
    assert with_unit([2, 1, 1], ["parsec", "mm", "mm"]) == ((2.0, 1.0, 1.0), "voxel")
    assert with_unit([0, float("nan"), "?"], ["mm"] * 3) == ((1.0, 1.0, 1.0), "millimeter")


@pytest.mark.message
def test_says_what_is_wrong(tmp_path):
    def refused(words, function, *arguments, **options):
        with pytest.raises(ValueError, match=words):
            function(*arguments, **options)

    target = tmp_path / "v.v3draw"
    refused(r"v.tiv has an unknown suffix; expected .*a folder; did you mean '.tif'", open_volume, "v.tiv")
    refused(r"v.png has an unknown suffix; expected .v3draw, .*\.zarr", write_volume, "v.png", volume())
    refused(r"cannot write 7 x 9 values as v.v3draw; a volume is \(Z, Y, X\)", write_volume, target, volume()[0])
    refused(r"0 x 7 x 9 values .* not empty", write_volume, target, volume()[:0])
    for spacing in [(1, 0, 1), (1, 1), (1, 1, float("inf")), (1, 1, float("nan"))]:
        refused(r"spacing is .* three lengths \(z, y, x\)", write_volume, target, volume(), spacing=spacing)
    refused("is float64, but .v3draw holds uint8", write_volume, target, volume(float))
    refused("is int32, but an ImageJ stack holds uint8", write_volume, tmp_path / "v.tif", volume("int32"))
    refused("is int64, but NIfTI files are written of", write_volume, tmp_path / "v.nii", volume("int64"))
    refused("is complex64, but NRRD holds", write_volume, tmp_path / "v.nrrd", volume("complex64"))
    assert not list(tmp_path.iterdir())
    write_volume(target, volume())
    refused("is both source and target", convert_volume, target, tmp_path / "." / "v.v3draw")
    refused("has no channel 1; it holds channel 0 alone", open_volume, target, channel=1)
    refused("there is no file", open_volume, tmp_path / "none.v3draw")
    with pytest.raises(OSError, match=r"cannot write .*x.v3draw: "):
        write_volume(target / "x.v3draw", volume())
