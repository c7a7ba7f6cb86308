import math

import numpy as np
import pytest
import pywt
import torch

from subband.transforms import FilterBank, dwt, filter_bank, idwt, orthogonal_bank, wavelet_names

DISCRETE = pywt.wavelist(kind="discrete")


@pytest.mark.parametrize("name", DISCRETE)
def test_filters_are_pywavelets(name):
    bank, wavelet = filter_bank(name), pywt.Wavelet(name)
    assert (bank.dec_lo, bank.dec_hi, bank.rec_lo, bank.rec_hi) == tuple(map(tuple, wavelet.filter_bank))
    assert len(bank) == wavelet.dec_len
    assert bank.name == name


def test_names_are_pywavelets_and_the_authors():
    biorthogonal = [name for name in DISCRETE if name.startswith("bior")]
    assert wavelet_names() == [*DISCRETE, *(name.replace("bior", "ch") for name in biorthogonal)]


@pytest.mark.parametrize("name", ["ch2.2", "ch3.3", "ch5.5"])
def test_the_authors_names_swap_analysis_and_synthesis(name):
    """Their analysis low-pass filter, in the order of a correlation, is rec_lo of biorX.Y."""
    low, high = filter_bank(name).analysis
    theirs = pywt.Wavelet(name.replace("ch", "bior"))
    assert np.allclose(low, theirs.rec_lo, atol=0)
    assert np.allclose(high, theirs.rec_hi, atol=0)


def test_haar_by_hand():
    half = math.sqrt(0.5)
    bank = filter_bank("haar")
    for found, expected in zip(
        (*bank.analysis, *bank.synthesis), [(half, half), (half, -half), (half, half), (half, -half)], strict=True
    ):
        assert found == pytest.approx(expected, abs=1e-15)


def test_ch22_by_hand():
    """The triangle filter: WaveCNet's ch2.2 is twice a blur by 1 2 1, for an image."""
    low = filter_bank("ch2.2").analysis[0]
    assert [round(tap * 2 * math.sqrt(2), 12) for tap in low if tap] == [1, 2, 1]


@pytest.mark.parametrize("name", ["haar", "db4", "sym5", "coif2", "bior2.2", "rbio3.5"])
def test_reversed_roles_are_pywavelets(name):
    found = filter_bank(name).reversed_roles()
    expected = pywt.Wavelet(name).inverse_filter_bank
    assert (found.dec_lo, found.dec_hi, found.rec_lo, found.rec_hi) == tuple(map(tuple, expected))
    assert found.name == f"reversed {name}"


def test_reversed_roles_of_a_bank_that_learns():
    taps = torch.tensor([0.6, 0.8], requires_grad=True)
    found = orthogonal_bank(taps).reversed_roles()
    assert torch.equal(found.dec_lo, taps.flip(0))
    assert found.learnable


@pytest.mark.parametrize("name", ["haar", "db3", "sym7", "coif1"])
def test_a_bank_from_its_low_pass_filter(name):
    wanted = filter_bank(name)
    for low in (wanted.rec_lo, torch.tensor(wanted.rec_lo, dtype=torch.float64)):
        bank = orthogonal_bank(low)
        for filter_ in ("dec_lo", "dec_hi", "rec_lo", "rec_hi"):
            assert np.allclose(getattr(bank, filter_), getattr(wanted, filter_), atol=1e-15)
        assert bank.learnable == isinstance(low, torch.Tensor)


def test_a_bank_is_left_as_it_is():
    bank = filter_bank("db2")
    assert filter_bank(bank) is bank


@pytest.mark.parametrize("make", [pywt.Wavelet, lambda name: pywt.Wavelet(name).filter_bank], ids=["object", "filters"])
def test_a_wavelet_of_pywavelets_or_four_filters(make):
    bank = filter_bank(make("bior4.4"))
    assert bank.dec_lo == filter_bank("bior4.4").dec_lo
    x = torch.rand(9, 7, dtype=torch.float64)
    assert torch.equal(dwt(x, make("bior4.4"))["ad"], dwt(x, "bior4.4")["ad"])
    assert (idwt(dwt(x, bank), bank, shape=(9, 7)) - x).abs().max() < 1e-10


@pytest.mark.message
def test_unknown_names():
    with pytest.raises(ValueError, match=r"there is no wavelet called 'bd4'; did you mean 'db4'\?"):
        filter_bank("bd4")
    with pytest.raises(ValueError, match=r"there is no wavelet called 'morlet'.*\(known: haar, db1 to db38, sym2"):
        filter_bank("morlet")
    with pytest.raises(ValueError, match=r"'bior2\.3'; did you mean 'bior"):
        dwt(torch.ones(4, 4), "bior2.3")


@pytest.mark.message
def test_filters_that_are_no_bank():
    with pytest.raises(ValueError, match="has 3 filters, but needs four: dec_lo, dec_hi, rec_lo, rec_hi"):
        filter_bank([[1, 1]] * 3)
    with pytest.raises(ValueError, match=r"lengths \[2, 2, 4, 2\], but must have one even length; pad with 0"):
        filter_bank([[1, 1], [1, 1], [1, 1, 1, 1], [1, 1]])
    with pytest.raises(ValueError, match=r"lengths \[3, 3, 3, 3\]"):
        FilterBank(*[(1.0, 2.0, 1.0)] * 4)
    with pytest.raises(ValueError, match=r"lengths \[0, 0, 0, 0\]"):
        FilterBank((), (), (), ())


@pytest.mark.message
def test_filters_that_are_not_orthogonal():
    with pytest.raises(ValueError, match=r"shifted by 0 is 0\.5, but an orthogonal filter has 1 there; normalise"):
        orthogonal_bank([0.5, 0.5])
    with pytest.raises(ValueError, match=r"shifted by 2 is 0\.48, but an orthogonal filter has 0 there"):
        orthogonal_bank([0.6, 0.0, 0.8, 0.0])
