import numpy as np
import pytest
from scipy import ndimage

from subband.data.block_store import existing_block_store
from subband.data.volume_file import open_volume, write_volume
from subband.tasks import label_volume as module
from subband.tasks.label_volume import label_volume

SHAPE, BLOCK = (20, 17, 23), (8, 8, 8)
COUNT = 3 * 3 * 3


def mask(seed=5, share=0.12):
    return (np.random.default_rng(seed).random(SHAPE) < share).astype(np.uint8)


def by_size(volume, order, min_size=1):
    """Scipy's components of the whole, numbered as ours: the largest first, then as their first blocks come."""
    labels, count = ndimage.label(volume, ndimage.generate_binary_structure(3, order))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return labels, np.sort(sizes[sizes >= min_size])[::-1]


@pytest.mark.parametrize(("connectivity", "order"), [(6, 1), (18, 2), (26, 3)])
def test_components_are_scipys(tmp_path, connectivity, order):
    sizes = label_volume(mask(), tmp_path / "v.zarr", connectivity=connectivity, block=BLOCK)
    labels, expected = by_size(mask(), order)
    np.testing.assert_array_equal(sizes, expected)
    found = open_volume(tmp_path / "v.zarr").array[:]
    assert found.dtype == np.int32
    pairs = np.unique(np.stack([found.ravel(), labels.ravel()], 1), axis=0)
    assert len(pairs) == len(expected) + 1
    assert [path.name for path in tmp_path.iterdir()] == ["v.zarr"]


def test_small_ones_are_removed_by_their_size_over_all_blocks(tmp_path):
    sizes = label_volume(mask(), tmp_path / "v.zarr", min_size=5, block=BLOCK)
    labels, expected = by_size(mask(), 3, min_size=5)
    np.testing.assert_array_equal(sizes, expected)
    large = np.bincount(labels.ravel()) >= 5
    large[0] = False
    np.testing.assert_array_equal(open_volume(tmp_path / "v.zarr").array[:] > 0, large[labels])


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    write_volume(tmp_path / "mask.zarr", mask(), spacing=(2.0, 1.0, 1.0))
    run, told = module.run_tasks, []

    def stopped(task, store, **options):
        if isinstance(task, module._Relabel):
            run(task, store, **{**options, "shard": (0, 2)})
            raise KeyboardInterrupt
        return run(task, store, **options)

    monkeypatch.setattr(module, "run_tasks", stopped)
    with pytest.raises(KeyboardInterrupt):
        label_volume(tmp_path / "mask.zarr", tmp_path / "v.zarr", block=BLOCK)
    monkeypatch.setattr(module, "run_tasks", run)
    assert len(existing_block_store(tmp_path / "v.zarr").missing()) == COUNT // 2

    def listen(*now):
        told.append(now)

    sizes = label_volume(tmp_path / "mask.zarr", tmp_path / "v.zarr", block=BLOCK, scheduler="threads", progress=listen)
    assert told == [(done, 2 * COUNT) for done in range(2 * COUNT - COUNT // 2 + 1, 2 * COUNT + 1)]
    np.testing.assert_array_equal(sizes, by_size(mask(), 3)[1])
    again = label_volume(tmp_path / "mask.zarr", tmp_path / "v.zarr", block=BLOCK)
    np.testing.assert_array_equal(again, sizes)
    assert open_volume(tmp_path / "v.zarr").spacing == (2.0, 1.0, 1.0)
    assert not (tmp_path / "v.parts.zarr").exists()


@pytest.mark.parametrize("value", [0, 7])
def test_empty_and_full(tmp_path, value):
    sizes = label_volume(np.full(SHAPE, value, np.uint8), tmp_path / "v.zarr", block=BLOCK)
    assert sizes.tolist() == [np.prod(SHAPE)] * bool(value)
    assert (open_volume(tmp_path / "v.zarr").array[:] == bool(value)).all()


@pytest.mark.message
def test_what_is_said(tmp_path):
    with pytest.raises(ValueError, match="connectivity is '8', but must be one of 6, 18, 26"):
        label_volume(mask(), tmp_path / "v.zarr", connectivity=8)
    label_volume(mask(), tmp_path / "v.zarr", block=BLOCK)
    with pytest.raises(ValueError, match=r"v.zarr was begun with another min_size: 1 then, 9 now"):
        label_volume(mask(), tmp_path / "v.zarr", block=BLOCK, min_size=9)
    with pytest.raises(ValueError, match=r"v.zarr was begun for another source"):
        label_volume(mask(seed=6), tmp_path / "v.zarr", block=BLOCK)
