"""Facts and functions of wavelets against PyWavelets and arithmetic, and their page."""

import math
import re

import numpy as np
import pytest
import pywt

from subband.report._filter_figure import REFINEMENTS, cascade
from subband.report.wavelet_filters import HEADER, tap_rows, wavelet_facts, write_wavelet
from subband.transforms import wavelet_names

ORTHOGONAL = [name for name in pywt.wavelist(kind="discrete") if pywt.Wavelet(name).orthogonal and name != "dmey"]


def test_moments_symmetry_and_orthogonality_are_pywavelets():
    for name in ORTHOGONAL:
        facts, oracle = wavelet_facts(name), pywt.Wavelet(name)
        assert facts.moments == (oracle.vanishing_moments_psi,) * 2, name
        assert facts.orthogonal, name
        assert facts.defect < 1e-6, name
        assert facts.taps == oracle.dec_len
        if len(oracle.dec_lo) > 2:  # Haar's filter is a palindrome, which PyWavelets calls asymmetric
            assert facts.symmetry == oracle.symmetry, name


def test_biorthogonal_names_say_their_moments():
    for name in pywt.wavelist("bior"):
        first, second = map(int, name[4:].split("."))
        if name != "bior5.5":  # the one that PyWavelets' tables have with 6 and 4
            assert wavelet_facts(name).moments == (first, second), name
        facts = wavelet_facts(f"rbio{name[4:]}")
        assert facts.moments == wavelet_facts(name).moments[::-1]
        assert facts.symmetry == "symmetric"
        assert facts.orthogonal == (name == "bior1.1")


def test_polynomials_vanish_by_hand():
    facts = wavelet_facts("db3")
    places = np.arange(6.0)
    sums = [facts.filters["dec_hi"] @ places**degree for degree in range(4)]
    assert np.abs(sums[:3]).max() < 1e-9
    assert abs(sums[3]) > 0.1
    assert facts.moments == (3, 3)


def test_meyer_is_orthogonal_only_nearly():
    facts = wavelet_facts("dmey")
    assert facts.orthogonal
    assert 1e-6 < facts.defect < 1e-2
    assert "orthogonal but for 0.00" in facts.lines()[0]


def test_authors_names_are_explained():
    facts = wavelet_facts("ch2.2")
    assert np.array_equal(facts.filters["dec_lo"], pywt.Wavelet("rbio2.2").dec_lo)
    assert facts.lines()[0] == "6 taps, 2 vanishing moments, symmetric, biorthogonal"
    assert "PyWavelets calls these filters rbio2.2" in facts.lines()[-1]
    assert "means ch2.2" in wavelet_facts("bior2.2").lines()[-1]
    assert wavelet_facts("haar").lines() == ["2 taps, 1 vanishing moment, symmetric, orthogonal"]
    assert wavelet_facts("rbio3.9").lines()[0].startswith("20 taps, 9 vanishing moments in the analysis, 3 in the")


def test_every_wavelet_has_facts():
    for name in wavelet_names():
        facts = wavelet_facts(name)
        assert len(tap_rows(facts)) == facts.taps
        assert all(len(row) == len(HEADER) for row in tap_rows(facts))
        assert max(facts.support.values()) <= facts.taps


@pytest.mark.message
def test_unknown_wavelet_is_told_the_closest():
    with pytest.raises(ValueError, match="no wavelet called 'db44'; did you mean 'db4'"):
        wavelet_facts("db44")


@pytest.mark.parametrize("name", ["db2", "db4", "sym8", "coif2"])
def test_cascade_is_pywavelets(name):
    wavelet = pywt.Wavelet(name)
    places, scaling, mother = cascade(wavelet.rec_lo, wavelet.rec_hi)
    oracle_scaling, oracle_mother, oracle_places = wavelet.wavefun(level=REFINEMENTS)
    shared = len(places)
    assert np.allclose(np.diff(places), oracle_places[1] - oracle_places[0])
    assert np.allclose(scaling, oracle_scaling[1 : shared + 1], atol=1e-9), "PyWavelets puts a 0 in front"
    sign = np.sign(mother @ oracle_mother[1 : shared + 1])
    assert np.allclose(mother, sign * oracle_mother[1 : shared + 1], atol=1e-9)


def test_cascade_of_haar_by_hand():
    places, scaling, mother = cascade([math.sqrt(0.5)] * 2, [math.sqrt(0.5), -math.sqrt(0.5)])
    assert len(places) == 2**REFINEMENTS
    assert np.allclose(scaling, 1)
    assert np.allclose(mother, np.where(places < 0.5, 1, -1))


def test_functions_are_orthonormal():
    wavelet = pywt.Wavelet("db5")
    places, scaling, mother = cascade(wavelet.rec_lo, wavelet.rec_hi)
    step = places[1]
    assert step * scaling.sum() == pytest.approx(1)
    assert step * np.square(scaling).sum() == pytest.approx(1, abs=1e-9)
    assert step * np.square(mother).sum() == pytest.approx(1, abs=1e-9)
    assert abs(step * mother @ scaling) < 1e-9
    shift = 2**REFINEMENTS
    assert abs(step * scaling[shift:] @ scaling[:-shift]) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["db4", "ch2.2", "dmey"])
def test_page_and_picture(name, tmp_path):
    path = write_wavelet(tmp_path, name)
    assert sorted(item.name for item in tmp_path.iterdir()) == [f"{name}.html", f"{name}.png"]
    text = path.read_text(encoding="utf-8")
    facts = wavelet_facts(name)
    assert text.count("<tr>") == facts.taps + 1
    assert ("synthesis dashed" in text) == (not facts.orthogonal)
    assert "var(--s0)" in text
    assert "var(--s2)" in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
