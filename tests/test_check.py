"""The guards: what they let pass, what they say."""

import numpy as np
import pytest
import torch

from subband._check import closest, one_of, positive, same_shape


def test_closest_offers_the_nearest_name():
    assert closest("dise", ["ce", "dice"]) == "; did you mean 'dice'?"


def test_closest_offers_nothing_far_away():
    assert closest("wavelet", ["ce", "dice"]) == ""


def test_one_of_lets_known_words_pass():
    one_of("mode", "a", iter(["a", "b"]))


@pytest.mark.message
def test_one_of_says_what_there_is():
    with pytest.raises(
        ValueError, match=r"^mode is 'comlex', but must be one of complex, real; did you mean 'complex'\?$"
    ):
        one_of("mode", "comlex", iter(["complex", "real"]))


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_positive_refuses(value):
    with pytest.raises(ValueError):
        positive(eps=value)


@pytest.mark.message
def test_positive_names_the_first_bad_argument():
    with pytest.raises(ValueError, match=r"^levels is 0, but must be greater than 0$"):
        positive(eps=1e-7, levels=0, orientations=-1)


def test_same_shape_takes_arrays_and_tensors_together():
    same_shape(image=torch.zeros(2, 3), mask=np.zeros((2, 3)))


@pytest.mark.message
def test_same_shape_says_which_differs():
    message = r"^mask has shape \(2, 4\), but image has \(2, 3\); give both the same shape$"
    with pytest.raises(ValueError, match=message):
        same_shape(image=torch.zeros(2, 3), again=torch.zeros(2, 3), mask=np.zeros((2, 4)))
