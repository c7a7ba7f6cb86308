# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202 - a kernel is in Triton's language, which leaves types to the call
r"""Triton kernels of the two-dimensional wavelet transform and of its transpose; a program makes one tile.

.. math:: y_{cd}[i, j] = \sum_{p, q} h_c[p] \, h_d[q] \, x[s(2i + p - o), \, s(2j + q - o)]

s says which sample stands at a position beyond the ends. It comes as a table for each axis, with -1 for zero; ``shape``
is the rows and columns of an image, then the numbers of low-pass and high-pass coefficients along each axis.

They are fast because an image goes through memory once in each direction, where one pass for each axis takes two and a
copy of the border; what tiles and taps read twice comes from the cache. A tile away from the left and right end reads
its columns where they lie, side by side, and does without the table.
"""

import triton
import triton.language as tl


@triton.jit
def place(rows, columns, TILE: tl.constexpr):
    """Plane, first row and first column of this program's tile; the tiles of a plane follow each other."""
    across, down = tl.cdiv(columns, TILE[1]), tl.cdiv(rows, TILE[0])
    tile = tl.program_id(0)
    return (tile // (across * down)).to(tl.int64), tile // across % down * TILE[0], tile % across * TILE[1]


@triton.jit
def keep(array, values, plane, row, column, rows, columns):
    """Write a tile into an array (planes, rows, columns)."""
    at = array + plane * rows * columns + row[:, None] * columns + column[None, :]
    there = ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))[None, :]
    tl.store(at, values.to(array.dtype.element_ty), mask=there)


@triton.jit
def analyse(x, bands, sources, shape, FILTERS: tl.constexpr, OFFSET: tl.constexpr, TILE: tl.constexpr):
    """The four bands aa, ad, da, dd of images."""
    where = place(shape[3], shape[5], TILE)
    first, beyond = 2 * where[2] - OFFSET - OFFSET % 2, 2 * (where[2] + TILE[1]) - OFFSET + len(FILTERS[0])
    if (first >= 0) & (beyond <= shape[1]):
        analyse_tile(x, bands, sources, shape, where, FILTERS, OFFSET, TILE, True)
    else:
        analyse_tile(x, bands, sources, shape, where, FILTERS, OFFSET, TILE, False)


@triton.jit
def analyse_tile(
    x, bands, sources, shape, where,
    FILTERS: tl.constexpr, OFFSET: tl.constexpr, TILE: tl.constexpr, INSIDE: tl.constexpr,
):  # fmt: skip
    """Across each row that a coefficient reads, in pairs of samples, then down the rows."""
    LOW: tl.constexpr = FILTERS[0]
    HIGH: tl.constexpr = FILTERS[1]
    TAPS: tl.constexpr = len(LOW)
    LEAD: tl.constexpr = OFFSET % 2  # so that the pairs begin at an even sample
    real: tl.constexpr = tl.float64 if x.dtype.element_ty == tl.float64 else tl.float32
    plane, top, left = where[0], where[1], where[2]
    i, j = top + tl.arange(0, TILE[0]), left + tl.arange(0, TILE[1])
    images = x + plane * shape[0] * shape[1]
    aa = tl.zeros([TILE[0], TILE[1]], real)
    ad, da, dd = aa, aa, aa
    for p in tl.static_range(TAPS):
        row = tl.load(sources[0] + 2 * i + p + LEAD)
        there = (row >= 0)[:, None]
        low = tl.zeros([TILE[0], TILE[1]], real)
        high = low
        for q in tl.static_range(-LEAD, TAPS, 2):
            if INSIDE:
                at = images + row[:, None] * shape[1] + (2 * left + tl.arange(0, 2 * TILE[1]))[None, :]
                pairs = tl.load(at + (q - OFFSET), mask=there, other=0.0).to(real)
                even, odd = tl.split(tl.reshape(pairs, [TILE[0], TILE[1], 2]))
            else:
                column, after = tl.load(sources[1] + 2 * j + q + LEAD), tl.load(sources[1] + 2 * j + q + LEAD + 1)
                at = images + row[:, None] * shape[1]
                even = tl.load(at + column[None, :], mask=there & (column >= 0)[None, :], other=0.0).to(real)
                odd = tl.load(at + after[None, :], mask=there & (after >= 0)[None, :], other=0.0).to(real)
            if q >= 0:
                low += LOW[q] * even
                high += HIGH[q] * even
            if q + 1 < TAPS:
                low += LOW[q + 1] * odd
                high += HIGH[q + 1] * odd
        aa += LOW[p] * low
        ad += LOW[p] * high
        da += HIGH[p] * low
        dd += HIGH[p] * high
    keep(bands[0], aa, plane, i, j, shape[2], shape[4])
    keep(bands[1], ad, plane, i, j, shape[2], shape[5])
    keep(bands[2], da, plane, i, j, shape[3], shape[4])
    keep(bands[3], dd, plane, i, j, shape[3], shape[5])


