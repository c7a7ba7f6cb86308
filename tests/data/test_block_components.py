import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from subband.data.block_components import label_sizes, local_labels, merge_labels, neighbour, seam_pairs
from subband.data.blocks import grid


def by_blocks(mask, size, connectivity, min_size=1):
    """Components of a mask, block by block, in memory."""
    counts = [-(-n // b) for n, b in zip(mask.shape, size, strict=True)]
    blocks = dict(zip(np.ndindex(*counts), grid(mask.shape, size), strict=True))
    step = int(np.prod(size))
    firsts = {number: index * step for index, number in enumerate(blocks)}
    labels = {n: local_labels(mask[b.slices], firsts[n], connectivity=connectivity) for n, b in blocks.items()}
    ids, sizes = zip(*(label_sizes(labels[n], firsts[n]) for n in blocks), strict=True)

    def pairs(number):
        def read(direction):
            other = neighbour(number, direction, counts)
            return None if other is None else labels[other]

        return seam_pairs(labels[number], blocks[number], read, connectivity)

    found = [pairs(number) for number in blocks]
    merged = merge_labels(np.concatenate(ids), np.concatenate(sizes), np.concatenate(found), min_size=min_size)
    result = np.zeros(mask.shape, np.int32)
    for number, block in blocks.items():
        result[block.slices] = merged.relabel(labels[number], firsts[number])
    return result, merged.sizes


def same_partition(found, expected):
    """Whether two label maps are one up to names."""
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()], 1), axis=0)
    return len(pairs) == len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) and [0, 0] in pairs.tolist()


def of_scipy(mask, connectivity):
    return ndimage.label(mask, ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity]))[0]


@pytest.mark.parametrize("connectivity", [6, 18, 26])
@pytest.mark.parametrize("share", [0.08, 0.15, 0.3])
def test_components_are_scipys_up_to_names(connectivity, share):
    mask = np.random.default_rng(int(100 * share)).random((19, 23, 17)) < share
    found, sizes = by_blocks(mask, (8, 5, 6), connectivity)
    expected = of_scipy(mask, connectivity)
    assert same_partition(found, expected)
    assert len(sizes) == expected.max()
    np.testing.assert_array_equal(np.bincount(found.ravel())[1:], sizes)
    assert (np.diff(sizes) <= 0).all()


@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    size=st.tuples(*[st.integers(1, 5)] * 3),
    connectivity=st.sampled_from([6, 18, 26]),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=80)
def test_any_size_of_block_gives_the_components_of_the_whole(shape, size, connectivity, seed):
    mask = np.random.default_rng(seed).random(shape) < 0.25
    mask[0, 0, 0] = False
    assert same_partition(by_blocks(mask, size, connectivity)[0], of_scipy(mask, connectivity))


@pytest.mark.parametrize(
    ("voxels", "joined_from"),
    [
        ([(1, 1, 1), (2, 1, 1)], 6),
        ([(1, 1, 1), (2, 2, 1)], 18),
        ([(1, 2, 1), (2, 1, 1)], 18),
        ([(1, 1, 1), (2, 2, 2)], 26),
        ([(1, 2, 2), (2, 1, 1)], 26),
        ([(1, 1, 2), (2, 2, 1)], 26),
        ([(1, 0, 1), (2, 1, 1)], 18),
        ([(1, 0, 2), (2, 1, 3)], 26),
    ],
)
def test_two_voxels_over_a_face_an_edge_and_a_corner(voxels, joined_from):
    """Eight blocks of 2 x 2 x 2 meet in the middle of a volume of 4 x 4 x 4."""
    mask = np.zeros((4, 4, 4), bool)
    mask[tuple(np.transpose(voxels))] = True
    for connectivity in (6, 18, 26):
        found, sizes = by_blocks(mask, (2, 2, 2), connectivity)
        assert sizes.tolist() == ([2] if connectivity >= joined_from else [1, 1]), connectivity
        assert found.max() == len(sizes)


def test_small_ones_go_by_their_size_over_all_blocks():
    """A bar of 9 voxels through three blocks stays, where 3 in one block do not."""
    mask = np.zeros((1, 3, 9), bool)
    mask[0, 0] = True
    mask[0, 2, :3] = True
    found, sizes = by_blocks(mask, (1, 3, 3), 6, min_size=4)
    assert sizes.tolist() == [9]
    np.testing.assert_array_equal(found[0], [[1] * 9, [0] * 9, [0] * 9])


def test_a_serpent_through_all_blocks_is_one():
    mask = np.zeros((1, 9, 9), bool)
    mask[0, ::2] = True
    mask[0, 1::4, -1] = mask[0, 3::4, 0] = True
    assert by_blocks(mask, (1, 1, 1), 6)[1].tolist() == [mask.sum()]


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full(value):
    found, sizes = by_blocks(np.full((3, 4, 5), value), (2, 2, 2), 26)
    assert sizes.tolist() == [60] * value
    assert (found == value).all()
