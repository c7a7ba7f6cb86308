"""The operations of WiNet's authors, written anew from their description: the side that `registration.py` divides by.

Dense matrices for the wavelet transform, a dense 9 x 9 x 9 convolution for the correlation, concatenations, nothing
computed twice or in place. Kinder to them in one thing: their matrices, made at every call, are made once here.
"""

from functools import cache

import pywt
import torch
import torch.nn.functional as F

LETTERS = [a + b + c for a in "ad" for b in "ad" for c in "ad"]


@cache
def matrices(size, wavelet):
    """Low-pass and high-pass matrices (size / 2, size) of analysis and of synthesis; zeros beyond the ends."""
    bank = pywt.Wavelet(wavelet)
    found = []
    for taps in (bank.rec_lo, bank.rec_hi, bank.dec_lo[::-1], bank.dec_hi[::-1]):
        matrix = torch.zeros(size // 2, size)
        for row in range(size // 2):
            for number, tap in enumerate(taps):
                column = 2 * row + number - (len(taps) // 2 - 1)
                if 0 <= column < size:
                    matrix[row, column] = tap
        found.append(matrix)
    return found


def along(x, matrix, axis):
    """Product of a matrix and every line of x along one axis."""
    return torch.matmul(x.movedim(axis, -1), matrix.t()).movedim(-1, axis)


def dwt(x, wavelet):
    """The eight bands, in the order of ``LETTERS``."""
    bands = [x]
    for axis in (2, 3, 4):
        pair = matrices(x.shape[axis], wavelet)[:2]
        bands = [along(band, matrix, axis) for band in bands for matrix in pair]
    return bands


def idwt(bands, wavelet):
    """Inverse of `dwt`, axis by axis from the last."""
    parts = list(bands)
    for axis in (4, 3, 2):
        low, high = matrices(2 * parts[0].shape[axis], wavelet)[2:]
        parts = [
            along(a, low.t(), axis) + along(d, high.t(), axis) for a, d in zip(parts[0::2], parts[1::2], strict=True)
        ]
    return parts[0]


def conv(x, module, *, stride=1, groups=1, norm=False, active=True):
    """Convolution with the weights of one of our layers, and what follows it."""
    x = F.conv3d(x, module.weight, module.bias, stride=stride, padding=1, groups=groups)
    x = F.instance_norm(x) if norm else x
    return F.leaky_relu(x, 0.01) if active else x


def field(model, moving, fixed):
    """Normalised vectors, with the weights of our model."""
    wavelet = model.bank.name
    x = torch.cat([*dwt(moving, wavelet), *dwt(fixed, wavelet)], 1)
    skips = []
    for number, stage in enumerate(model.down):
        x = conv(x, stage.first, stride=2 if number else 1, norm=not number)
        x = conv(x, stage.second, norm=not number)
        skips.append(x)
    skips.pop()
    heads = []
    for stage in model.up:
        x = F.leaky_relu(F.conv_transpose3d(x, stage.enlarge.weight, stage.enlarge.bias, stride=2), 0.01)
        x = conv(conv(torch.cat((x, skips.pop()), 1), stage.join.first), stage.join.second)
        heads.append(conv(x, stage.head, active=False))
    coarse = list(heads[0].chunk(8, 1))
    low = conv(idwt(coarse, wavelet), model.smooth[0], groups=3, active=False)
    details = coarse[1:]
    for number, refine in enumerate(model.refine, 1):
        larger = [F.interpolate(one, scale_factor=2, mode="trilinear", align_corners=True) for one in details]
        details = list(heads[number].chunk(7, 1))
        pairs = torch.cat([one for pair in zip(larger, details, strict=True) for one in pair], 1)
        refined = conv(conv(pairs, refine.first, groups=7), refine.second, groups=7, active=False)
        low = idwt([low, *refined.chunk(7, 1)], wavelet)
        low = conv(low, model.smooth[number], groups=3, active=False)
    return low


def warp(image, vectors):
    """Bilinear, with zeros outside; the grid is made at every call."""
    axes = [torch.linspace(-1, 1, size) for size in vectors.shape[2:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None] + vectors
    places = grid.permute(0, 2, 3, 4, 1).flip(-1)
    return F.grid_sample(image, places, padding_mode="zeros", align_corners=True)


def ncc(fixed, warped, window=9):
    """Squared local correlation by dense convolutions."""
    kernel = torch.ones(1, 1, window, window, window)
    count = window**3

    def box(x):
        return F.conv3d(x, kernel, padding=window // 2)

    of_i, of_j, of_ii, of_jj, of_ij = map(box, (fixed, warped, fixed * fixed, warped * warped, fixed * warped))
    mean_i, mean_j = of_i / count, of_j / count
    cross = of_ij - mean_j * of_i - mean_i * of_j + mean_i * mean_j * count
    var_i = of_ii - 2 * mean_i * of_i + mean_i * mean_i * count
    var_j = of_jj - 2 * mean_j * of_j + mean_j * mean_j * count
    return -(cross * cross / (var_i * var_j + 1e-5)).mean()


def smoothness(vectors):
    """Mean of squared differences, each axis in units of half its size."""
    terms = []
    for axis in (2, 3, 4):
        size = vectors.shape[axis]
        step = (vectors.narrow(axis, 1, size - 1) - vectors.narrow(axis, 0, size - 1)) * size / 2
        terms.append((step * step).mean())
    return sum(terms) / 3


def loss(model, moving, fixed):
    """What they train on."""
    vectors = field(model, moving, fixed)
    return ncc(fixed, warp(moving, vectors)) + 2 * smoothness(vectors)
