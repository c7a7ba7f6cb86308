import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from subband.data.blocks import Block, cut, grid, merge_blended, merge_union, partition, whole, windows_over
from subband.data.tiles import predict_tiled

SIDES = st.tuples(*[st.integers(1, 40)] * 3)
SIZES = st.tuples(*[st.integers(1, 12)] * 3)


def noise(*shape, seed=3):
    return np.random.default_rng(seed).random(shape, np.float32)


def test_starts_by_hand():
    """Blocks of 8 advance by 6 while they end before 23; the last one ends there."""
    assert [block.start[0] for block in partition((23,), (8,))] == [0, 6, 12, 15]
    assert [block.start[0] for block in partition((8,), (8,))] == [0]
    assert [block.start[0] for block in partition((20,), (8,))] == [0, 6, 12]
    assert partition((5,), (8,)) == [Block((0,), (5,), (8,))]


def test_a_halo_ends_at_the_volume():
    block = Block((4, 0), (8, 4), (4, 4))
    grown = block.grown((3, 9), (10, 12))
    assert grown == Block((1, 0), (10, 12), (9, 12))
    assert block.within(grown) == (slice(3, 7), slice(0, 4))


@given(shape=SIDES, size=SIZES)
@settings(deadline=None, max_examples=60)
def test_blocks_cover_all_and_lie_inside(shape, size):
    seen, tiled = np.zeros(shape, int), np.zeros(shape, int)
    for block in partition(shape, size):
        assert block.size == size
        seen[block.slices] += 1
    for block in grid(shape, size):
        assert block.size == block.shape
        tiled[block.slices] += 1
    assert seen.min() >= 1
    assert (tiled == 1).all()


@given(shape=SIDES, size=SIZES, seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_windows_over_a_region_are_those_that_meet_it(shape, size, seed):
    draw = np.random.default_rng(seed)
    start = tuple(int(draw.integers(0, n)) for n in shape)
    stop = tuple(int(draw.integers(a + 1, n + 1)) for a, n in zip(start, shape, strict=True))
    step = tuple(int(draw.integers(1, b + 1)) for b in size)
    region = np.zeros(shape, bool)
    region[tuple(map(slice, start, stop))] = True
    expected = [block for block in partition(shape, size, step) if region[block.slices].any()]
    assert windows_over(Block(start, stop, ()), shape, size, step) == expected


def test_what_exceeds_the_volume_is_zero():
    volume = noise(3, 5, 7)
    found = cut(volume, partition((3, 5, 7), (4, 4, 8))[-1])
    assert found.shape == (4, 4, 8)
    np.testing.assert_array_equal(found[:3, :, :7], volume[:, 1:])
    assert found[3:].sum() == found[:, :, 7:].sum() == 0


def test_union_of_a_region_is_that_part_of_the_whole():
    shape, labels = (9, 10, 11), noise(9, 10, 11) > 0.8
    blocks = partition(shape, (4, 4, 4))
    parts = [(block, cut(labels, block)) for block in blocks]
    np.testing.assert_array_equal(merge_union(parts, whole(shape)), labels)
    region = Block((2, 0, 5), (9, 3, 11), ())
    np.testing.assert_array_equal(merge_union(parts, region), labels[region.slices])


def test_blending_is_that_of_tiles_that_lie_alike():
    """Blocks of an even spacing are the tiles of `predict_tiled`: one result, bit by bit."""
    image, values = noise(1, 16, 16, 16), noise(2, 8, 8, 8, seed=4)

    def function(tiles):
        return tiles * values[0] + values[1]

    tiled = predict_tiled(lambda x: torch.from_numpy(function(x.numpy())), image, tile=8, overlap=0.5, batch=1)
    blocks = partition((16,) * 3, (8,) * 3, (4,) * 3)
    parts = [(block, function(cut(image[0], block))[None]) for block in blocks]
    np.testing.assert_array_equal(merge_blended(parts, whole((16,) * 3)), tiled)


def test_blending_gives_the_same_bits_whatever_the_regions():
    shape, size, step = (13, 9, 17), (6, 12, 5), (4, 9, 3)
    parts = [(block, noise(3, *size, seed=n)) for n, block in enumerate(partition(shape, size, step))]
    at_once = merge_blended(parts, whole(shape))
    known = dict(parts)
    for region in grid(shape, (5, 4, 7)):
        few = [(block, known[block]) for block in windows_over(region, shape, size, step)]
        np.testing.assert_array_equal(merge_blended(few, region), at_once[(slice(None), *region.slices)])


def test_blending_of_one_value_gives_it():
    parts = [(block, np.full((1, *block.size), 0.3, np.float32)) for block in partition((7, 7), (3, 4))]
    np.testing.assert_array_equal(merge_blended(parts, whole((7, 7))), np.full((1, 7, 7), 0.3, np.float32))


@pytest.mark.message
def test_what_is_said():
    with pytest.raises(ValueError, match="step is 9 on axis 0, but blocks have 8 voxels; a longer step leaves gaps"):
        partition((20,), (8,), (9,))
    with pytest.raises(ValueError, match=r"a volume of \(20, 20\) needs one number for each axis, but block is \(8,\)"):
        partition((20, 20), (8,))
    with pytest.raises(ValueError, match="block axis 1 is 0, but must be greater than 0"):
        grid((4, 4), (2, 0))
    with pytest.raises(ValueError, match=r"voxels of .* are in no block"):
        merge_blended([], whole((2, 2)))
    with pytest.raises(ValueError, match=r"2 voxels of .* are in no block; give all that cover it"):
        merge_blended([(Block((0,), (2,), (2,)), np.ones((1, 2), np.float32))], whole((4,)))


def test_order_is_the_first_axis_outermost():
    starts = [block.start for block in partition((9, 9, 9), (4, 4, 4))]
    assert starts == list(itertools.product([0, 3, 5], repeat=3))
