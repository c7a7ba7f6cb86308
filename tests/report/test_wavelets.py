"""The wavelet demo's numbers against arithmetic and theory, and its page."""

import math
import re

import numpy as np
import pytest
import pywt
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import fourier_shift

from subband.data import Synthetic
from subband.report._canvas import fitted
from subband.report._halving import SIGMA, halvers, noisy, shifted, ways_back
from subband.report._wavelet_figures import decibels, energies, mosaic, signed, stretched
from subband.report.wavelets import HALVING, PICTURES, WAYS, findings, readied, write_wavelets
from subband.transforms import wavedec


def band_limited(generator, size, share):
    """An image, mirrored at its right border without a jump, whose frequencies across it stay below share x Nyquist."""
    waves = torch.arange(size // 2 + 1, dtype=torch.float64) < share * size / 2
    row = torch.randn(size, size // 2 + 1, dtype=torch.float64, generator=generator) * waves
    places = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    return row @ torch.cos(2 * math.pi * torch.arange(size // 2 + 1, dtype=torch.float64)[:, None] * places)


@pytest.fixture(scope="module")
def street():
    """A synthetic street (3, 64, 96)."""
    return Synthetic("scenes", size=(64, 96), count=1, difficulty="easy")[0].image


@pytest.fixture(scope="module")
def page(street, tmp_path_factory):
    """A written page: its findings, its path, its text."""
    found, path = write_wavelets(tmp_path_factory.mktemp("page"), street, wavelet="db2", name="a <b> & c")
    return found, path, path.read_text(encoding="utf-8")


# halving


def test_every_way_keeps_a_constant_and_haar_is_the_average(generator):
    x = torch.rand(8, 12, dtype=torch.float64, generator=generator)
    for name, halve in {**halvers("haar"), **halvers("ch3.3"), **halvers("db5")}.items():
        half = halve(torch.full_like(x, 0.7))
        assert half.shape == (4, 6), name
        assert torch.allclose(half, torch.full_like(half, 0.7), atol=1e-9), name
    ways = halvers("haar")
    assert torch.allclose(ways["haar low"](x), ways["average"](x), atol=1e-12)
    assert torch.equal(ways["stride 2"](x), x[::2, ::2])


def test_nothing_is_lost_by_a_shift_of_what_is_coarse_enough(generator):
    coarse = band_limited(generator, 64, 0.5)
    assert shifted(lambda x: x[::2, ::2], coarse).percent < 1e-9


def test_what_is_too_fine_comes_back_as_something_else(generator):
    fine = band_limited(generator, 64, 1.0)
    found = {name: shifted(halve, fine).percent for name, halve in halvers("db4").items()}
    assert min(found.values()) > 20
    assert max(found, key=found.get) == "stride 2"
    assert min(found, key=found.get) == "db4 low"


def test_shift_error_of_a_cosine_by_hand():
    # A wave of 3 pi/4 a pixel is seen as one of -pi/2 a sample of the half. A move by a pixel turns it by -3 pi/4,
    # where half a sample of what is seen would turn it by pi/4: the opposite wave comes, an error of twice the wave.
    places = torch.arange(64, dtype=torch.float64) + 0.5
    wave = torch.cos(0.75 * math.pi * places).expand(8, -1)
    found = shifted(lambda x: x[::2, ::2], wave)
    assert abs(found.percent - 200) < 1e-6


def test_shift_is_scipys(street):
    image = readied(street)
    found = shifted(halvers("db2")["average"], image)
    mirrored = torch.cat((image, image.flip(1)), 1)
    half = F.avg_pool2d(mirrored[None, None], 2)[0, 0].numpy()
    moved = F.avg_pool2d(mirrored.roll(1, 1)[None, None], 2)[0, 0].numpy()
    expected = np.fft.ifft2(fourier_shift(np.fft.fft2(half), (0, 0.5))).real
    error = (moved - expected)[:, : image.shape[1] // 2]
    assert np.allclose(found.error, error, atol=1e-12)
    assert found.percent == pytest.approx(100 * np.sqrt(np.square(error).mean()) / found.still.numpy().std())


def test_noise_by_theory():
    flat = torch.full((256, 256), 0.5, dtype=torch.float64)
    found = {name: noisy(halve, flat) for name, halve in halvers("db3").items()}
    # four independent normal numbers: mean 1.02938 and deviation 0.70122 of their maximum (order statistics)
    expected = {"max-pool": (70.122, 1.02938), "stride 2": (100, 0), "average": (50, 0), "db3 low": (50, 0)}
    for name, (percent, mean) in expected.items():
        assert abs(found[name].percent - percent) < 1.5, name
        assert abs(found[name].brighter - 255 * SIGMA * mean) < 0.6, name


def test_ways_back_by_hand():
    image = torch.tensor([[0.0, 0.2], [0.4, 0.8]]).repeat(4, 4)
    back = ways_back(image, "haar")
    square = {name: (one.error.double() ** 2).mean().item() for name, one in back.items()}
    assert square["max-pool, unpool"] == pytest.approx((0 + 0.04 + 0.16) / 4)
    assert square["max-pool, repeat"] == pytest.approx((0.64 + 0.36 + 0.16) / 4)
    assert square["haar low, IDWT"] == pytest.approx(np.var([0, 0.2, 0.4, 0.8]))
    for name, one in back.items():
        if name != "haar all, IDWT":
            assert one.psnr == pytest.approx(-10 * math.log10(square[name])), name
    assert back["haar all, IDWT"].psnr > 130
    assert ways_back(torch.zeros(4, 4), "haar")["haar all, IDWT"].psnr == math.inf


@pytest.mark.parametrize("wavelet", ["haar", "db2", "ch2.2", "bior4.4", "sym5"])
def test_all_bands_bring_the_image_back(wavelet, street):
    back = ways_back(readied(street), wavelet)[f"{wavelet} all, IDWT"]
    assert back.error.abs().max() < 2e-6


# pictures


def test_mosaic_is_pywavelets_own_arrangement(street):
    image = readied(street)
    picture, names = mosaic(wavedec(image, "haar", level=2))
    oracle = pywt.wavedec2(image.numpy(), "haar", mode="periodization", level=2)
    horizontal, vertical, diagonal = oracle[2]  # PyWavelets' da, ad, dd
    assert picture.shape == tuple(image.shape)
    height, width = (size // 2 for size in image.shape)
    assert np.array_equal(picture[:height, width:], stretched(vertical))
    assert np.array_equal(picture[height:, :width], stretched(horizontal))
    assert np.array_equal(picture[height:, width:], stretched(diagonal))
    assert [name for name, *_ in names] == ["aa 2", "ad 2", "da 2", "dd 2", "ad 1", "da 1", "dd 1"]
    assert names[4][1:] == (width, 0)
    assert names[5][1:] == (0, height)


def test_stretching_keeps_zero_grey_and_survives_an_empty_band():
    assert set(stretched(np.zeros((4, 4))).ravel()) == {128}
    assert stretched(np.array([[-1.0, 0.0, 1.0]])).tolist() == [[0, 128, 255]]


def test_energies_are_shares_of_the_details(generator):
    image = torch.randn(64, 64, dtype=torch.float64, generator=generator)
    found = energies(wavedec(image, "db2", level=3))
    assert [level for level, _ in found] == ["level 1", "level 2", "level 3"]
    assert sum(sum(shares) for _, shares in found) == pytest.approx(100)
    assert sum(found[0][1]) == pytest.approx(100 * (3 / 4) / (1 - 1 / 64), rel=0.05), "white noise spreads evenly"
    assert sum(map(sum, (shares for _, shares in energies(wavedec(torch.zeros(16, 16), level=2))))) == 0


def test_words_of_numbers():
    assert [signed(value) for value in (-0.04, 0.0, 1.25, -3.0)] == ["0.0", "0.0", "+1.2", "-3.0"]
    assert [decibels(value) for value in (29.84, math.inf)] == ["29.8 dB", "no error"]


# the image


def test_images_are_made_ready():
    assert readied(np.zeros((1, 45, 70), np.float32)).shape == (40, 64)
    assert readied(np.zeros((3, 1000, 300), np.float32)).shape == (512, 152)
    assert max(readied(np.ones((1, 40, 3000), np.float32)).shape) == 512
    grey = readied(np.stack([np.full((32, 32), level, np.float32) for level in (1.0, 0.5, 0.25)]))
    assert grey.unique().tolist() == [pytest.approx(0.299 + 0.587 * 0.5 + 0.114 * 0.25)]
    given = np.random.default_rng(0).random((1, 64, 64), np.float32)
    before = given.copy()
    readied(given).zero_()
    assert np.array_equal(given, before)


@pytest.mark.message
@pytest.mark.parametrize("shape", [(1, 31, 64), (3, 64, 8), (64, 64)])
def test_small_images_are_refused(shape):
    with pytest.raises(ValueError, match="at least 32 pixels in height and width"):
        readied(np.zeros(shape, np.float32))


# the page


@pytest.mark.slow
def test_page_is_whole_and_alone(page):
    found, path, text = page
    assert sorted(item.name for item in path.parent.iterdir()) == sorted([*PICTURES, path.name])
    assert text.count("<svg") == 5
    assert "a &lt;b&gt; &amp; c" in text
    assert "<b>" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"|url\((?!#)|https?://(?!www\.w3\.org)', text)
    assert not re.search(r"#0000[01]\d", text), "every placeholder of a colour is replaced"
    assert "var(--line)" not in text.split("</style>")[-1] or "currentColor" in text
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    for name in (*HALVING, *WAYS, *found.shift, *found.back):
        assert name in text


@pytest.mark.slow
def test_pictures_have_the_page_in_light_colours(page):
    _, path, _ = page
    for name in PICTURES:
        with Image.open(path.parent / name) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert pixels.shape[1] > 1500
        assert tuple(pixels[2, 2]) == (252, 252, 250), name
        assert len(np.unique(pixels)) > 50, name


def test_flat_image_has_no_loss_to_show():
    found = findings(torch.full((32, 32), 0.5, dtype=torch.float64), "haar")
    assert {moved.percent for moved in found.shift.values()} == {0.0}


@pytest.mark.slow
def test_flat_image_is_drawn(tmp_path):
    _, path = write_wavelets(tmp_path, np.full((1, 32, 32), 0.5, np.float32), wavelet="haar")
    assert path.stat().st_size > 10_000


def test_figures_of_narrow_images_stay_on_the_page():
    assert fitted(np.zeros((256, 384)), 3.0, 4.0) == (3.0, 2.0)
    assert fitted(np.zeros((512, 64)), 3.0, 4.0) == (0.5, 4.0)
