"""A training step of ResNet-18 with wavelets in it, beside the plain network and the authors' dense matrices.

Forward and backward of 4 images of 224 x 224 pixels; in both orders in memory. "dense matrices" is the low-pass layer
of the WaveCNet authors, written anew from their formulas: four matrices made row by row at every call, of which the two
low ones are multiplied with the map. WaveResNet-18 filters after convolutions of stride 1, so that it has 1.29 times
the multiplications of the plain network: the layers can cost little, the network cannot.
"""

import argparse
import copy
import warnings

import pywt
import torch
import torchvision
from torch import nn

from _dwt_peers import dense_matrices
from common import MIB, compare, gate, peak_memory, require_close, write
from subband.layers import LowPass
from subband.models import wavecnet

warnings.filterwarnings("ignore", message=".*channels_last.*")
PLAIN, LAST, DENSE = "ResNet-18", ", channels last", "haar, dense matrices"
MULTIPLICATIONS = 1.28  # of WaveResNet-18 over ResNet-18


class DenseLowPass(nn.Module):
    """Low band of an image by the authors' dense matrices, made at every call."""

    def __init__(self, wavelet: str) -> None:
        super().__init__()
        self.wavelet = pywt.Wavelet(wavelet)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply the map with the low matrix of each axis."""
        taps = (self.wavelet.dec_lo[::-1], self.wavelet.dec_hi[::-1])
        (rows, _), (columns, _) = (dense_matrices(size, taps, x.dtype) for size in x.shape[-2:])
        return rows @ x @ columns.t()


def with_dense_matrices(network: nn.Module) -> nn.Module:
    """A copy with the authors' layer in the place of each of ours."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, LowPass):
                setattr(module, name, DenseLowPass(child.wavelet))
    return network


def step_of(network, image):
    """One forward and backward; returns the logits and the gradients."""
    weights = list(network.parameters())

    def step():
        logits = network(image)
        return logits, torch.autograd.grad(logits.square().mean(), weights)

    return step


def low_pass_steps(network, image):
    """Forward and backward of the low-pass layers alone, at the sizes and in the order that the network gives them."""
    met = []
    layers = [module for module in network.modules() if isinstance(module, LowPass)]
    hooks = [layer.register_forward_hook(lambda own, given, out: met.append((own, given[0], out))) for layer in layers]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    inputs = [(own, x.detach().clone().requires_grad_(), torch.randn_like(out)) for own, x, out in met]
    return lambda: [torch.autograd.grad(own(x), x, slope) for own, x, slope in inputs]


def cases_of(batch, size):
    """Steps of all networks, and of the low-pass layers alone."""
    image = torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(0))
    networks = {PLAIN: torchvision.models.resnet18(weights=None)}
    networks |= {wavelet: wavecnet("resnet18_dwt", wavelet) for wavelet in ("haar", "db4")}
    steps = {}
    for suffix, layout in (("", torch.contiguous_format), (LAST, torch.channels_last)):
        for name, network in networks.items():
            moved, given = copy.deepcopy(network).to(memory_format=layout), image.contiguous(memory_format=layout)
            steps[name + suffix] = step_of(moved, given)
            if name != PLAIN:
                steps[f"{name}{suffix}, low-pass layers alone"] = low_pass_steps(moved, given)
    steps[DENSE] = step_of(with_dense_matrices(networks["haar"]), image)
    check(networks, image)
    return steps


def check(networks, image):
    """Logits and gradients: ours in both orders in memory against the dense matrices, in float64."""
    small = image[:1].double()
    for wavelet in ("haar", "db4"):
        network = networks[wavelet].eval()
        expected = step_of(with_dense_matrices(network).double(), small)() if wavelet == "haar" else None
        for layout in (torch.contiguous_format, torch.channels_last):
            moved = copy.deepcopy(network).double().to(memory_format=layout)
            found = step_of(moved, small.contiguous(memory_format=layout))()
            expected = expected or found
            require_close(f"{wavelet}, {layout}, logits", found[0], expected[0], 1e-6)
            for one, other in zip(found[1], expected[1], strict=True):
                require_close(f"{wavelet}, {layout}, gradient", one, other, 1e-6)
        network.train()


def gates_of(cases, steps):
    """Bounds of the ratio of a whole step, and of the layers' own share."""
    found = []
    for suffix in ("", LAST):
        plain = cases[PLAIN + suffix]["ratio"]
        for wavelet in ("haar", "db4"):
            name = wavelet + suffix
            alone = cases[f"{name}, low-pass layers alone"]["ratio"]
            share, slower = alone / cases[name]["ratio"], cases[name]["ratio"] / plain
            found += [
                gate(
                    f"WaveResNet-18 over ResNet-18, {name}",
                    round(slower, 3),
                    at_most=round(1.1 * MULTIPLICATIONS, 3),
                    goal=1.15 if suffix else None,
                    case=steps[name],
                ),
                gate(f"share of the low-pass layers, {name}", round(share, 4), at_most=0.05, goal=0.01),
            ]
    dense = cases[DENSE]["ratio"] / cases["haar"]["ratio"]
    return [*found, gate("step with dense matrices over ours, haar", round(dense, 3), at_least=1)]


def main() -> None:
    """Measure and write ``results/networks.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--small", action="store_true", help="one image of 64 x 64, to try the script out")
    given = parser.parse_args()
    batch, size = (1, 64) if given.small else (4, 224)
    torch.manual_seed(0)
    steps = cases_of(batch, size)
    timing = compare(steps, reference=PLAIN, rounds=given.rounds, budget_s=60)
    for name, row in timing["cases"].items():
        if "alone" not in name:
            row["images_per_second"] = round(1e3 * batch / row["median_ms"], 2)
    measured = (PLAIN, "haar", "haar" + LAST, DENSE)
    timing["memory_mb"] = {name: round(peak_memory(steps[name], warmups=0) / MIB, 1) for name in measured}
    title = "Training step of WaveResNet-18 and of ResNet-18, one thread"
    shape = f"{batch} x 3 x {size} x {size}"
    write("networks", {"title": title, "timings": {shape: timing}, "gates": gates_of(timing["cases"], steps)})
    print({name: row["median_ms"] for name, row in timing["cases"].items()})


if __name__ == "__main__":
    main()
