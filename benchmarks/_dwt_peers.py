"""Other programs of the wavelet transform, each as a pair: a function of leaves to outputs, and its leaves.

None of them is needed; what is not installed is left out, and the result says so.
"""

import importlib
import sys
import types

import pywt
import torch

LETTERS = {1: ("d",), 2: ("da", "ad", "dd")}  # pytorch_wavelets' and ptwt's order: horizontal, vertical, diagonal


def load(name):
    """A peer, or None. pytorch_wavelets 1.3.0 asks at import for pkg_resources, which setuptools ships no more."""
    if name == "pytorch_wavelets" and "pkg_resources" not in sys.modules:
        shim = types.ModuleType("pkg_resources")
        shim.resource_stream = None
        sys.modules["pkg_resources"] = shim
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def pytorch_wavelets(case, x, mode):
    """Its transform; None where it has none."""
    peer = load("pytorch_wavelets")
    if peer is None or case.dims == 3:
        return None
    ahead, back = (peer.DWT1DForward, peer.DWT1DInverse) if case.dims == 1 else (peer.DWTForward, peer.DWTInverse)
    ahead, back = ahead(J=case.level, wave=case.wavelet, mode=mode), back(wave=case.wavelet, mode=mode)

    def split(x):
        low, high = ahead(x)
        return [low, *high]

    if not case.inverse:
        return split, [x]
    return lambda low, *high: [back((low, list(high)))], split(x)


def ptwt(case, x, mode):
    """Its transform."""
    peer = load("ptwt")
    if peer is None:
        return None
    ahead = {1: peer.wavedec, 2: peer.wavedec2, 3: peer.wavedec3}[case.dims]
    back = {1: peer.waverec, 2: peer.waverec2, 3: peer.waverec3}[case.dims]
    found = ahead(x, case.wavelet, mode=mode, level=case.level)
    if not case.inverse:
        return lambda x: _flat(ahead(x, case.wavelet, mode=mode, level=case.level)), [x]
    return lambda *bands: [back(_like(found, list(bands)), case.wavelet)], _flat(found)


def _flat(found):
    """The tensors of ptwt's coefficients."""
    if isinstance(found, torch.Tensor):
        return [found]
    return [tensor for part in (found.values() if isinstance(found, dict) else found) for tensor in _flat(part)]


def _like(found, tensors):
    """Tensors in the form of ptwt's coefficients; takes them from the front of the list."""
    if isinstance(found, torch.Tensor):
        return tensors.pop(0)
    if isinstance(found, dict):
        return {name: _like(part, tensors) for name, part in found.items()}
    parts = [_like(part, tensors) for part in found]
    return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)


def dense_matrices(n, taps_of_both, dtype=torch.float32):
    """The WaveCNet authors' pair of matrices of n samples, made row by row, with zeros beyond the ends."""
    pair = []
    for taps in taps_of_both:
        begin, matrix = 1 - len(taps) // 2, torch.zeros(n // 2, n, dtype=dtype)
        for row in range(n // 2):
            first = begin + 2 * row
            inside = slice(max(first, 0), min(first + len(taps), n))
            matrix[row, inside] = torch.tensor(taps[inside.start - first : inside.stop - first], dtype=dtype)
        pair.append(matrix)
    return pair


def dense(case, x):
    """The authors' published formulation: dense matrices made row by row at every call, zeros beyond the ends."""
    wavelet = pywt.Wavelet(case.wavelet)

    def along(x, matrix, axis):
        return torch.matmul(x.movedim(axis, -1), matrix.t()).movedim(-1, axis) if axis != -1 else x @ matrix.t()

    def one_level(x):
        bands = [x]
        for axis in range(-case.dims, 0):
            pair = dense_matrices(x.shape[axis], (wavelet.dec_lo[::-1], wavelet.dec_hi[::-1]))
            bands = [along(band, matrix, axis) for band in bands for matrix in pair]
        return bands

    def split(x):
        details = []
        for _ in range(case.level):
            x, *high = one_level(x)
            details = [*high, *details]
        return [x, *details]

    def join(*bands):
        parts = list(bands)
        for axis in range(-1, -case.dims - 1, -1):
            pair = dense_matrices(2 * parts[0].shape[axis], (wavelet.rec_lo, wavelet.rec_hi))
            parts = [
                along(low, pair[0].t(), axis) + along(high, pair[1].t(), axis)
                for low, high in zip(parts[0::2], parts[1::2], strict=True)
            ]
        return parts

    return (join, split(x)) if case.inverse else (split, [x])


def on_numpy(case, arrays, cotangents):
    """PyWavelets: the transform, and its adjoint by the inverse transform with reversed filters."""
    reversed_ = case.wavelet.replace("bior", "rbio")
    axes = tuple(range(-case.dims, 0))

    def split(x, wavelet):
        approx, *details = pywt.wavedecn(x, wavelet, "periodization", case.level, axes=axes)
        return [approx, *(level[name] for level in details for name in sorted(level))]

    def join(bands, wavelet):
        approx, *high = bands
        count = 2**case.dims - 1
        names = [format(code, f"0{case.dims}b").translate({48: "a", 49: "d"}) for code in range(1, count + 1)]
        levels = [dict(zip(names, high[start : start + count], strict=True)) for start in range(0, len(high), count)]
        return [pywt.waverecn([approx, *levels], wavelet, "periodization", axes=axes)]

    if case.inverse:
        return join(arrays, case.wavelet), split(cotangents[0], reversed_)
    return split(arrays[0], case.wavelet), join(cotangents, reversed_)
