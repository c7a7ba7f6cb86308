"""Our networks with the authors' weights give the authors' logits."""

import numpy as np
import pytest
import torch

from subband.models import AttentionUNet, UNet, load_authors

NETWORKS = {"U_Net": UNet, "AttU_Net": AttentionUNet}


def networks_state(keys, seed):
    """Weights of the README's fill rule, under the authors' names; entries of one network keep their default."""
    state = {}
    for number, line in enumerate(map(str, keys)):
        name, _, shape = line.partition(" ")
        shape = tuple(int(size) for size in shape.strip("()").split(",") if size.strip())
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros(shape, dtype=torch.long)
            continue
        z = np.random.default_rng([seed, number]).standard_normal(int(np.prod(shape))).reshape(shape)
        if z.ndim > 1:
            z = z * np.sqrt(2 / (z.size / shape[0]))
        elif name.endswith("running_var"):
            z = 1 + 0.1 * np.abs(z)
        elif name.endswith("weight"):
            z = 1 + 0.1 * z
        else:
            z = 0.05 * z
        state[name] = torch.from_numpy(z.astype(np.float32))
    return state


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def networks_case(request, parity):
    stored = np.load(parity / "segmentation" / "networks.npz")
    keys = stored[f"{request.param}_keys"]
    state = networks_state(keys, int(stored["fill_seed"]))
    depth = sum(name.startswith("Conv") and name.endswith("conv.0.weight") for name in state)
    width, channels = state["Conv1.conv.0.weight"].shape[:2]
    model = NETWORKS[request.param](channels, len(state["Conv_1x1.bias"]), width=width, depth=depth)
    load_authors(model, state)
    return request.param, model, stored


def networks_worst(found, expected):
    return float((found - torch.from_numpy(expected)).abs().max() / np.abs(expected).max())


def test_networks_eval_mode_logits_equal_the_authors(networks_case):
    name, model, stored = networks_case
    with torch.inference_mode():
        found = model.eval()(torch.from_numpy(stored["x"]))
    assert networks_worst(found, stored[f"{name}_logits"]) < 1e-4


def test_networks_train_mode_logits_equal_the_authors(networks_case):
    name, model, stored = networks_case
    x = torch.from_numpy(stored["x"])
    kept = {key: value.clone() for key, value in model.state_dict().items() if "running" in key or "tracked" in key}
    with torch.inference_mode():
        found = model.train()(torch.cat([x, -0.5 * x]))
    model.load_state_dict(kept, strict=False)
    assert networks_worst(found, stored[f"{name}_logits_trainmode"]) < 1e-4
