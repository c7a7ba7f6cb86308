"""Objects of a mask and distances to them: SciPy's distance transform as oracle."""

import importlib.util
import sys

import numpy as np
import pytest
from scipy import ndimage

from subband.maps._objects import distance, read_objects


@pytest.fixture(params=["scipy", "edt"])
def package(request, monkeypatch):
    """Everything holds with either package that measures distances."""
    if request.param == "edt":
        if importlib.util.find_spec("edt") is None:
            pytest.skip("edt is not installed")
    else:
        monkeypatch.setitem(sys.modules, "edt", None)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("shape", [(1, 1), (40, 53), (1, 60), (2, 4100), (9, 11, 13)])
@pytest.mark.parametrize("spacing", [1.0, 0.3])
def test_distance_is_scipy_to_the_bit(shape, spacing):
    outside = np.random.default_rng(4).random(shape) > 0.02
    outside.flat[0] = False
    wanted = ndimage.distance_transform_edt(outside, sampling=[spacing] * len(shape))
    found = distance(outside, (spacing,) * len(shape))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, rtol=0 if spacing == 1 else 1e-15)


@pytest.mark.usefixtures("package")
def test_distance_of_a_view():
    outside = np.random.default_rng(5).random((30, 31)) > 0.1
    np.testing.assert_array_equal(distance(outside.T, (1.0, 1.0)), ndimage.distance_transform_edt(outside.T))


def test_counts_and_boxes():
    objects = read_objects(np.array([[0, 1, 0], [0, 1, 0], [1, 1, 1]]), None)
    assert objects.count == 2
    assert objects.boxes == [np.s_[0:2, 0:1], np.s_[0:2, 2:3]]
    assert read_objects(np.ones((3, 4)), None).boxes == []


@pytest.mark.message
@pytest.mark.parametrize("value", [2, -1, 0.5, np.nan])
def test_refuses_other_values(value):
    with pytest.raises(ValueError, match="but must hold 0 and 1"):
        read_objects(np.array([[0, 1], [1, value]]), None)
