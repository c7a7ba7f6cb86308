"""The seven networks of 3D WaveUNet with the authors' weights against what their own code gave.

Sizes, widths, wavelets, seeds and names are those of the file, so that another set with the same keys can be laid
under.
"""

import numpy as np
import pytest
import torch

from subband.models.wave_unet3d import WaveUNet3d
from subband.models.wave_unet3d_checkpoint import authors_cube_name, load_authors_wave_unet3d

LIMIT = 2e-5  # relative to the largest logit, as the README of the files says of whole networks
FLIPPED = 1e-3  # part of the voxels that a detail within rounding of the threshold may change, as the README allows

SAMPLERS = {
    "Neuron_SegNet": {"down": "max", "up": "unpool", "skip": "none"},
    "Neuron_UNet_V1": {"down": "max", "up": "transposed"},
    "Neuron_UNet_V2": {"down": "conv", "up": "linear"},
    "Neuron_WaveSNet_V1": {"down": "low-pass", "up": "linear"},
    "Neuron_WaveSNet_V2": {"down": "low-pass", "up": "transposed"},
    "Neuron_WaveSNet_V3": {"down": "wavelet", "up": "wavelet"},
    "Neuron_WaveSNet_V4": {"down": "wavelet", "up": "wavelet", "threshold": 0.25},
}
PARAMETERS = {  # of one channel, width 4 and 2 classes
    "Neuron_SegNet": 166402,
    "Neuron_UNet_V1": 204542,
    "Neuron_UNet_V2": 204542,
    "Neuron_WaveSNet_V1": 203122,
    "Neuron_WaveSNet_V2": 204542,
    "Neuron_WaveSNet_V3": 203122,
    "Neuron_WaveSNet_V4": 203122,
}


@pytest.fixture(scope="module")
def file(parity):
    return np.load(parity / "networks" / "neuron_nets.npz")


def cases(file):
    """Network, wavelet and prefix of its keys."""
    found = [key.removesuffix("y") for key in file.files if key.endswith("/y")]
    assert {prefix.split("/")[0] for prefix in found} == set(SAMPLERS)
    for prefix in found:
        name, wavelet, *_ = prefix.split("/")
        yield name, (wavelet or "haar").replace("bior", "ch"), prefix


def network(file, name, wavelet, prefix):
    channels, classes = file["x_shape"][1], file[f"{prefix}y"].shape[1]
    options = {"width": int(file["channel_width"]), "wavelet": wavelet, "mode": "authors"}
    return WaveUNet3d(int(channels), classes, **options, **SAMPLERS[name]).eval()


def filled(shapes, seed):
    """Weights by the FILL rule of the files' README."""
    draw = np.random.RandomState(seed)
    values = {}
    for name in sorted(shapes):
        if name.endswith("num_batches_tracked"):
            values[name] = torch.tensor(0)
            continue
        z = draw.standard_normal(shapes[name])
        if name.endswith("running_mean"):
            value = 0.1 * z
        elif name.endswith("running_var"):
            value = 1 + 0.1 * z**2
        elif name.endswith("weight") and z.ndim == 1:
            value = 1 + 0.1 * z
        elif name.endswith("bias"):
            value = 0.1 * z
        else:
            value = z * np.sqrt(2 / np.prod(z.shape[1:]))
        values[name] = torch.from_numpy(np.asarray(value, np.float32))
    return values


def test_networks_equal_the_authors(file):
    volume = np.random.RandomState(int(file["x_seed"])).standard_normal(file["x_shape"]).astype(np.float32)
    for name, wavelet, prefix in cases(file):
        model = network(file, name, wavelet, prefix)
        shapes = {authors_cube_name(ours): tuple(value.shape) for ours, value in model.state_dict().items()}
        assert sorted(shapes) == sorted(map(str, file[f"{prefix}keys"])), prefix
        load_authors_wave_unet3d(model, filled(shapes, int(file["fill_seed"])))
        with torch.no_grad():
            found = model(torch.from_numpy(volume)).numpy()
        expected = file[f"{prefix}y"]
        assert found.shape == expected.shape
        error = np.abs(found - expected) / np.abs(expected).max()
        print(prefix, error.max())
        assert np.mean(error > LIMIT) <= (FLIPPED if "threshold" in SAMPLERS[name] else 0), prefix


def test_networks_have_the_published_numbers_of_parameters():
    for name, samplers in SAMPLERS.items():
        model = WaveUNet3d(1, 2, width=4, **samplers)
        assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name], name
