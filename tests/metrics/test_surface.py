"""Hausdorff distances: scikit-image and MONAI as oracles, hand arithmetic, edge cases."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance
from scipy import ndimage
from skimage.metrics import hausdorff_distance as skimage_distance

from subband.metrics import hausdorff_distance, surface


def masks(shape, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    first = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    second = first + noise * ndimage.gaussian_filter(rng.normal(size=shape), 1)
    return second > 0.02, first > 0.02


@pytest.fixture(autouse=True, params=["tree", "transform", "as is"])
def way(request, monkeypatch):
    """Both ways to find distances give the same."""
    share = {"tree": 0, "transform": 10**9, "as is": surface.TREE_SHARE}[request.param]
    monkeypatch.setattr(surface, "TREE_SHARE", share)


SHAPES = [(61, 47), (13, 21, 20)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("method", "theirs"), [("modified", "modified"), ("max", "standard")])
def test_areas_equal_scikit_image(shape, method, theirs):
    p, t = masks(shape)
    found = hausdorff_distance(p, t, method=method)
    assert found > 0
    assert found == pytest.approx(skimage_distance(p, t, method=theirs), abs=1e-12)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize(("method", "of", "percentile"), [("hd95", None, 95), ("max", "surface", None)])
def test_surfaces_equal_monai(shape, spaced, method, of, percentile):
    p, t = masks(shape)
    spacing = tuple(np.linspace(3, 1, len(shape))) if spaced else None
    onehot = [torch.tensor(x)[None, None].float() for x in (p, t)]
    theirs = compute_hausdorff_distance(*onehot, include_background=True, percentile=percentile, spacing=spacing)
    found = hausdorff_distance(p, t, method=method, of=of, spacing=spacing)
    assert found == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.parametrize("spacing", [None, (2.0, 0.5)])
def test_all_pairs(spacing):
    p, t = masks((18, 15))
    a, b = (np.argwhere(x) * (spacing or (1, 1)) for x in (p, t))
    pairs = np.linalg.norm(a[:, None] - b, axis=-1)
    wanted = max(pairs.min(1).mean(), pairs.min(0).mean())
    assert hausdorff_distance(p, t, spacing=spacing) == pytest.approx(wanted, abs=1e-12)
    wanted = max(np.percentile(pairs.min(1), 95), np.percentile(pairs.min(0), 95))
    assert hausdorff_distance(p, t, spacing=spacing, method="hd95", of="area") == pytest.approx(wanted, abs=1e-12)


def test_by_hand():
    p, t = np.array([[1, 1, 1, 1, 1]]), np.array([[1, 0, 0, 0, 0]])
    assert hausdorff_distance(p, t) == pytest.approx((0 + 1 + 2 + 3 + 4) / 5)
    assert hausdorff_distance(p, t, method="max") == 4
    assert hausdorff_distance(p, t, method="hd95") == pytest.approx(3.8)
    assert hausdorff_distance(p, t, method="max", spacing=(1, 0.5)) == 2


@pytest.mark.parametrize("method", ["modified", "hd95", "max"])
def test_empty_masks(method):
    full, empty = np.ones((6, 8), int), np.zeros((6, 8), int)
    assert hausdorff_distance(empty, empty, method=method) == hausdorff_distance(full, full, method=method) == 0
    assert hausdorff_distance(full, empty, method=method) == hausdorff_distance(empty, full, method=method) == 10
    assert hausdorff_distance(full, empty, method=method, spacing=(1, 2)) == pytest.approx(np.hypot(6, 16))
    assert hausdorff_distance(full, empty, method=method, convention="authors") == np.inf
    assert hausdorff_distance(empty, empty, method=method, convention="authors") == 0


def test_symmetric_and_inputs_left_as_they_are():
    p, t = masks((30, 30))
    p.flags.writeable = t.flags.writeable = False
    for method in ("modified", "hd95", "max"):
        assert hausdorff_distance(p, t, method=method) == hausdorff_distance(t, p, method=method)


@pytest.mark.message
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "HD95"}, "method is 'HD95'"),
        ({"of": "contour"}, "of is 'contour', but must be one of area, surface"),
        ({"spacing": (1, 0)}, r"spacing is \(1.0, 0.0\), but must be 2 lengths"),
    ],
)
def test_errors_say_what_to_do(options, message):
    with pytest.raises(ValueError, match=message):
        hausdorff_distance(np.eye(3), np.eye(3), **options)
