"""Image and mask files: Pillow and tifffile are the oracles for reading."""

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from subband.data._pages import Pages
from subband.data.images import (
    as_image,
    as_mask,
    image_pages,
    list_images,
    read_image,
    read_mask,
    write_png,
    write_tiff,
)

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (5, 7)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)
BINARY = (GREY > 128).astype(np.uint8)


def save(path, array, mode=None, **options):
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".PNG"])
@pytest.mark.parametrize("array", [GREY, COLOUR], ids=["grey", "colour"])
def test_image_equals_pillow(tmp_path, suffix, array):
    image = read_image(save(tmp_path / f"a{suffix}", array))
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    assert image.dtype == np.float32
    assert (image == planes / np.float32(255)).all()


def test_jpeg_is_near(tmp_path):
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    image = read_image(save(tmp_path / "a.jpg", smooth))
    assert np.abs(image[0] - smooth / 255).max() < 0.05


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_left_out(tmp_path, mode):
    plain = COLOUR if mode == "RGBA" else GREY
    picture = Image.fromarray(plain)
    picture.putalpha(Image.fromarray(GREY))
    picture.save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png")
    assert (found == read_image(save(tmp_path / "b.png", plain))).all()


def test_other_colour_models_become_colour(tmp_path):
    save(tmp_path / "a.tif", COLOUR, "CMYK")
    save(tmp_path / "a.jpg", np.zeros((8, 8, 3), np.uint8), "CMYK")
    assert read_image(tmp_path / "a.jpg").shape == (3, 8, 8)


def test_one_bit(tmp_path):
    save(tmp_path / "a.png", BINARY.astype(bool))
    assert (read_image(tmp_path / "a.png")[0] == BINARY).all()
    assert (read_mask(tmp_path / "a.png") == BINARY).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_divided_by_65535(tmp_path, suffix):
    deep = RNG.integers(0, 65536, (5, 7)).astype(np.uint16)
    save(tmp_path / f"a{suffix}", deep)
    np.testing.assert_allclose(read_image(tmp_path / f"a{suffix}")[0], deep / 65535, rtol=1e-6)


def test_floats_within_0_and_1_stay(tmp_path):
    values = RNG.random((5, 7), np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert (read_image(tmp_path / "a.tif")[0] == values).all()


@pytest.mark.message
@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.float32([[0, 300]]), r"float32 values from 0 to 300, but must be within \[0, 1\]"),
        (np.float32([[0, np.nan]]), "values from nan"),
        (np.int32([[-1, 3]]), r"int32 values from -1 to 3, but must be within \[0, 65535\]"),
    ],
)
def test_values_out_of_range(tmp_path, array, sentence):
    tifffile.imwrite(tmp_path / "a.tif", array)
    with pytest.raises(ValueError, match=sentence):
        read_image(tmp_path / "a.tif")


@pytest.mark.message
def test_a_page_that_is_no_plane():
    with pytest.raises(ValueError, match="has 4 dimensions"):
        as_image(np.zeros((2, 2, 2, 2)), "volume.tif")


