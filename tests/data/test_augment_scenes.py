"""Random changes for scenes; Pillow and torchvision are the oracles."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional

from subband.data import VOID, Augment, CropStream, Synthetic
from subband.data._geometry import crop_together, scale_together
from subband.data._intensity import blur_sometimes, jitter_colour


def scene(shape, seed=0, channels=3):
    """A smooth image, a mask of four classes, and a map that is a function of the mask."""
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.integers(0, 4, [-(-size // 3) for size in shape]), np.ones([3] * len(shape)))
    mask = mask[tuple(slice(size) for size in shape)].astype(np.uint8)
    image = rng.random((channels, *shape), np.float32)
    return image, mask, np.stack([mask * 2.0, 5.0 - mask]).astype(np.float32)


@pytest.mark.parametrize("shape", [(31, 45), (41, 27)], ids=["31-45", "41-27"])  # odd: no pixel is half-way
@pytest.mark.parametrize("factor", [0.5, 0.77, 1.0, 1.9])
def test_scale_is_pillows(shape, factor):
    image, mask, weights = scene(shape)
    found = scale_together(np.random.default_rng(0), [image, mask[None], weights], (factor, factor), 0)
    size = (round(shape[1] * factor), round(shape[0] * factor))
    for plane, ours in zip(image, found[0], strict=True):
        oracle = np.array(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))
        np.testing.assert_allclose(ours, oracle, atol=1e-5)  # float32 weights there, float64 here
    oracle = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    assert (found[1][0] == oracle).all()
    assert (found[2] == np.stack([oracle * 2.0, 5.0 - oracle])).all()
    assert found[2].dtype == np.float32


def test_scale_refers_to_the_base():
    image, mask, _ = scene((20, 50))
    assert scale_together(np.random.default_rng(0), [image, mask[None]], (1, 1), 30)[0].shape == (3, 30, 75)
    assert scale_together(np.random.default_rng(0), [image, mask[None]], (0.01, 0.01), 0)[1].shape == (1, 1, 1)
    crops = Augment((30, 75), base=30, pad="void")
    assert VOID not in crops(np.random.default_rng(0), image, mask)[1]


def test_scale_is_drawn_evenly():
    image, mask, _ = scene((100, 100), channels=1)
    sizes = [
        len(scale_together(np.random.default_rng(seed), [image, mask[None]], (0.5, 2), 0)[1][0]) for seed in range(60)
    ]
    assert 50 <= min(sizes) < 65
    assert 185 < max(sizes) <= 200
    assert 110 < np.mean(sizes) < 140


def test_scale_in_three_dimensions():
    ramp = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in (8, 10, 12)], indexing="ij")).astype(np.float32)
    mask = (ramp[0] > 0.5).astype(np.uint8)
    found, classes = scale_together(np.random.default_rng(0), [ramp, mask[None]], (2, 2), 0)
    assert found.shape == (3, 16, 20, 24)
    inner = found[:, 1:-1, 1:-1, 1:-1]
    axes = [(np.arange(n) + 0.5) / n for n in (16, 20, 24)]
    expected = np.stack(np.meshgrid(*axes, indexing="ij"))[:, 1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, expected, atol=1e-6)
    assert (classes[0] == np.repeat(np.repeat(np.repeat(mask, 2, 0), 2, 1), 2, 2)).all()


def test_missing_pixels_are_the_mean_colour_and_void():
    image, mask, weights = scene((4, 6))
    found = crop_together(np.random.default_rng(0), [image, mask[None], weights], (7, 8), "void")
    assert (found[0][:, 1:5, 1:7] == image).all()
    assert (found[1][0, 1:5, 1:7] == mask).all()
    assert (found[2][:, 1:5, 1:7] == weights).all()
    around = np.ones((7, 8), bool)
    around[1:5, 1:7] = False
    assert (found[1][0][around] == VOID).all()
    assert (found[2][:, around] == 0).all()
    np.testing.assert_allclose(found[0][:, around], image.mean((1, 2))[:, None].repeat(around.sum(), 1), atol=1e-6)


@pytest.mark.parametrize("pad", ["reflect", "void"])
def test_a_crop_inside_needs_no_filling(pad):
    image, mask, _ = scene((12, 12))
    first, second = (Augment((6, 5), pad=name)(np.random.default_rng(1), image, mask) for name in ("reflect", pad))
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()


def test_scenes_flip_left_and_right_only():
    image, mask, weights = scene((6, 9))
    seen = set()
    for seed in range(20):
        found, classes, maps = Augment(flips="horizontal")(np.random.default_rng(seed), image, mask, weights)
        same = bool((classes == mask).all())
        seen.add(same)
        step = 1 if same else -1
        assert (classes == mask[:, ::step]).all()
        assert (found == image[..., ::step]).all()
        assert (maps == weights[..., ::step]).all()
    assert seen == {True, False}


def test_blur_by_hand():
    """A point becomes the kernel, whose deviation is drawn after the coin."""
    point = np.zeros((2, 15, 17), np.float32)
    point[:, 7, 8] = 1
    for seed in range(6):
        generator = np.random.default_rng(seed)
        coin, sigma = generator.random(), generator.uniform(0, 1)
        found = blur_sometimes(np.random.default_rng(seed), point, 0.6)
        if coin >= 0.6:
            assert found is point
            continue
        reach = int(3 * sigma + 0.5)
        kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
        kernel /= kernel.sum()
        expected = np.zeros((15, 17))
        expected[7 - reach : 8 + reach, 8 - reach : 9 + reach] = np.outer(kernel, kernel)
        np.testing.assert_allclose(found, np.stack([expected] * 2), atol=1e-6)


def test_blur_has_its_probability():
    point = np.eye(9, dtype=np.float32)[None]
    blurred = [blur_sometimes(np.random.default_rng(seed), point, 0.5) is not point for seed in range(400)]
    assert 160 < sum(blurred) < 240


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_torchvisions(channels):
    """Up to the fourth decimal of its grey weights, which sum to 0.9999."""
    image, _, _ = scene((9, 11), channels=channels)
    adjust = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
    for seed in range(12):
        found = jitter_colour(np.random.default_rng(seed), image, 0.5)
        generator = np.random.default_rng(seed)
        expected = torch.from_numpy(image)
        for change in generator.permutation(3):
            expected = adjust[change](expected, generator.uniform(0.5, 1.5))
        np.testing.assert_allclose(found, expected.numpy(), atol=2e-4)
        assert found.dtype == np.float32


def test_jitter_of_other_channels_keeps_their_mean_grey():
    image, _, _ = scene((6, 6), channels=5)
    assert jitter_colour(np.random.default_rng(0), image, 0.0) == pytest.approx(image, abs=1e-6)
    found = jitter_colour(np.random.default_rng(0), image, 1.0)
    assert found.shape == image.shape
    assert 0 <= found.min() <= found.max() <= 1


def test_presets():
    voc, city = (Augment.named(name, crop=[8, 9], base=7) for name in ("voc", "cityscapes"))
    assert voc == Augment((8, 9), flips="horizontal", pad="void", scale=(0.5, 2.0), base=7, blur=0.5)
    assert city == Augment((8, 9), flips="horizontal", pad="void", scale=(0.5, 2.0), base=7, jitter=0.5)


@pytest.mark.parametrize("name", ["none", "flips", "full"])
@pytest.mark.parametrize("crop", [(), (9, 9), (20, 13)])
def test_earlier_presets_draw_as_they_did(name, crop):
    """The draws written out: box, flips, turns, shift, gain."""
    image, mask, weights = scene((16, 16))
    for seed in range(5):
        found, classes, maps = Augment.named(name, crop=crop)(np.random.default_rng(seed), image, mask, weights)
        generator, arrays = np.random.default_rng(seed), [image, mask[None], weights]
        if crop:
            gaps = [max(0, want - 16) for want in crop]
            arrays = [np.pad(a, [(0, 0), *((g // 2, g - g // 2) for g in gaps)], mode="reflect") for a in arrays]
            y, x = (
                int(generator.integers(have - want + 1)) for have, want in zip(arrays[0].shape[1:], crop, strict=True)
            )
            arrays = [a[:, y : y + crop[0], x : x + crop[1]] for a in arrays]
        if name != "none":
            axes = [axis for axis in (1, 2) if generator.random() < 0.5]
            arrays = [np.flip(a, axes) for a in arrays]
        if name == "full" and arrays[0].shape[1] == arrays[0].shape[2]:
            turns = int(generator.integers(4))
            arrays = [np.rot90(a, turns, (1, 2)) for a in arrays]
        if name == "full":
            shift, gain = np.float32(generator.uniform(-0.1, 0.1)), np.float32(1 + generator.uniform(-0.2, 0.2))
            mean = arrays[0].mean(dtype=np.float32)
            arrays[0] = np.clip((arrays[0] - mean) * gain + mean + shift, 0, 1)
        assert (found == arrays[0]).all()
        assert (classes == arrays[1][0]).all()
        assert (maps == arrays[2]).all()


@pytest.mark.parametrize("name", ["voc", "cityscapes"])
def test_items_of_scenes_depend_on_seed_and_place_only(name):
    streets = Synthetic("scenes", size=48, count=3)
    augment = Augment.named(name, crop=(40, 56))
    stream = CropStream(streets, length=24, augment=augment, seed=2, map_kind="abw")
    again = CropStream(Synthetic("scenes", size=48, count=3), length=99, augment=augment, seed=2, map_kind="abw")
    void = 0
    for t in (5, 0, 23, 11, 5):
        one, two = stream[t], again[t]
        assert all(torch.equal(one[key], two[key]) for key in ("image", "target", "weight_map", "class_weight"))
        assert one["image"].shape == (3, 40, 56)
        assert 0 <= one["image"].min() <= one["image"].max() <= 1
        assert set(one["target"].unique().tolist()) <= {*range(7), VOID}
        void += int((one["target"] == VOID).sum())
    assert void > 0
    assert not torch.equal(stream[1]["image"], stream[4]["image"])


def test_map_follows_the_mask_through_every_change():
    image, mask, weights = scene((30, 30))
    for name in ("voc", "cityscapes"):
        for seed in range(12):
            _, classes, maps = Augment.named(name, crop=(33, 25))(np.random.default_rng(seed), image, mask, weights)
            inside = classes != VOID
            assert (maps[:, inside] == np.stack([classes * 2.0, 5.0 - classes])[:, inside]).all()
            assert (maps[:, ~inside] == 0).all()


def test_inputs_stay_as_they_were():
    image, mask, weights = scene((20, 20))
    before = image.copy(), mask.copy(), weights.copy()
    for array in (image, mask, weights):
        array.flags.writeable = False
    for seed in range(5):
        for name in ("voc", "cityscapes"):
            Augment.named(name, crop=(24, 16))(np.random.default_rng(seed), image, mask, weights)
    assert all((a == b).all() for a, b in zip((image, mask, weights), before, strict=True))


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Augment.named("vocs"), "did you mean 'voc'"),
        (lambda: Augment.named("voc"), "images of a random scale have several sizes; give a crop"),
        (lambda: Augment(base=7), "give a crop"),
        (lambda: Augment((4, 4), scale=(2.0, 0.5)), r"scale is \(2.0, 0.5\), but must be the least and the largest"),
        (lambda: Augment((4, 4), scale=(0.0, 1.0)), "above 0"),
        (lambda: Augment(blur=1.5), r"blur and jitter must be within \[0, 1\]"),
        (lambda: Augment(jitter=-0.1), r"blur and jitter must be within \[0, 1\]"),
        (lambda: Augment((4, 4), base=-1), "strengths at least 0"),
        (lambda: Augment(pad="mirror"), "pad is 'mirror', but must be one of reflect, void"),
        (lambda: Augment(flips="vertical"), "flips is 'vertical', but must be one of horizontal"),
    ],
)
def test_bad_arguments(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
