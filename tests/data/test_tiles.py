"""Tiled prediction is exact for a function of single pixels, whatever the size."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from subband.data import predict_tiled
from subband.data.tiles import tile_boxes

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (16, 16), (33, 47), (7, 9, 11), (20, 4, 33)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
def test_exact_for_single_pixels(shape, overlap):
    image = RNG.standard_normal((2, *shape)).astype(np.float32)
    found = predict_tiled(lambda x: torch.cat([x.square() + 1, x * 3], 1), image, tile=8, overlap=overlap, batch=3)
    whole = torch.from_numpy(image)
    assert (found == torch.cat([whole.square() + 1, whole * 3]).numpy()).all()


def test_a_constant_comes_back():
    found = predict_tiled(lambda x: torch.full_like(x, 0.1), np.zeros((1, 30, 31), np.float32), tile=(8, 16))
    assert (found == np.float32(0.1)).all()


def test_what_the_border_of_a_tile_spoils_is_blended_away():
    image = RNG.random((1, 96, 96), np.float32)

    def smooth(x):
        return F.avg_pool2d(x, 9, 1, 4)

    whole = smooth(torch.from_numpy(image)[None])[0].numpy()
    inside = np.s_[:, 8:-8, 8:-8]

    def error(overlap):
        return np.abs(predict_tiled(smooth, image, tile=32, overlap=overlap) - whole)[inside].max()

    assert error(0.5) < 0.1 * error(0.0)


@pytest.mark.parametrize(("length", "size", "overlap"), [(10, 4, 0.5), (100, 32, 0.25), (5, 5, 0.9), (7, 2, 0.0)])
def test_boxes_cover_everything_and_share_enough(length, size, overlap):
    boxes = [box[0] for box in tile_boxes((length,), (size,), overlap)]
    assert boxes[0].start == 0
    assert boxes[-1].stop == length
    assert all(a.stop - b.start >= int(size * overlap) for a, b in itertools.pairwise(boxes))
    assert all(box.stop - box.start == size for box in boxes)


def test_memory_is_the_result_and_one_batch():
    image = np.zeros((1, 1024, 1024), np.float32)
    seen = []

    def note(x):
        seen.append(tuple(x.shape))
        return x

    tracemalloc.start()
    predict_tiled(note, image, tile=128, batch=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(seen) <= {(1, 1, 128, 128), (2, 1, 128, 128)}
    assert peak < 2 * image.nbytes + 40 * 128 * 128 * 4


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tile": 0}, "tile axis 0 is 0"),
        ({"tile": (4,)}, r"tile is \(4,\), but the image has 2 dimensions"),
        ({"overlap": 1.0}, "overlap is 1.0"),
        ({"batch": 0}, "batch is 0"),
    ],
)
def test_bad_options(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        predict_tiled(lambda x: x, np.zeros((1, 5, 5), np.float32), **{"tile": 4, **options})


@pytest.mark.message
def test_function_that_changes_the_size():
    with pytest.raises(ValueError, match=r"the function made \(4, 1, 2, 2\) of tiles \(4, 1, 4, 4\)"):
        predict_tiled(lambda x: x[..., ::2, ::2], np.zeros((1, 8, 8), np.float32), tile=4, overlap=0)
