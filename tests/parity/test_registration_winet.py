"""WiNet with the authors' weights against what their own code gave.

Widths, wavelets and sizes are those of the files, so that another set with the same keys can be laid under.
"""

import numpy as np
import pytest
import torch

from subband.losses.registration import diffusion_loss, ncc_loss
from subband.models.winet import WiNet
from subband.models.winet_checkpoint import authors_winet_name, load_authors_winet
from subband.transforms import dwt, idwt
from subband.transforms.exponential import exponential
from subband.transforms.field import Field
from subband.transforms.warp import warp

LIMIT = 1e-5  # as the README of the files says, absolute
SCALAR_LIMIT = 2e-5  # of the NCC, as there
NORM_LIMIT = 1e-3  # of gradient norms, relative, as there
WINDOW, STEPS, RATE = 9, 7, 1e-4  # README


class Recorded:
    """One file and the network that it is of."""

    def __init__(self, path):
        self.arrays = dict(np.load(path))
        state = {key[4:]: torch.from_numpy(value) for key, value in self.arrays.items() if key.startswith("sd__")}
        width = len(state["layer1.conv1.conv.bias"]) // 4
        self.model = WiNet(width=width, wavelet=path.stem.split("_")[1], border="authors")
        load_authors_winet(self.model, state)
        self.moving, self.fixed = self["moving"], self["fixed"]

    def __getitem__(self, name):
        return torch.from_numpy(np.asarray(self.arrays[name]))

    def terms(self):
        """Similarity and twice the smoothness of the network's field."""
        field = self.model(self.moving, self.fixed)
        return similarity(self, field), 2 * diffusion_loss(field, unit="authors")


def similarity(recorded, field):
    return ncc_loss(recorded.fixed, warp(recorded.moving, field), window=WINDOW, padding="zeros")


def files(parity):
    found = sorted((parity / "registration").glob("winet_*.npz"))
    assert found
    return found


def recorded(parity):
    return {path.stem: Recorded(path) for path in files(parity)}


def with_intermediate_maps(one):
    """The field's vectors, and what layers of the network gave under the authors' names."""
    model, seen = one.model, {}
    parts = {"layer4": model.down[3], "f_1_8": model.up[0].head, "conv1": model.smooth[0], "conv2": model.smooth[1]}
    for part, module in parts.items():
        module.register_forward_hook(lambda _, __, output, part=part: seen.__setitem__(part, output))
    return model(one.moving, one.fixed).vectors, seen


def worst(found, expected):
    assert found.shape == expected.shape
    return float((found.detach() - expected).abs().max())


def test_the_authors_transform_in_three_dimensions(parity):
    arrays = dict(np.load(parity / "registration" / "dwt3d.npz"))
    at = {key: torch.from_numpy(value) for key, value in arrays.items() if key != "bands_order"}
    letters = [str(name).translate(str.maketrans("LH", "ad")) for name in arrays["bands_order"]]
    for prefix in {key.split("__")[0] for key in at}:
        wavelet = prefix.replace("bior", "ch")
        x, given = at[f"{prefix}__x"].requires_grad_(), at[f"{prefix}__coef"].requires_grad_()
        bands = dwt(x, wavelet, dims=3, mode="authors")
        stacked = torch.stack([bands[name] for name in letters])
        assert worst(stacked, at[f"{prefix}__bands"]) < LIMIT, prefix
        gradient = torch.autograd.grad(stacked, x, at[f"{prefix}__cotangent"], retain_graph=True)[0]
        assert worst(gradient, at[f"{prefix}__grad_x"]) < LIMIT, prefix
        assert worst(idwt(bands, wavelet, dims=3, mode="authors"), at[f"{prefix}__roundtrip"]) < LIMIT, prefix
        back = idwt(dict(zip(letters, given, strict=True)), wavelet, dims=3, mode="authors")
        assert worst(back, at[f"{prefix}__idwt"]) < LIMIT, prefix
        gradient = torch.autograd.grad(back, given, at[f"{prefix}__idwt_cotangent"])[0]
        assert worst(gradient, at[f"{prefix}__grad_coef"]) < LIMIT, prefix


def test_output_and_intermediate_maps(parity):
    for name, one in recorded(parity).items():
        vectors, seen = with_intermediate_maps(one)
        assert worst(vectors, one["out"]) < LIMIT, name
        assert set(seen) == {"layer4", "f_1_8", "conv1", "conv2"}
        for part, found in seen.items():
            assert worst(found, one[part]) < LIMIT, (name, part)


def test_losses_and_gradient_norms(parity):
    for name, one in recorded(parity).items():
        similar, smooth = one.terms()
        assert abs(similar - one["loss_sim"]) < SCALAR_LIMIT, name
        assert abs(smooth - one["loss_reg_x2"]) < SCALAR_LIMIT, name
        (similar + smooth).backward()
        norms = {
            authors_winet_name(key): float(value.grad.double().norm()) for key, value in one.model.named_parameters()
        }
        expected = dict(zip(map(str, one.arrays["grad_names"]), one.arrays["grad_norms"], strict=True))
        assert set(norms) == set(expected), name
        largest = max(expected.values())
        for part, norm in expected.items():
            assert norms[part] == pytest.approx(norm, rel=NORM_LIMIT, abs=1e-6 * largest), (name, part)


def test_one_step_of_adam(parity):
    for name, one in recorded(parity).items():
        optimiser = torch.optim.Adam(one.model.parameters(), lr=RATE)
        sum(one.terms()).backward()
        optimiser.step()
        with torch.no_grad():
            assert abs(one.terms()[0] - one["loss_sim_after_adam_step"]) < SCALAR_LIMIT, name


def test_diffeomorphic(parity):
    for name, one in recorded(parity).items():
        velocity = Field(one["out"], "normalised", "velocity")
        displacement = exponential(velocity, steps=STEPS)
        assert worst(displacement.vectors[..., ::2, ::2, ::2], one["diff_disp_T7_sub2"]) < LIMIT, name
        assert abs(similarity(one, displacement) - one["diff_ncc"]) < SCALAR_LIMIT, name
