"""The figure of channels and parts: what it says, and that it can be drawn of anything that can be measured."""

import io

import numpy as np
import pytest
from PIL import Image

from subband.metrics.explain import channel_part_matrix, channel_peaks
from subband.report.channel_parts import channel_parts_figure


def some(channels=6, images=5, size=(24, 32)):
    random = np.random.default_rng(0)
    maps = random.random((images, channels, 6, 8))
    maps[:, 1] = 0.0
    parts = np.zeros((images, 2, *size), bool)
    parts[:, 0, :, :16] = parts[:, 1, 12:] = True
    return maps, random.random((images, 3, *size)), channel_part_matrix(channel_peaks(maps, size), parts)


def test_says_which_channel_is_best():
    maps, images, matrix = some()
    figure = channel_parts_figure(maps, images, matrix, ["left", "low"], title="layer 3, epoch 2")
    for part, name in enumerate(["left", "low"]):
        channel = np.nanargmax(matrix[:, part])
        assert name in figure.svg
        assert f"channel {channel}<" in figure.svg
        assert f"{100 * matrix[channel, part]:.0f} % of its peaks" in figure.svg
    assert "layer 3, epoch 2" in figure.svg
    assert figure.svg.count("<image") == 2 * 5
    assert Image.open(io.BytesIO(figure.png)).size[0] > 1000


def test_shows_the_clearest_of_many_channels():
    maps, images, matrix = some(channels=60)
    figure = channel_parts_figure(maps, images, matrix, ["left", "low"], examples=2)
    assert figure.svg.count("<image") == 2 * 2
    dead = channel_parts_figure(np.maximum(maps[:, 1:3] - 2, 0), images, matrix[[1, 2]], ["left", "low"], examples=2)
    assert "channel 1<" in dead.svg


@pytest.mark.message
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m, i, s: (m, i, s[:3]), r"matrix has shape \(3, 2\), but must be \(6, 2\)"),
        (lambda m, i, s: (m, i[:2], s), "2 images must be as many as the 5 maps"),
        (lambda m, i, s: (m, i, s * np.nan), "no channel is ever active"),
    ],
)
def test_says_what_is_wrong(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        channel_parts_figure(*change(*some()), ["left", "low"])
