"""Each corruption against a formula, a plain loop, or another library."""

import colorsys
import io
import math

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from subband.corrupt import blur, digital, noise, weather
from subband.corrupt._clouds import clouds
from subband.corrupt._ice import ice
from subband.corrupt.elastic import elastic_transform
from subband.corrupt.spatter import _equalised, spatter


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def image(rng):
    return np.rint(rng.random((24, 31, 3)) * 255) / 255


def test_noise_has_the_published_moments(rng):
    flat = np.full((300, 300, 3), 0.5)
    gaussian = noise.gaussian_noise(flat, (0.08,), rng) - flat
    assert gaussian.std() == pytest.approx(0.08, rel=0.01)
    speckle = noise.speckle_noise(flat, (0.2,), rng) - flat
    assert speckle.std() == pytest.approx(0.1, rel=0.01)
    shot = noise.shot_noise(flat, (25,), rng)
    assert shot.mean() == pytest.approx(0.5, rel=0.01)
    assert shot.var() == pytest.approx(0.5 / 25, rel=0.02)
    assert np.allclose(shot * 25, np.rint(shot * 25))
    impulse = noise.impulse_noise(flat, (0.09,), rng)
    assert (impulse != 0.5).mean() == pytest.approx(0.09, rel=0.05)
    assert (impulse == 1).sum() / (impulse != 0.5).sum() == pytest.approx(0.5, abs=0.02)


def scattered_by_a_loop(plane, reach, rng):
    """Pixels visited from the last to the first, each copying a neighbour: the published loop."""
    height, width = plane.shape
    inner = (height - 2 * reach, width - 2 * reach)
    rows, columns = rng.integers(-reach, reach, (2, *inner))
    for row in range(height - reach, reach, -1):
        for column in range(width - reach, reach, -1):
            step = row - reach - 1, column - reach - 1
            plane[row, column] = plane[row + rows[step], column + columns[step]]
    return plane


@pytest.mark.parametrize("reach", [1, 2, 4])
@pytest.mark.parametrize("shape", [(16, 16), (23, 31)])
def test_glass_is_the_loop_over_pixels(reach, shape):
    for seed in range(5):
        numbers = np.arange(shape[0] * shape[1]).reshape(shape)
        expected = scattered_by_a_loop(numbers.copy(), reach, np.random.default_rng(seed))
        found = blur.scattered(shape, reach, np.random.default_rng(seed)).reshape(shape)
        assert np.array_equal(found, expected)
        assert not np.array_equal(found, numbers)


def test_glass_leaves_a_plain_image(rng):
    flat = np.full((20, 20, 1), 0.3)
    assert np.allclose(blur.glass_blur(flat, (0.7, 2, 3), rng), 0.3)


@pytest.mark.parametrize(("radius", "softness"), [(0.3, 0.4), (1, 0.2), (1.5, 0.1), (3, 0.1), (8, 0.5), (10, 0.5)])
def test_defocus_is_a_correlation_with_the_disk(radius, softness, image, rng):
    reach = 8 if radius <= 8 else 10
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    half = 1 if radius <= 8 else 2
    flat = (x**2 + y**2 <= radius**2).astype(float)
    soft = ndimage.gaussian_filter(flat, softness, mode="mirror", radius=half)
    expected = ndimage.correlate(image, (soft / soft.sum())[..., None], mode="mirror")
    assert np.abs(blur.defocus_blur(image, (radius, softness), rng) - expected).max() < 1e-12
    assert blur.disk(radius, softness).sum() == pytest.approx(1)


def test_disk_of_one_pixel_by_hand():
    assert np.allclose(blur.disk(1, 0.01), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5)


def test_motion_along_the_rows_by_hand():
    line = np.zeros((1, 8, 1))
    line[0, 5] = 1
    weights = [math.exp(-(i**2) / 2) for i in range(5)]
    found = blur.along_line(line, 2, 1, 0)[0, :, 0]
    expected = [0, weights[4], weights[3], weights[2], weights[1], weights[0], 0, 0]
    assert np.allclose(found, np.array(expected) / sum(weights))


def test_motion_turns_with_the_angle():
    dot = np.zeros((21, 21, 1))
    dot[10, 10] = 1
    down = blur.along_line(dot, 3, 2, 90)[..., 0]
    assert np.allclose(down[:, 10], blur.along_line(dot, 3, 2, 0)[10, :, 0])
    slanted = blur.along_line(dot, 3, 2, 45)[..., 0]
    rows, columns = slanted.nonzero()
    assert np.array_equal(rows, columns)
    assert np.allclose(blur.along_line(np.full((9, 9, 1), 0.4), 6, 2, 30), 0.4)


