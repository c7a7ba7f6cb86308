"""The 19 corruptions: golden checksums, independence of order and process, growth with severity, every size."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from subband.corrupt import ALL_CORRUPTIONS, CORRUPTIONS, EXTRA_CORRUPTIONS, SEVERITIES, corrupt, published_constants
from subband.corrupt.constants import SIZES

GOLDEN = json.loads((Path(__file__).parent / "golden_corruptions.json").read_text())
EACH = pytest.mark.parametrize("name", ALL_CORRUPTIONS)
# The published constants of these do not grow in effect from step to step: they trade one strength for another.
UNORDERED = {
    32: {"glass_blur", "motion_blur", "snow", "frost", "elastic_transform", "saturate"},
    64: {"glass_blur", "elastic_transform", "saturate"},
    224: {"glass_blur", "elastic_transform", "saturate"},
}


def photo(height, width, *, seed=0, channels=3):
    """Something like a photograph: a gradient, disks of plain colours, fine texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3)) + [0.25, 0.4, 0.55] + 0.3 * (y / height)[..., None]
    for _ in range(8):
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        radius = rng.uniform(0.08, 0.3) * min(height, width)
        image[(y - row) ** 2 + (x - column) ** 2 < radius**2] = rng.uniform(0, 1, 3)
    image += 0.25 * ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 1)[..., None]
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return pixels if channels == 3 else pixels[..., 1]


def digest(images):
    return hashlib.blake2b(b"".join(image.tobytes() for image in images), digest_size=8).hexdigest()


def digests(name):
    """Checksums of a corruption: small colour and odd grey images at all severities, a large one at the third."""
    return {
        "32x32": digest([corrupt(photo(32, 32), name, severity, key="a") for severity in SEVERITIES]),
        "33x47 grey": digest([corrupt(photo(33, 47, channels=1), name, severity, key="b") for severity in SEVERITIES]),
        "224x224": digest([corrupt(photo(224, 224), name, 3, key="c")]),
    }


def distortion(name, severity, images):
    """What is lost: one minus the correlation with the clean image."""
    lost = [
        1 - np.corrcoef(corrupt(image, name, severity, key=str(number)).ravel(), image.ravel())[0, 1]
        for number, image in enumerate(images)
    ]
    return float(np.mean(lost))


@EACH
def test_checksums_are_the_recorded_ones(name):
    assert digests(name) == GOLDEN[name]


def test_names_are_those_of_the_benchmark():
    assert (len(CORRUPTIONS), len(EXTRA_CORRUPTIONS)) == (15, 4)
    assert ALL_CORRUPTIONS == CORRUPTIONS + EXTRA_CORRUPTIONS
    assert CORRUPTIONS[0] == "gaussian_noise"
    assert CORRUPTIONS[-1] == "jpeg_compression"
    assert EXTRA_CORRUPTIONS == ("speckle_noise", "gaussian_blur", "spatter", "saturate")


@EACH
@pytest.mark.parametrize("size", sorted(SIZES))
def test_constants_are_there_for_every_size_and_severity(name, size):
    rows = [published_constants(name, severity, size) for severity in SEVERITIES]
    assert len(set(rows)) == 5
    assert len({len(row) for row in rows}) == 1
    assert SIZES[size].keys() == SIZES[224].keys()


def test_constants_come_from_the_nearest_published_size():
    found = [published_constants("jpeg_compression", 1, size)[0] for size in (16, 32, 45, 46, 64, 119, 120, 224, 1000)]
    assert found == [80, 80, 80, 65, 65, 65, 25, 25, 25]
    assert published_constants("elastic_transform", 2, 32) == pytest.approx((1.6, 6.4, 2.24))
    assert published_constants("elastic_transform", 2, 16) == pytest.approx((0.8, 3.2, 1.12))
    assert published_constants("elastic_transform", 2, 224) == pytest.approx((488, 19.52, 48.8))


@pytest.mark.slow
@pytest.mark.parametrize(("size", "count"), [(32, 12), (64, 8), (224, 3)])
def test_distortion_grows_with_severity(size, count):
    images = [photo(size, size, seed=seed) for seed in range(count)]
    rows = {name: [distortion(name, severity, images) for severity in SEVERITIES] for name in ALL_CORRUPTIONS}
    unordered = {name for name, row in rows.items() if not (np.diff(row) > 0).all()}
    assert unordered == UNORDERED[size]
    assert all(row[4] > row[0] for name, row in rows.items() if name not in ("elastic_transform", "saturate"))


@EACH
@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3), (33, 47), (47, 33, 3), (40, 28, 1)])
def test_any_size_grey_and_colour(name, shape):
    image = photo(*shape[:2]).astype(np.uint8)
    image = image[..., 1].reshape(shape) if shape[-1] != 3 else image
    for severity in (1, 5):
        kept = image.copy()
        found = corrupt(image, name, severity, key="x")
        assert found.shape == shape
        assert found.dtype == np.uint8
        assert np.array_equal(image, kept)
        assert np.array_equal(found, image) == (name == "saturate" and shape[-1] != 3)