@triton.jit
def transpose(x, bands, sources, shape, FILTERS: tl.constexpr, OFFSET: tl.constexpr, TILE: tl.constexpr):
    """Images from their bands, of which some may be None."""
    LEAD: tl.constexpr = OFFSET % 2
    where = place((shape[0] + LEAD + 1) // 2, (shape[1] + LEAD + 1) // 2, TILE)
    first = where[2] + (OFFSET - LEAD) // 2 - (len(FILTERS[0]) // 2 - 1)
    if (first >= 0) & (where[2] + (OFFSET - LEAD) // 2 + TILE[1] <= shape[4]):
        transpose_tile(x, bands, sources, shape, where, FILTERS, OFFSET, TILE, True)
    else:
        transpose_tile(x, bands, sources, shape, where, FILTERS, OFFSET, TILE, False)


@triton.jit
def transpose_tile(
    x, bands, sources, shape, where,
    FILTERS: tl.constexpr, OFFSET: tl.constexpr, TILE: tl.constexpr, INSIDE: tl.constexpr,
):  # fmt: skip
    r"""Two samples of each axis for each place v of a tile, :math:`x[n] = \sum_k h[n + o - 2k] \, y[k]`.

    Tap p of sample n = 2v - o % 2 and tap p + 1 of sample n + 1 read the same coefficient, k = v + o // 2 - p / 2.
    """
    LOW: tl.constexpr = FILTERS[0]
    HIGH: tl.constexpr = FILTERS[1]
    real: tl.constexpr = tl.float64 if x.dtype.element_ty == tl.float64 else tl.float32
    plane, top, left = where[0], where[1], where[2]
    i, j = top + tl.arange(0, TILE[0]), left + tl.arange(0, TILE[1])
    even_even = tl.zeros([TILE[0], TILE[1]], real)
    even_odd, odd_even, odd_odd = even_even, even_even, even_even
    for p in tl.static_range(0, len(LOW), 2):
        row = tl.load(sources[0] + i + (len(LOW) - p) // 2)
        low_even = tl.zeros([TILE[0], TILE[1]], real)
        low_odd, high_even, high_odd = low_even, low_even, low_even
        for q in tl.static_range(0, len(LOW), 2):
            if INSIDE:
                column, shift = j, OFFSET // 2 - q // 2
            else:
                column, shift = tl.load(sources[1] + j + (len(LOW) - q) // 2), 0
            for d in tl.static_range(2):  # low-pass, then high-pass across
                a = coefficients(bands[d], plane, row, column, shift, shape[2], shape[4 + d], real, INSIDE)
                b = coefficients(bands[2 + d], plane, row, column, shift, shape[3], shape[4 + d], real, INSIDE)
                low_even += FILTERS[d][q] * a
                low_odd += FILTERS[d][q + 1] * a
                high_even += FILTERS[d][q] * b
                high_odd += FILTERS[d][q + 1] * b
        even_even = even_even + LOW[p] * low_even + HIGH[p] * high_even
        even_odd = even_odd + LOW[p] * low_odd + HIGH[p] * high_odd
        odd_even = odd_even + LOW[p + 1] * low_even + HIGH[p + 1] * high_even
        odd_odd = odd_odd + LOW[p + 1] * low_odd + HIGH[p + 1] * high_odd
    columns = 2 * left - OFFSET % 2 + tl.arange(0, 2 * TILE[1])
    even = tl.reshape(tl.join(even_even, even_odd), [TILE[0], 2 * TILE[1]])
    odd = tl.reshape(tl.join(odd_even, odd_odd), [TILE[0], 2 * TILE[1]])
    keep(x, even, plane, 2 * i - OFFSET % 2, columns, shape[0], shape[1])
    keep(x, odd, plane, 2 * i - OFFSET % 2 + 1, columns, shape[0], shape[1])


@triton.jit
def coefficients(band, plane, row, column, shift, rows, columns, real: tl.constexpr, INSIDE: tl.constexpr):
    """Coefficients of a band (planes, rows, columns) for a tile, zero where there are none."""
    if band is None:
        values = tl.zeros([row.shape[0], column.shape[0]], real)
    else:
        there = ((row >= 0) & (row < rows))[:, None]
        if not INSIDE:
            there = there & ((column >= 0) & (column < columns))[None, :]
        at = band + plane * rows * columns + row[:, None] * columns + column[None, :]
        values = tl.load(at + shift, mask=there, other=0.0).to(real)
    return values