def test_zoom_keeps_the_middle_and_planes(image):
    y, x = np.mgrid[:21, :31]
    ramp = (y + 2.0 * x)[..., None]
    found = blur.zoomed(ramp, 2.0)
    assert np.allclose(found[..., 0], 10 + 30 + (y - 10) / 2 + 2 * (x - 15) / 2)
    assert np.allclose(blur.zoomed(image, 1.0), image)
    centre = ndimage.affine_transform(image, [0.8, 0.8, 1], offset=[0.2 * 11.5, 0.2 * 15, 0], order=1, mode="nearest")
    assert np.allclose(blur.zoomed(image, 1.25), centre)


def test_zoom_blur_is_the_mean_of_the_zooms(image, rng):
    factors = [1, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06]
    expected = (image + sum(blur.zoomed(image, factor) for factor in factors)) / 8
    assert np.allclose(blur.zoom_blur(image, (1.06, 0.01), rng), expected)


def test_gaussian_blur_is_scikit_images(image, rng):
    from skimage.filters import gaussian

    expected = gaussian(image, sigma=1.5, channel_axis=-1, mode="nearest", truncate=4)
    assert np.allclose(blur.gaussian_blur(image, (1.5,), rng), expected)


def test_brightness_and_saturation_are_those_of_hue_saturation_value(image, rng):
    image[0, :3] = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]
    for found, change in (
        (digital.brightness(image, (0.3,), rng), lambda h, s, v: (h, s, min(v + 0.3, 1))),
        (digital.saturate(image, (0.3, 0), rng), lambda h, s, v: (h, 0.3 * s, v)),
        (digital.saturate(image, (5, 0.1), rng), lambda h, s, v: (h, min(5 * s + 0.1, 1), v)),
    ):
        expected = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel))) for pixel in image.reshape(-1, 3)]
        assert np.allclose(found.reshape(-1, 3), expected)


def test_contrast_by_hand(rng):
    image = np.array([[0.0, 1.0], [0.2, 0.4]])[..., None]
    assert np.allclose(digital.contrast(image, (0.5,), rng)[..., 0], [[0.2, 0.7], [0.3, 0.4]])


def test_pixelate_makes_boxes(rng):
    y, x = np.mgrid[:32, :32]
    image = ((x + y) / 62)[..., None]
    boxes = digital.pixelate(image, (0.25,), rng).reshape(8, 4, 8, 4)
    assert (boxes == boxes[:, :1, :, :1]).all()
    means = image.reshape(8, 4, 8, 4).mean((1, 3))
    assert np.abs(boxes[:, 0, :, 0] - means).max() < 1.01 / 255


def test_jpeg_is_pillows(image, rng):
    file = io.BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "JPEG", quality=25)
    expected = np.asarray(Image.open(io.BytesIO(file.getvalue()))) / 255
    assert np.allclose(digital.jpeg_compression(image, (25,), rng), expected)


def test_elastic_without_strength_is_the_affine_part(image):
    still = elastic_transform(image, (0, 2, 0), np.random.default_rng(0))
    assert np.allclose(still, image)
    y, x = np.mgrid[:40, :50]
    ramp = (x + 2.0 * y)[..., None]
    moved = elastic_transform(ramp, (0, 0, 1.5), np.random.default_rng(3))[8:-8, 8:-8, 0]
    assert np.abs(np.diff(moved, 2, axis=0)).max() < 1e-9  # a plane stays a plane
    assert np.abs(np.diff(moved, 2, axis=1)).max() < 1e-9
    assert not np.allclose(moved, ramp[8:-8, 8:-8, 0])


def test_elastic_takes_the_corners_where_chance_says():
    y, x = np.mgrid[:60, :60].astype(float)
    corners = np.array([[50, 50], [50, 10], [10, 10]])
    targets = corners + np.random.default_rng(5).uniform(-3, 3, (3, 2))
    for plane, axis in ((x, 0), (y, 1)):
        moved = elastic_transform(plane[..., None], (0, 0, 3), np.random.default_rng(5))[..., 0]
        read = ndimage.map_coordinates(moved, targets.T[::-1], order=1)
        assert np.allclose(read, corners[:, axis])


