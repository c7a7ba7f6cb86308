"""A plain folder: how images find their masks, and what is said when they do not."""

import numpy as np
import pytest
import tifffile

from subband.data import check_samples
from subband.data.images import write_png
from subband.data.readers import Folder

RNG = np.random.default_rng(3)


def grey(shape=(6, 8)):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def binary(shape=(6, 8)):
    return (RNG.random(shape) > 0.5).astype(np.uint8)


def write(folder, **files):
    """Write NAME.png for each array; ``__`` in a name is a folder."""
    for name, array in files.items():
        write_png(folder / (name.replace("__", "/") + ".png"), array)
    return folder


def test_root_with_two_folders(tmp_path):
    image, mask = grey(), binary()
    write(tmp_path, images__b=image, images__a=grey(), masks__a=binary() * 255, masks__b=mask * 255)
    data = Folder(tmp_path)
    assert (data.names, data.classes, data.channels, len(data)) == (["a", "b"], 2, 1, 2)
    assert (data[1].image == image[None] / np.float32(255)).all()
    assert (data[1].mask == mask).all()
    assert check_samples(data) == []


@pytest.mark.parametrize("suffix", ["", "_mask", "_masks", "_label", "_labels", "_anno", "_gt", "_seg"])
def test_two_folders_and_suffixes(tmp_path, suffix):
    write(tmp_path, x__a=grey(), y__unused=binary(), **{f"y__a{suffix}": binary()})
    assert Folder(images=tmp_path / "x", masks=str(tmp_path / "y")).names == ["a"]


def test_images_beside_their_masks(tmp_path):
    write(tmp_path, a=grey(), a_mask=binary(), b=grey(), b_label=binary())
    data = Folder(tmp_path)
    assert [(image.name, mask.name) for image, mask in data.pairs] == [
        ("a.png", "a_mask.png"),
        ("b.png", "b_label.png"),
    ]


def test_exact_name_before_a_suffix(tmp_path):
    mask = binary()
    write(tmp_path, images__a=grey(), masks__a=mask, masks__a_mask=1 - mask)
    assert (Folder(tmp_path)[0].mask == mask).all()


def test_path_with_spaces_and_umlauts(tmp_path):
    root = write(tmp_path / "my Größen data", images__a=grey(), masks__a=binary())
    assert len(Folder(root)) == 1


def test_pages_of_two_stacks_are_samples(tmp_path):
    image, mask = grey((3, 6, 8)), binary((3, 6, 8))
    for kind, array in (("images", image), ("masks", mask)):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "s.tif", array, photometric="minisblack")
    write(tmp_path, images__a=grey(), masks__a=binary())
    data = Folder(tmp_path)
    assert data.names == ["a", "s_000", "s_001", "s_002"]
    assert (data[2].image[0] == image[1] / np.float32(255)).all()
    assert (data[2].mask == mask[1]).all()


def test_classes_are_counted_over_all_masks(tmp_path):
    write(tmp_path, images__a=grey(), images__b=grey(), masks__a=binary(), masks__b=binary() * 4)
    assert Folder(tmp_path).classes == 5


def test_void_in_a_set_of_several_classes(tmp_path):
    """255 is void in every mask as soon as one mask holds a class above 1, also where it is beside 0 or 1 alone."""
    masks = {
        "a": np.uint8([[0, 1, 255]]),
        "b": np.uint8([[0, 0, 255]]),
        "c": np.uint8([[255, 255, 255]]),
        "d": np.uint8([[1, 1, 1]]),
        "e": np.uint8([[255, 2, 3]]),
    }
    files = {f"{kind}__{name}": mask for name, mask in masks.items() for kind in ("images", "masks")}
    data = Folder(write(tmp_path, **files))
    assert all((sample.mask == masks[sample.name]).all() for sample in data)
    assert data.classes == 4
    assert "c: every pixel of the mask is void (255)" in check_samples(data)


def test_255_is_the_foreground_in_a_set_of_two_classes(tmp_path):
    masks = {"a": np.uint8([[0, 0, 255]]), "b": np.uint8([[255, 255, 255]]), "c": np.uint8([[0, 1, 1]])}
    files = {f"{kind}__{name}": mask for name, mask in masks.items() for kind in ("images", "masks")}
    data = Folder(write(tmp_path, **files))
    assert [sample.mask.tolist() for sample in data] == [[[0, 0, 1]], [[1, 1, 1]], [[0, 1, 1]]]
    assert data.classes == 2


@pytest.mark.message
def test_a_damaged_mask_does_not_hide_void(tmp_path):
    masks = {"a": np.uint8([[0, 0, 255]]), "b": np.uint8([[0, 1, 1]]), "c": np.uint8([[0, 1, 2]])}
    files = {f"{kind}__{name}": mask for name, mask in masks.items() for kind in ("images", "masks")}
    write(tmp_path, **files)
    (tmp_path / "masks" / "b.png").write_bytes(b"")
    data = Folder(tmp_path)
    assert data[0].mask.tolist() == [[0, 0, 255]]
    with pytest.raises(ValueError, match=r"b\.png cannot be read as an image"):
        check_samples(data)


