"""The authors' partition of a volume into cubes, and their union of cubes, voxel for voxel."""

import numpy as np
import pytest

from subband.data.blocks import cut, merge_union, partition, whole


@pytest.fixture(scope="module")
def stored(parity):
    with np.load(parity / "networks" / "neuron_partition.npz") as file:
        return dict(file)


def parts_of(stored):
    return sorted({name.split("/")[0] for name in stored})


def blocks_of(stored, part):
    return partition(tuple(stored[f"{part}/shape"].tolist()), tuple(stored[f"{part}/block"].tolist()))


def test_places_and_sizes_are_the_authors(stored):
    for part in parts_of(stored):
        blocks = blocks_of(stored, part)
        np.testing.assert_array_equal([block.start for block in blocks], stored[f"{part}/locations"], part)
        np.testing.assert_array_equal([block.shape for block in blocks], stored[f"{part}/sizes"], part)


def test_cubes_are_the_authors(stored):
    told = [part for part in parts_of(stored) if f"{part}/volume" in stored]
    assert told
    for part in told:
        cubes = [cut(stored[f"{part}/volume"], block) for block in blocks_of(stored, part)]
        np.testing.assert_array_equal(cubes, stored[f"{part}/blocks"], part)


def test_the_union_is_the_authors(stored):
    told = [part for part in parts_of(stored) if f"{part}/merged" in stored]
    assert told
    for part in told:
        blocks = blocks_of(stored, part)
        labels = stored[f"{part}/block_labels"]
        merged = merge_union(zip(blocks, labels, strict=True), whole(tuple(stored[f"{part}/shape"].tolist())))
        np.testing.assert_array_equal(255 * merged.astype(np.uint8), stored[f"{part}/merged"], part)