def test_pages_of_a_stack(tmp_path):
    stack = RNG.integers(0, 256, (4, 5, 7)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack", compression="zlib")
    pages = image_pages(tmp_path / "s.tif")
    assert len(pages) == 4
    assert (np.stack(list(pages))[:, 0] == stack / np.float32(255)).all()
    assert (np.stack(pages[1:3])[:, 0] == stack[1:3] / np.float32(255)).all()
    assert (read_image(tmp_path / "s.tif", page=2)[0] == stack[2] / np.float32(255)).all()
    with pytest.raises(IndexError):
        pages[4]


def test_pages_can_be_pickled_and_leave_no_file_open(tmp_path):
    stack = RNG.integers(0, 256, (3, 64, 64)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    pages = Pages(tmp_path / "s.tif")
    assert (pages[0] == stack[0]).all()
    assert (pickle.loads(pickle.dumps(pages))[1] == stack[1]).all()
    assert (np.stack(list(pages)) == stack).all()
    (tmp_path / "s.tif").unlink()
    with pytest.raises(ValueError):
        pages[2]


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_tiff_in_either_order(tmp_path, planar):
    stored = COLOUR if planar == "contig" else COLOUR.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar)
    assert (Pages(tmp_path / "a.tif")[0] == COLOUR).all()


def test_tiff_alpha_is_left_out_but_a_fourth_band_is_not(tmp_path):
    four = np.concatenate([COLOUR, GREY[..., None]], -1)
    tifffile.imwrite(tmp_path / "alpha.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    tifffile.imwrite(tmp_path / "bands.tif", four, photometric="rgb", extrasamples=["unspecified"])
    assert (Pages(tmp_path / "alpha.tif")[0] == COLOUR).all()
    assert (Pages(tmp_path / "bands.tif")[0] == four).all()


def test_lzw_needs_no_further_package(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.tif", compression="tiff_lzw", save_all=True, append_images=frames[1:])
    pages = Pages(tmp_path / "a.tif")
    assert len(pages) == 2
    assert (pages[0] == GREY).all()
    assert (pages[1] == 255 - GREY).all()


@pytest.mark.message
def test_damaged_lzw(tmp_path):
    path = save(tmp_path / "a.tif", np.tile(GREY, (20, 20)), compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[8:400] = b"\xff" * 392
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.tif cannot be read as an image; it is damaged"):
        read_image(path)


@pytest.mark.message
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
@pytest.mark.parametrize("content", [b"", b"this is no image", None], ids=["empty", "text", "cut"])
def test_damaged_file_is_named(tmp_path, suffix, content):
    path = tmp_path / f"broken{suffix}"
    if content is None:
        save(path, np.tile(COLOUR, (9, 9, 1)))
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"broken{suffix} cannot be read as an image; it is damaged or of another kind"
    ):
        read_image(path)


@pytest.mark.message
def test_unreadable_file_is_named(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", GREY)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ValueError, match=r"a.png cannot be read: no permission"):
        read_image(path)


@pytest.mark.message
def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*none.png"):
        read_image(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (BINARY, BINARY),
        (BINARY * 255, BINARY),
        (BINARY * 128, BINARY),
        (np.ones_like(BINARY) * 255, np.ones_like(BINARY)),
        (np.zeros_like(BINARY), np.zeros_like(BINARY)),
        (GREY % 12, GREY % 12),
        ((GREY % 3).astype(np.uint16), GREY % 3),
        (BINARY * np.uint16(65535), BINARY),
        (np.stack([BINARY * 255] * 3, -1), BINARY),
        (np.stack([BINARY * 200, 1 - BINARY, 1 - BINARY], -1), BINARY),
        (np.ones((4, 4, 3), np.uint8) * np.uint8([200, 0, 0]), np.ones((4, 4), np.uint8)),
    ],
    ids=[
        "01",
        "0-255",
        "0-128",
        "full",
        "empty",
        "classes",
        "classes16",
        "binary16",
        "grey-rgb",
        "two-colours",
        "one-colour",
    ],
)
def test_masks_by_value(tmp_path, stored, expected):
    path = tmp_path / "m.png"
    if stored.dtype == np.uint16:
        path = tmp_path / "m.tif"
        tifffile.imwrite(path, stored)
    else:
        save(path, stored)
    mask = read_mask(path)
    assert mask.dtype == np.uint8
    assert (mask == expected).all()


def test_float_mask_of_whole_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", BINARY.astype(np.float32))
    assert (read_mask(tmp_path / "m.tif") == BINARY).all()


def test_jpeg_mask_is_cut(tmp_path):
    big = np.kron(BINARY, np.ones((16, 16), np.uint8))
    for name, array in (("grey.jpg", big * 255), ("rgb.jpg", np.stack([big * 255] * 3, -1))):
        assert (read_mask(save(tmp_path / name, array)) == big).all()


def test_palette_gives_the_index_as_mask_and_the_colour_as_image(tmp_path):
    picture = Image.fromarray(GREY % 3).convert("P")
    picture.putdata((GREY % 3).ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "p.png")
    assert (read_mask(tmp_path / "p.png") == GREY % 3).all()
    assert (read_image(tmp_path / "p.png")[0] == (GREY % 3 == 1)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_255_beside_classes_is_void(tmp_path, dtype):
    stored = np.array([[0, 2, 255, 1], [255, 0, 63, 0]], dtype)
    tifffile.imwrite(tmp_path / "m.tif", stored)
    assert (read_mask(tmp_path / "m.tif") == stored).all()


def test_masks_of_a_set_of_several_classes():
    for stored in ([[0, 255]], [[255, 255]], [[1, 255]], [[0, 1]], [[0, 0]]):
        assert (as_mask(np.uint8(stored), "m", several=True) == stored).all()
    with pytest.raises(ValueError, match="m holds 2 values"):
        as_mask(np.uint8([[0, 128]]), "m", several=True)


def test_stored_index_whatever_the_palette(tmp_path):
    picture = Image.fromarray(GREY % 3).convert("P")
    picture.putdata((GREY % 3).ravel().tolist())
    for colours in ([0, 0, 0, 255, 0, 0, 0, 255, 0], [0, 0, 0, 128, 128, 128, 200, 200, 200]):
        picture.putpalette(colours)
        picture.save(tmp_path / "p.png")
        assert (Pages(tmp_path / "p.png", palette="stored")[0] == GREY % 3).all()


def test_grey_palette_gives_its_value(tmp_path):
    save(tmp_path / "m.gif", BINARY * 255)
    assert (read_mask(tmp_path / "m.gif") == BINARY).all()


@pytest.mark.message
@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        (COLOUR, r"m.png is a mask of 35 colours .*must have two"),
        (np.uint8([[0, 1, 255]]), r"m.png holds 3 values \(0, 1, 255\); a mask holds .*with 255 for void if"),
        (np.uint8([[0, 127, 255]]), r"holds 3 values \(0, 127, 255\)"),
        (np.arange(200, dtype=np.uint8)[None], r"holds 200 values \(0, 1, 2, 3, 4, 5, ...\)"),
    ],
)
def test_masks_that_are_none(tmp_path, stored, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_mask(save(tmp_path / "m.png", stored))


@pytest.mark.message
def test_fractions_are_no_classes(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", np.float32([[0, 0.5]]))
    with pytest.raises(ValueError, match=r"m.tif holds fractions such as 0.5"):
        read_mask(tmp_path / "m.tif")


def test_list_is_sorted_and_leaves_out_what_is_no_image(tmp_path):
    for name in ("b.png", "a.TIF", "._c.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.TIF", "b.png"]


@pytest.mark.message
def test_folder_without_images(tmp_path):
    with pytest.raises(ValueError, match=r"holds no image \(it is empty\)"):
        list_images(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"holds no image \(it holds notes.txt\); expected .tif"):
        list_images(tmp_path)
    with pytest.raises(ValueError, match=r"there is no folder .*none"):
        list_images(tmp_path / "none")


@pytest.mark.parametrize("array", [GREY, COLOUR, GREY.astype(np.uint16) * 200], ids=["grey", "colour", "deep"])
def test_png_round_trip(tmp_path, array):
    write_png(tmp_path / "new" / "a.png", array)
    assert (Pages(tmp_path / "new" / "a.png")[0] == array).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_bool_is_written_as_0_and_255(tmp_path):
    write_png(tmp_path / "a.png", BINARY > 0)
    assert (Pages(tmp_path / "a.png")[0] == BINARY * 255).all()


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7)])
def test_tiff_round_trip(tmp_path, shape):
    values = RNG.random(shape, np.float32)
    write_tiff(tmp_path / "a.tif", values)
    assert (np.stack(list(Pages(tmp_path / "a.tif"))).reshape(shape) == values).all()


@pytest.mark.message
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "there is no space left on the device; free some"),
        (errno.EACCES, "no permission; choose another folder"),
    ],
)
def test_failed_write_leaves_what_was_there(tmp_path, monkeypatch, number, sentence):
    write_png(tmp_path / "a.png", GREY)
    before = (tmp_path / "a.png").read_bytes()

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=f"cannot write .*a.png: {sentence}"):
        write_png(tmp_path / "a.png", COLOUR)
    assert (tmp_path / "a.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
