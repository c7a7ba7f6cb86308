"""The transform against what the authors' own layers gave; sizes, wavelets and signals are those of the files."""

import numpy as np
import pytest
import torch

from subband.transforms import dwt, filter_bank, idwt

LIMIT = 1e-5  # absolute, as the README of the files says
LETTERS = str.maketrans("LH", "ad")
EXTENSIONS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Case:
    """The arrays under one prefix of a file."""

    def __init__(self, file, prefix):
        self.arrays = {key[len(prefix) :]: file[key] for key in file if key.startswith(prefix)}
        self.wavelet = prefix.split("/")[0].replace("bior", "ch")
        self.x = self.tensor("x")
        self.bands = {name: self.tensor(name) for name in self.arrays if not set(name) - set("LH")}
        self.dims = len(next(iter(self.bands)))

    def tensor(self, name):
        return torch.from_numpy(self.arrays[name])

    @property
    def ours(self):
        """The recorded bands under our names."""
        return {name.translate(LETTERS): band for name, band in self.bands.items()}

    @property
    def shape(self):
        return self.x.shape[-self.dims :]


def cases(parity, name):
    file = np.load(parity / "networks" / f"{name}.npz")
    prefixes = sorted({key.rsplit("/", 1)[0] + "/" for key in file})
    assert prefixes
    return {prefix: Case(file, prefix) for prefix in prefixes}


def worst(found, expected):
    assert found.shape == expected.shape
    return float((found.detach() - expected).abs().max())


@pytest.mark.parametrize("file", ["dwt1d", "dwt2d", "dwt3d"])
def test_the_authors_layers(parity, file):
    for prefix, case in cases(parity, file).items():
        bands = dwt(case.x, case.wavelet, dims=case.dims, mode="authors")
        assert set(bands) == set(case.ours), prefix
        for name, expected in case.ours.items():
            assert worst(bands[name], expected) < LIMIT, (prefix, name)
        back = idwt(case.ours, case.wavelet, dims=case.dims, mode="authors")
        assert worst(back, case.tensor("idwt")) < LIMIT, prefix


@pytest.mark.parametrize("file", ["dwt1d", "dwt2d"])
def test_the_authors_gradients(parity, file):
    for prefix, case in cases(parity, file).items():
        x = case.x.clone().requires_grad_()
        bands = dwt(x, case.wavelet, dims=case.dims, mode="authors")
        pairs = [(bands[name.translate(LETTERS)], case.tensor(f"grad_{name}")) for name in case.bands]
        gradient = torch.autograd.grad([band for band, _ in pairs], x, [cotangent for _, cotangent in pairs])[0]
        assert worst(gradient, case.tensor("grad_x")) < LIMIT, prefix


def test_the_authors_low_band_alone(parity):
    for prefix, case in cases(parity, "dwt2d").items():
        x = case.x.clone().requires_grad_()
        low = dwt(x, case.wavelet, mode="authors")["aa"]
        gradient = torch.autograd.grad(low.square().sum(), x)[0]
        assert worst(gradient, case.tensor("tiny_sq_grad_x")) < LIMIT, prefix


def test_zeros_and_circles_are_modes_of_ours(parity):
    """Padding ``constant`` is ``authors``, ``circular`` is ``periodization``, of the transform and of its inverse."""
    modes = {"constant": "authors", "circular": "periodization"}
    for prefix, case in cases(parity, "dwt2d_conv_padmodes").items():
        mode = modes.get(prefix.split("/")[1])
        if mode is None:
            continue
        bands = dwt(case.x, case.wavelet, mode=mode)
        for name, expected in case.ours.items():
            assert worst(bands[name], expected) < LIMIT, (prefix, name)
        assert worst(idwt(case.ours, case.wavelet, mode=mode), case.tensor("idwt")) < LIMIT, prefix


def test_every_padding_by_extending_the_signal_first(parity):
    """``reflect`` and ``replicate`` on the half grid are no modes of ours: extend x, transform, crop."""
    for prefix, case in cases(parity, "dwt2d_conv_padmodes").items():
        margin = len(filter_bank(case.wavelet)) // 2
        widths = [(0, 0)] * (case.x.ndim - 2) + [(2 * margin, 2 * margin)] * 2
        extended = torch.from_numpy(np.pad(case.arrays["x"], widths, mode=EXTENSIONS[prefix.split("/")[1]]))
        bands = dwt(extended, case.wavelet, mode="authors")
        for name, expected in case.ours.items():
            assert worst(bands[name][..., margin:-margin, margin:-margin], expected) < LIMIT, (prefix, name)


def test_the_reflected_inverse_by_extending_the_bands_first(parity):
    """Bands with zeros between their samples, reflected: the first sample stands once, the last one twice."""
    for prefix, case in cases(parity, "dwt2d_conv_padmodes").items():
        if prefix.split("/")[1] != "reflect":
            continue
        margin = len(filter_bank(case.wavelet)) // 2
        fixed = [(0, 0)] * (case.x.ndim - 2)
        extended = {}
        for name, band in case.ours.items():
            left = np.pad(band.numpy(), fixed + [(margin, 0)] * 2, mode="reflect")
            extended[name] = torch.from_numpy(np.pad(left, fixed + [(0, margin)] * 2, mode="symmetric"))
        back = idwt(extended, case.wavelet, mode="authors")[..., 2 * margin : -2 * margin, 2 * margin : -2 * margin]
        assert worst(back, case.tensor("idwt")) < LIMIT, prefix


def test_the_replicated_inverse_but_for_its_first_rows(parity):
    """It repeats the first sample between the band's samples too, so F/2 rows and columns are not to be had."""
    for prefix, case in cases(parity, "dwt2d_conv_padmodes").items():
        if prefix.split("/")[1] != "replicate":
            continue
        half = len(filter_bank(case.wavelet)) // 2
        back, expected = idwt(case.ours, case.wavelet, mode="authors"), case.tensor("idwt")
        assert worst(back[..., half:, half:], expected[..., half:, half:]) < LIMIT, prefix
        assert worst(back, expected) > 0.1, prefix