@pytest.mark.message
def test_a_value_that_is_no_class_of_several(tmp_path):
    masks = {"a": np.uint8([[0, 200, 255]]), "b": np.uint8([[0, 1, 2]])}
    files = {f"{kind}__{name}": mask for name, mask in masks.items() for kind in ("images", "masks")}
    with pytest.raises(ValueError, match=r"a\.png holds 3 values \(0, 200, 255\)"):
        Folder(write(tmp_path, **files))[0]


def test_a_grey_class_of_a_palette_keeps_its_number(tmp_path):
    """As Pascal VOC's masks, whose class 7 is grey: alone with the background it looks like a grey palette."""
    from PIL import Image

    masks = {"a": np.uint8([[0, 1, 255]]), "b": np.uint8([[0, 2, 2]]), "c": np.uint8([[0, 1, 1]])}
    write(tmp_path, **{f"images__{name}": grey((1, 3)) for name in masks})
    (tmp_path / "masks").mkdir()
    for name, mask in masks.items():
        picture = Image.fromarray(mask)
        picture.putpalette([0, 0, 0, 128, 128, 128, 200, 0, 0] + [224, 224, 192] * 253)
        picture.save(tmp_path / "masks" / f"{name}.png")
    assert all((sample.mask == masks[sample.name]).all() for sample in Folder(tmp_path))


def test_different_encodings_mix(tmp_path):
    mask = binary()
    colour = np.stack([mask * 200, mask * 0, mask * 0], -1)
    files = {"masks__a": mask, "masks__b": mask * 255, "masks__c": colour}
    write(tmp_path, images__a=grey(), images__b=grey(), images__c=grey(), **files)
    data = Folder(tmp_path)
    assert data.classes == 2
    assert all((sample.mask == mask).all() for sample in data)


def test_jpeg_mask(tmp_path):
    from PIL import Image

    mask = np.kron(binary(), np.ones((16, 16), np.uint8))
    write(tmp_path, images__a=grey(mask.shape))
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask * 255).save(tmp_path / "masks" / "a.jpg")
    data = Folder(tmp_path)
    assert (data[0].mask == mask).all()
    assert data.classes == 2


@pytest.mark.message
@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"images__a": 1, "images__b": 1, "images__c": 1, "masks__a": 1, "masks__other": 1},
            r"b.png \(and 1 more\) has no mask in .*masks \(it holds a.png, other.png\); expected b.png or b_mask.png",
        ),
        (
            {"images__a": 1, "masks__a_mask": 1, "masks__a_gt": 1},
            "a.png has several masks in .*: a_mask.png, a_gt.png; keep",
        ),
        ({"pictures__a": 1}, r"needs a folder images and a folder masks inside \(it holds pictures/\)"),
        ({"a": 1, "a_mask": 1, "b": 1}, "b.png has no mask"),
    ],
)
def test_what_does_not_pair(tmp_path, files, sentence):
    write(tmp_path, **dict.fromkeys(files, binary()))
    with pytest.raises(ValueError, match=sentence):
        Folder(tmp_path)


@pytest.mark.message
def test_empty_and_missing_folders(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(ValueError, match=r"images holds no image \(it is empty\)"):
        Folder(tmp_path)
    with pytest.raises(ValueError, match=r"there is no folder .*none"):
        Folder(tmp_path / "none")


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "no folder is given: name root"),
        ({"images": "x"}, "the folder of masks is not given"),
        ({"masks": "x"}, "the folder of images is not given"),
        ({"root": "r", "images": "x", "masks": "y"}, "root is given beside images and masks"),
    ],
)
def test_arguments_that_do_not_go_together(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Folder(**options)


@pytest.mark.message
def test_stacks_of_different_length(tmp_path):
    for kind, pages in (("images", 3), ("masks", 2)):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "s.tif", binary((pages, 6, 8)), photometric="minisblack")
    with pytest.raises(ValueError, match=r"s.tif has 3 page\(s\), but its mask .*s.tif has 2"):
        Folder(tmp_path)


@pytest.mark.message
def test_sizes_that_differ_name_the_file(tmp_path):
    write(tmp_path, images__a=grey((6, 8)), masks__a=binary((6, 9)))
    with pytest.raises(ValueError, match="a: the image is 6 x 8 pixels, but its mask is 6 x 9"):
        check_samples(Folder(tmp_path))


@pytest.mark.message
def test_damaged_image_is_named_among_the_samples(tmp_path):
    write(tmp_path, images__a=grey(), images__b=grey(), masks__a=binary(), masks__b=binary())
    (tmp_path / "images" / "b.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"b.png cannot be read as an image"):
        check_samples(Folder(tmp_path))