@EACH
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_images_pass(name, value):
    image = np.full((32, 32, 3), value, np.uint8)
    for severity in (1, 5):
        assert corrupt(image, name, severity, key="x").shape == image.shape


@EACH
def test_kinds_of_images_give_the_same_pixels(name):
    pixels = photo(32, 40)
    expected = corrupt(pixels, name, 4, key="k")
    for dtype in (np.float32, np.float64):
        found = corrupt((pixels / 255).astype(dtype), name, 4, key="k")
        assert found.dtype == dtype
        assert np.array_equal(np.rint(found * 255), expected)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    whole = corrupt(tensor, name, 4, key="k")
    real = corrupt(tensor.float() / 255, name, 4, key="k")
    assert (whole.dtype, real.dtype, real.shape) == (torch.uint8, torch.float32, (3, 32, 40))
    assert np.array_equal(whole.permute(1, 2, 0).numpy(), expected)
    assert torch.equal((real * 255).round().byte(), whole)


def test_half_precision_and_grey_tensors():
    grey = torch.from_numpy(photo(20, 20, channels=1))[None]
    assert corrupt(grey.half() / 255, "fog", 1, key="k").dtype == torch.float16
    assert torch.equal(
        corrupt(grey, "fog", 1, key="k")[0], torch.from_numpy(corrupt(grey[0].numpy(), "fog", 1, key="k"))
    )


@EACH
def test_order_and_global_generators_do_not_matter(name):
    images = [photo(24, 24, seed=seed) for seed in range(3)]
    first = [corrupt(image, name, 3, key=str(number)) for number, image in enumerate(images)]
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    again = [corrupt(images[number], name, 3, key=str(number)) for number in (2, 0, 1)]
    assert all(np.array_equal(first[number], found) for number, found in zip((2, 0, 1), again, strict=True))
    assert np.array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize("name", [name for name in ALL_CORRUPTIONS if name not in {
    "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "gaussian_blur", "saturate"
}])  # fmt: skip
def test_key_and_severity_change_the_chance(name):
    image = photo(32, 32)
    assert not np.array_equal(corrupt(image, name, 3, key="a"), corrupt(image, name, 3, key="b"))


@pytest.mark.slow
def test_another_process_gives_the_same_bytes():
    code = (
        "import hashlib, numpy as np\n"
        "from subband.corrupt import ALL_CORRUPTIONS, corrupt\n"
        "image = (np.add.outer(np.arange(32) * 5, np.arange(32) * 3)[..., None] % [251, 241, 239]).astype(np.uint8)\n"
        "hash = hashlib.sha256()\n"
        "for name in ALL_CORRUPTIONS: hash.update(corrupt(image, name, 2, key='cat/1').tobytes())\n"
        "print(hash.hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    image = (np.add.outer(np.arange(32) * 5, np.arange(32) * 3)[..., None] % [251, 241, 239]).astype(np.uint8)
    here = hashlib.sha256(b"".join(corrupt(image, name, 2, key="cat/1").tobytes() for name in ALL_CORRUPTIONS))
    assert other.stdout == here.hexdigest() + "\n"


@pytest.mark.message
def test_errors_say_what_to_do():
    image = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(ValueError, match=r"corruption is 'fogg', but must be one of .*; did you mean 'fog'"):
        corrupt(image, "fogg", 1, key="")
    with pytest.raises(ValueError, match="severity is 6, but must be a whole number from 1 to 5"):
        corrupt(image, "fog", 6, key="")
    with pytest.raises(ValueError, match="image has 15 x 32 pixels, but must have at least 16 a side"):
        corrupt(image[:15], "fog", 1, key="")
    with pytest.raises(ValueError, match=r"image has shape \(3, 32, 32\) .*, but must have 1 or 3 channels"):
        corrupt(np.moveaxis(image, 2, 0), "fog", 1, key="")
    with pytest.raises(ValueError, match="image is of int64, but must be uint8, or floating point"):
        corrupt(image.astype(int), "fog", 1, key="")
    with pytest.raises(ValueError, match=r"values from 0 to 255, but must be within \[0, 1\]; corrupt before norm"):
        corrupt(image.astype(float) + 255 * np.eye(32)[..., None], "fog", 1, key="")
    with pytest.raises(ValueError, match=r"values from nan to nan"):
        corrupt(np.full((32, 32), np.nan), "fog", 1, key="")
    with pytest.raises(ValueError, match=r"tensor of shape \(1, 3, 32, 32\), but must be \(C, H, W\); corrupt one by"):
        corrupt(torch.zeros(1, 3, 32, 32), "fog", 1, key="")