def test_elastic_moves_by_the_smooth_field():
    y, x = np.mgrid[:64, :64].astype(float)
    inner = np.s_[8:-8, 8:-8]
    for number, plane in enumerate((y, x)):
        rng = np.random.default_rng(1)
        rng.uniform(size=6)  # the corners
        fields = rng.uniform(-1, 1, (2, 64, 64))
        expected = 12.2 * ndimage.gaussian_filter(fields[number], 2.44, mode="reflect", truncate=3)
        found = elastic_transform(plane[..., None], (12.2, 2.44, 0), np.random.default_rng(1))[..., 0] - plane
        assert np.allclose(found[inner], expected[inner])


def clouds_by_a_loop(side, decay, rng):
    """Diamond-square, point by point on the torus."""
    field, step, amplitude = np.zeros((side, side)), side, 100.0
    while step >= 2:
        half = step // 2
        draws = [rng.uniform(-(amplitude**2), amplitude**2, (side // step, side // step)) for _ in range(3)]
        for kind, (row, column) in enumerate(((half, half), (0, half), (half, 0))):
            near = ((-half, -half), (-half, half), (half, -half), (half, half)) if kind == 0 else (
                (-half, 0), (half, 0), (0, -half), (0, half))  # fmt: skip
            for i in range(side // step):
                for j in range(side // step):
                    r, c = row + i * step, column + j * step
                    around = [field[(r + dr) % side, (c + dc) % side] for dr, dc in near]
                    field[r, c] = sum(around) / 4 + draws[kind][i, j]
        step, amplitude = half, amplitude / decay
    field -= field.min()
    return field / field.max()


def test_clouds_are_diamond_square():
    expected = clouds_by_a_loop(16, 1.7, np.random.default_rng(2))
    assert np.allclose(clouds(16, 1.7, np.random.default_rng(2)), expected)
    assert clouds(17, 2, np.random.default_rng(2)).shape == (32, 32)


def test_fog_by_hand(image):
    field = clouds(31, 2.0, np.random.default_rng(4))[:24, :31, None]
    expected = (image + 1.5 * field) * image.max() / (image.max() + 1.5)
    assert np.allclose(weather.fog(image, (1.5, 2), np.random.default_rng(4)), expected)
    assert (weather.fog(np.zeros((16, 16, 1)), (1.5, 2), np.random.default_rng(4)) == 0).all()


def test_frost_mixes_ice(image):
    texture = ice((24, 31), 0.2, np.random.default_rng(4))
    expected = 0.8 * image + 0.6 * texture
    assert np.allclose(weather.frost(image, (0.8, 0.6, 0.2), np.random.default_rng(4)), expected)


@pytest.mark.parametrize("scale", [0.2, 0.3, 1])
def test_ice_is_light_blue_and_has_structure(scale):
    texture = np.mean([ice((96, 96), scale, np.random.default_rng(seed)) for seed in range(3)], 0)
    red, green, blue = texture.mean((0, 1))
    assert 0.3 < red < green < blue < 0.8
    one = ice((96, 96), scale, np.random.default_rng(0))
    assert one.min() >= 0
    assert one.max() <= 1
    assert one.std() > 0.1


def test_snow_whitens_and_adds_flakes(rng):
    dark = np.full((40, 50, 3), 0.2)
    whitened = 0.8 * 0.2 + 0.2 * (0.2 * 1.5 + 0.5)
    none = weather.snow(dark, (0, 0, 1, 0.5, 8, 3, 0.8), rng)
    assert np.allclose(none, whitened)
    some = weather.snow(dark, (0.1, 0.2, 1, 0.5, 8, 3, 0.8), rng) - whitened
    assert some.min() > -1e-12
    assert some.max() > 0.1
    assert np.allclose(some, some[::-1, ::-1])


def test_water_brightens_and_mud_darkens(rng):
    grey = np.full((64, 64, 3), 0.5)
    water = spatter(grey, (0.65, 0.3, 2, 0.68, 0.5, 0), rng) - grey
    assert water.min() >= 0
    assert water.max(axis=(0, 1)) == pytest.approx(np.array([175, 238, 238]) / 255 / 2)
    mud = spatter(grey, (0.65, 0.3, 1, 0.65, 1.5, 1), rng)
    touched = (mud != grey).any(2)
    assert 0.05 < touched.mean() < 0.6
    assert (mud[touched] < 0.5).all()


def test_no_drop_leaves_the_image(rng):
    image = np.full((20, 20, 3), 0.5)
    assert np.array_equal(spatter(image, (0, 0, 1, 0.7, 0.5, 0), rng), image)


def test_equalising_by_hand():
    assert _equalised(np.array([[3.0, 3, 3, 5], [5, 9, 9, 9]])).tolist() == [[0, 0, 0, 102], [102, 255, 255, 255]]
