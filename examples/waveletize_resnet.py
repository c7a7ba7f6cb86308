"""A ResNet made a WaveCNet: what was converted, what stays as it was, and how both answer to a shift by one pixel."""

import torch
import torchvision
from torch import nn

from subband.layers import conversion_report, waveletize


def change(network: nn.Module, images: torch.Tensor) -> float:
    """How much the logits move when the images move by a pixel, relative to the logits."""
    with torch.inference_mode():
        here, there = network(images[..., :-1]), network(images[..., 1:])
    return float((here - there).norm() / here.norm())


def main() -> None:
    """Print the report, and the change of plain, wavelet and blurred networks with the same random weights."""
    torch.manual_seed(0)
    plain = torchvision.models.resnet18(num_classes=10).eval()
    state = plain.state_dict()
    images = torch.rand(4, 3, 65, 98)

    networks = {"plain": plain}
    for name in ("haar", "ch3.3", "blur3"):
        network = torchvision.models.resnet18(num_classes=10)
        waveletize(network, name, skip="stem", gain="dc1")  # the means of the plain network stay
        network.load_state_dict(state, strict=True)  # its checkpoint fits as it is
        networks[name] = network.eval()
    print(conversion_report(networks["haar"]))

    for name, network in networks.items():
        moved = 100 * change(network, images)
        print(f"{name:<6} logits {tuple(network(images).shape)}, changed by a shift: {moved:5.2f} %")


if __name__ == "__main__":
    main()
