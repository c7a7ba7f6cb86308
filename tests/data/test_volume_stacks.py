"""TIFF stacks, slices, NIfTI and NRRD as other programs write them, and what is wrong with them."""

import gzip
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from subband.data._pages import Pages
from subband.data.volume_file import open_volume, read_volume

nibabel = pytest.importorskip("nibabel")
STACK = (np.arange(2 * 3 * 4 * 5) % 251).astype(np.uint8).reshape(2, 3, 4, 5)


def refused(path, words, **options):
    with pytest.raises(ValueError, match=words):
        read_volume(path, **options)


@pytest.mark.parametrize("axes", ["TZCYX", "ZCYX", "TCYX"])
def test_imagej_hyperstacks(tmp_path, axes):
    """Frames of time without z are z: many stacks are saved so."""
    path, stored = tmp_path / "v.tif", STACK.transpose(1, 0, 2, 3)
    notes = {"axes": axes, "spacing": 3.5, "unit": "um"}
    tifffile.imwrite(path, stored[None] if len(axes) == 5 else stored, imagej=True, metadata=notes, resolution=(4, 2))
    for channel in (0, 1):
        found = open_volume(path, channel=channel)
        np.testing.assert_array_equal(found.array[:], STACK[channel])
        assert (found.spacing, found.unit) == ((3.5, 0.5, 0.25), "micrometer")
    refused(path, "holds 2 channels, 0 to 1; choose one")


def test_colour_pages_have_three_channels(tmp_path):
    colours = np.moveaxis(np.stack([STACK[0], STACK[1], STACK[0] // 2]), 0, -1)
    tifffile.imwrite(tmp_path / "v.tif", colours, photometric="rgb")
    np.testing.assert_array_equal(read_volume(tmp_path / "v.tif", channel=2).array, STACK[0] // 2)


def test_ome_tiff_gives_its_spacing(tmp_path):
    sizes = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 250, "PhysicalSizeYUnit": "nm"}
    path = tmp_path / "v.ome.tif"
    tifffile.imwrite(path, STACK, metadata={"axes": "CZYX", **sizes, "PhysicalSizeZ": 2.0})
    found = read_volume(path, channel=1)
    np.testing.assert_array_equal(found.array, STACK[1])
    assert (found.spacing, found.unit) == ((2.0, 0.25, 0.25), "micrometer")
    tifffile.imwrite(path, STACK[0], metadata={"axes": "ZYX"})
    assert read_volume(path).unit == "voxel"


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_compressed_pages_and_archives(tmp_path, compression):
    path, archive = tmp_path / "v.tif", tmp_path / "v.tif.zip"
    if compression == "lzw":
        pages = [Image.fromarray(page) for page in STACK[0]]
        pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    else:
        density = {"resolution": (300, 300), "resolutionunit": "INCH"}
        tifffile.imwrite(path, STACK[0], compression=compression, photometric="minisblack", **density)
    found = read_volume(path)
    np.testing.assert_array_equal(found.array, STACK[0])
    assert (found.spacing, found.unit) == ((1, 1, 1), "voxel")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(path, "../outside/v.tif")
        packed.writestr("__MACOSX/._v.tif", "x")
        packed.writestr("notes.txt", "x")
    np.testing.assert_array_equal(read_volume(archive).array, STACK[0])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["v.tif", "v.tif.zip"]


@pytest.mark.message
def test_says_what_is_wrong_with_a_tiff(tmp_path, monkeypatch):
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, np.zeros((2, 3, 4, 5), np.uint8), imagej=True, metadata={"axes": "TZYX"})
    refused(path, r"v.tif has axes TZYX of 2 x 3 x 4 x 5, more than a volume has; save one time point")
    for shape in [(4, 5), (6, 5)]:
        tifffile.imwrite(path, np.zeros(shape, np.uint8), append=shape[0] == 6)
    refused(path, "its pages have 2 different sizes or types")
    path.write_bytes(b"II*")
    refused(path, r"v.tif cannot be read as an image; it is damaged or of another kind")
    tifffile.imwrite(path, np.zeros((8, 40, 50), np.uint8), imagej=True)
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, r"it has [0-9]+ bytes, and its chain of pages breaks after 8; it was cut off")
    tifffile.imwrite(path, np.zeros((40, 50), np.uint8), metadata=None)
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, r"it has 1900 bytes of voxels, but its header asks for 2000; it was cut off")


