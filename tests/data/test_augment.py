"""Image, mask and weight map change together, in 2-D and 3-D."""

import numpy as np
import pytest

from subband.data import Augment


def scene(shape, seed=0):
    """An image whose pixels carry their mask's class, and a map equal to the image."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 2, shape).astype(np.uint8)
    image = (mask[None] * 0.5 + rng.random((2, *shape)) * 0.4).astype(np.float32)
    return image, mask, image[:1] * 3


SHAPES = [(9, 9), (7, 11), (6, 8, 8), (5, 6, 7)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("crop", [(), 4, 13], ids=["whole", "smaller", "larger"])
def test_all_three_move_alike(shape, crop):
    augment = Augment(() if crop == () else (crop,) * len(shape), flips=True, rot90=True)
    image, mask, weights = scene(shape)
    before = image.copy(), mask.copy(), weights.copy()
    for seed in range(20):
        a, b, c = augment(np.random.default_rng(seed), image, mask, weights)
        assert ((a[0] >= 0.5) == b).all()
        assert (c == a[:1] * 3).all()
        assert b.shape == (shape if crop == () else (crop,) * len(shape))
        assert a.dtype == c.dtype == np.float32
        assert b.dtype == np.uint8
    assert all((x == y).all() for x, y in zip((image, mask, weights), before, strict=True))


def test_every_symmetry_of_the_square_is_drawn_evenly():
    image, mask, _ = scene((5, 5))
    images = [np.rot90(np.flip(image, axes), k, (1, 2)) for axes in ((), (1,)) for k in range(4)]
    counts = np.zeros(8, int)
    for seed in range(400):
        found, _, none = Augment(flips=True, rot90=True)(np.random.default_rng(seed), image, mask)
        counts += [bool((found == other).all()) for other in images]
        assert none is None
    assert counts.sum() == 400
    assert counts.min() > 25


def test_oblong_images_are_not_turned():
    image, mask, _ = scene((5, 8))
    for seed in range(10):
        assert Augment(rot90=True)(np.random.default_rng(seed), image, mask)[1].shape == (5, 8)


def test_every_place_is_cropped():
    image = np.arange(25, dtype=np.float32).reshape(1, 5, 5) / 25
    mask = np.zeros((5, 5), np.uint8)
    corners = {float(Augment((3, 4))(np.random.default_rng(s), image, mask)[0][0, 0, 0] * 25) for s in range(100)}
    assert {round(corner) for corner in corners} == {0, 1, 5, 6, 10, 11}


def test_small_images_are_reflected_with_their_mask():
    image = np.float32([[[0.1, 0.2, 0.3]]])
    mask = np.uint8([[0, 1, 2]])
    found, classes, _ = Augment((1, 7))(np.random.default_rng(0), image, mask)
    assert (found == np.float32([[[0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.1]]])).all()
    assert (classes == [[2, 1, 0, 1, 2, 1, 0]]).all()


def test_one_pixel_fills_a_crop():
    found, mask, _ = Augment((4, 4))(np.random.default_rng(0), np.full((1, 1, 1), 0.5, np.float32), np.uint8([[1]]))
    assert (found == 0.5).all()
    assert (mask == 1).all()


@pytest.mark.parametrize("shape", [(40, 50), (12, 34, 34)])
def test_bending_keeps_classes_and_agrees(shape):
    ramp = np.stack(np.meshgrid(*[np.arange(s) / s for s in shape], indexing="ij")).astype(np.float32)
    mask = (ramp[0] > 0.5).astype(np.uint8) * 7
    image, found, weights = Augment(elastic=2.0)(np.random.default_rng(0), ramp, mask, ramp)
    assert set(np.unique(found)) <= {0, 7}
    assert (weights == image).all()
    inside = np.abs(image[0] - 0.5) > 1.5 / shape[0]
    assert ((image[0] > 0.5) == (found == 7))[inside].all()
    moved = np.abs(image - ramp).max(axis=tuple(range(1, image.ndim))) * shape
    assert (moved > 0.5).all()
    assert (moved < 12).all()


def test_a_small_bend_is_nearly_nothing():
    image, mask, _ = scene((20, 20))
    found, same, _ = Augment(elastic=1e-6)(np.random.default_rng(0), image, mask)
    np.testing.assert_allclose(found, image, atol=1e-5)
    assert (same == mask).all()


def test_intensity_by_hand():
    image = np.float32([[[0.4, 0.6]]])
    mask = np.uint8([[0, 1]])
    shifted, same, _ = Augment(brightness=0.1)(np.random.default_rng(3), image, mask)
    shift = np.random.default_rng(3).uniform(-0.1, 0.1)
    np.testing.assert_allclose(shifted, image + shift, atol=1e-6)
    assert (same == mask).all()
    stretched, _, _ = Augment(contrast=0.5)(np.random.default_rng(4), image, mask)
    assert stretched.mean() == pytest.approx(0.5, abs=1e-6)
    assert 0.5 <= np.ptp(stretched) / 0.2 <= 1.5


def test_intensity_stays_in_range():
    image, mask, _ = scene((9, 9))
    for seed in range(20):
        found, _, _ = Augment(brightness=0.9, contrast=0.9)(np.random.default_rng(seed), image, mask)
        assert 0 <= found.min() <= found.max() <= 1


def test_names():
    assert Augment.named("none", crop=[4, 5]) == Augment((4, 5))
    assert Augment.named("flips") == Augment(flips=True)
    assert Augment.named("full").rot90


@pytest.mark.message
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Augment.named("ful"), "did you mean 'full'"),
        (lambda: Augment((0, 4)), "crop sizes must be at least 1"),
        (lambda: Augment(contrast=-1), "strengths at least 0"),
        (
            lambda: Augment((4,))(np.random.default_rng(0), *scene((5, 5))),
            r"crop is \(4,\), but the image has 2 dimensions",
        ),
    ],
)
def test_bad_arguments(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