@pytest.mark.message
@pytest.mark.parametrize("lost", [60, 700, 5000, 16000])
@pytest.mark.parametrize("kind", ["imagej", "plain", "shaped", "zlib", "bigtiff"])
def test_a_stack_that_was_cut_off_never_opens_in_part(tmp_path, kind, lost):
    """Tifffile alone gives the pages before the break."""
    path, stored = tmp_path / "v.tif", np.random.default_rng(0).integers(0, 255, (8, 40, 50)).astype(np.uint8)
    plain = {
        "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
        "plain": {"metadata": None},
        "shaped": {},
        "zlib": {"compression": "zlib"},
        "bigtiff": {"bigtiff": True},
    }
    tifffile.imwrite(path, stored, **plain[kind])
    np.testing.assert_array_equal(read_volume(path).array, stored)
    path.write_bytes(path.read_bytes()[:-lost])
    refused(path, "cannot be read as an image; it is damaged .*")


@pytest.mark.message
def test_says_what_is_wrong_with_an_archive(tmp_path, monkeypatch):
    archive, path = tmp_path / "v.tif.zip", tmp_path / "v.tif"
    tifffile.imwrite(path, STACK[0], photometric="minisblack")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(path, "a.tif")
    broken = bytearray(archive.read_bytes())
    broken[400] ^= 255
    (tmp_path / "crc.tif.zip").write_bytes(broken)
    refused(tmp_path / "crc.tif.zip", r"cannot be read as a ZIP archive \(Bad CRC-32")
    monkeypatch.setattr("subband.data._tiff_stack.LARGEST_MEMBER", 10)
    refused(archive, r"it unpacks to [0-9]+ bytes; unpack it yourself")
    with zipfile.ZipFile(archive, "a") as packed:
        packed.write(path, "b.tif")
    refused(archive, "it holds a.tif, b.tif; expected exactly one TIFF")
    archive.write_bytes(b"no archive")
    refused(archive, "cannot be read as a ZIP archive")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_slices_in_natural_order_are_read_one_by_one(tmp_path, suffix, monkeypatch):
    stored = (np.arange(12 * 4 * 5) % 251).astype(np.uint8).reshape(12, 4, 5)
    for number, plane in enumerate(stored):
        Image.fromarray(plane).save(tmp_path / f"z{number}.{suffix}")
    (tmp_path / "notes.txt").touch()
    np.testing.assert_array_equal(read_volume(tmp_path).array, stored)
    lazy, seen, read = open_volume(tmp_path).array, [], Pages.__getitem__
    monkeypatch.setattr(Pages, "__getitem__", lambda pages, page: seen.append(pages.path.stem) or read(pages, page))
    np.testing.assert_array_equal(lazy[9:11, 1:3], stored[9:11, 1:3])
    np.testing.assert_array_equal(lazy[2], stored[2])
    assert seen == ["z9", "z10", "z2"]
    assert lazy[3:3, 1:].shape == (0, 3, 5)


@pytest.mark.message
def test_says_what_is_wrong_with_slices(tmp_path):
    refused(tmp_path, r"holds no image \(it is empty\)")
    Image.fromarray(STACK[0, 0]).save(tmp_path / "z1.png")
    Image.fromarray(STACK[0, 0, :3]).save(tmp_path / "z2.png")
    refused(tmp_path, "z2.png has 3 x 5 x 1 values of uint8, but z1.png has 4 x 5 x 1 of uint8; the slices")
    tifffile.imwrite(tmp_path / "z0.tif", STACK[0], photometric="minisblack")
    refused(tmp_path, "z0.tif has 3 pages, but a slice of a volume is one; give the file itself")


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_nifti_keeps_the_order_of_the_file(tmp_path, name):
    """Also where its axes run to the left or downwards: traces count in stored voxels."""
    affine = np.diag([-0.5, 0.25, -2.0, 1.0])
    image = nibabel.Nifti1Image(STACK[0].T, affine)
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / name)
    found = read_volume(tmp_path / name)
    np.testing.assert_array_equal(found.array, STACK[0])
    assert (found.spacing, found.unit) == ((2.0, 0.25, 0.5), "micrometer")
    nibabel.save(nibabel.Nifti1Image(STACK.transpose(3, 2, 1, 0)[:, :, :, None], affine), tmp_path / name)
    np.testing.assert_array_equal(read_volume(tmp_path / name, channel=1).array, STACK[1])
    nibabel.save(nibabel.Nifti1Image(STACK[0, 0].T, affine), tmp_path / name)
    np.testing.assert_array_equal(read_volume(tmp_path / name).array, STACK[0, :1])


@pytest.mark.message
def test_says_what_is_wrong_with_a_nifti(tmp_path):
    path = tmp_path / "v.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2, 2, 2), np.uint8), np.eye(4)), path)
    refused(path, "holds 2 x 2 x 2 x 2 x 2 values of uint8; expected a volume")
    nibabel.save(nibabel.Nifti1Image(STACK[0], np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:-10])
    refused(path, "v.nii cannot be read as NIfTI")


def nrrd(path, body, *lines, kind="uint8", sizes="5 4 3", encoding="raw", key="NRRD0004"):
    fields = [f"type: {kind}", f"dimension: {len(sizes.split())}", f"sizes: {sizes}", f"encoding: {encoding}", *lines]
    path.write_bytes("\n".join([key, "# by hand", *fields]).encode() + b"\n\n" + body)
    return path


def test_nrrd_by_hand(tmp_path):
    path, plain = tmp_path / "v.nrrd", STACK[0].tobytes()
    spacing = ("space dimension: 3", "space directions: (0.5,0,0) (0,0.3,0.4) (0,0,2)", 'space units: "um" "um" "um"')
    found = read_volume(nrrd(path, plain, *spacing))
    np.testing.assert_array_equal(found.array, STACK[0])
    assert (found.spacing, found.unit) == ((2.0, 0.5, 0.5), "micrometer")
    found = read_volume(nrrd(path, gzip.compress(plain), "spacings: 0.5 NaN 2", encoding="gzip"))
    np.testing.assert_array_equal(found.array, STACK[0])
    assert (found.spacing, found.unit) == ((2.0, 1.0, 0.5), "voxel")
    wide = STACK[0].astype(np.uint16) * 200
    found = read_volume(nrrd(path, wide.astype(">u2").tobytes(), "endian: big", kind="unsigned short"))
    np.testing.assert_array_equal(found.array, wide)
    colours, kinds = STACK.transpose(1, 2, 3, 0), "kinds: vector domain domain domain"
    found = read_volume(nrrd(path, colours.tobytes(), kinds, "spacings: nan 1 2 3", sizes="2 5 4 3"), channel=1)
    np.testing.assert_array_equal(found.array, STACK[1])
    assert found.spacing == (3.0, 2.0, 1.0)
    last = ("space dimension: 3", "space directions: (1,0,0) (0,1,0) (0,0,7) none")
    found = read_volume(nrrd(path, STACK.tobytes(), *last, sizes="5 4 3 2"), channel=1)
    np.testing.assert_array_equal(found.array, STACK[1])
    assert found.spacing == (7.0, 1.0, 1.0)


@pytest.mark.message
def test_says_what_is_wrong_with_a_nrrd(tmp_path):
    path, plain = tmp_path / "v.nrrd", STACK[0].tobytes()
    refused(nrrd(path, plain, key="NRRX0004"), "v.nrrd cannot be read as NRRD: it does not begin with NRRD000")
    refused(nrrd(path, plain, kind="block"), "its type is 'block'; expected a whole or real number")
    refused(nrrd(path, plain, kind="short"), "its endian is 'missing'; expected little or big")
    refused(nrrd(path, plain, encoding="bzip2"), "its encoding is 'bzip2'; expected raw or gzip")
    refused(nrrd(path, plain, sizes="5 4"), "its sizes are '5 4'; expected 3, or 4 with channels")
    refused(nrrd(path, plain, sizes="5 four 3"), "invalid literal")
    refused(nrrd(path, plain, "data file: other.raw"), "it has the field 'data file'; save the volume")
    refused(nrrd(path, plain, "spacings: 1 1"), "argument|it gives 2 spacings for 3 axes")
    refused(nrrd(path, plain, "space directions: (1,0,0)"), "it gives 1 spacings for 3 axes")
    refused(nrrd(path, plain[:-1]), "it has 59 bytes of voxels, but its sizes ask for 60; it was cut off")
    refused(nrrd(path, plain + b"x"), "it has 61 bytes of voxels, but its sizes ask for 60")
    packed = gzip.compress(plain)
    refused(nrrd(path, packed[:-20], encoding="gzip"), "bytes of voxels, but its sizes ask for 60; it was cut off")
    refused(nrrd(path, gzip.compress(plain + b"x"), encoding="gzip"), "it has more bytes of voxels")
    refused(nrrd(path, b"no gzip at all", encoding="gzip"), "incorrect header check")
