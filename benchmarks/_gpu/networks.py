"""Section on WaveResNet-50: images per second beside the plain network and the authors' layers."""

import torch

from _authors import DenseLowPass
from _gpu.clock import Given, Rows, Work, ratios

TAPS = (0.5**0.5, 0.5**0.5)  # of haar
VANILLA, DENSE = "plain", "haar, authors' layers"


def waveresnet(given: Given) -> dict[str, Rows]:
    """One training step in bfloat16 and channels last; the authors' layers make their matrices at every call."""
    batch, size = (2, 32) if given.small else (64, 224)
    image = torch.randn((batch, 3, size, size), generator=torch.Generator().manual_seed(20261)).to(given.device)
    image = image.contiguous(memory_format=torch.channels_last)
    depth = 18 if given.small else 50
    works = {name: step(network(name, depth).to(given.device), image) for name in (VANILLA, "haar", "db4", DENSE)}
    rows = ratios(works, given, VANILLA)
    for row in rows.values():
        row["images_per_s"] = None if row["median_ms"] is None else 1e3 * batch / row["median_ms"]
    return {f"ResNet-{depth}, B={batch}, {size} x {size}, bfloat16, channels last": rows}


def network(name: str, depth: int) -> torch.nn.Module:
    """A ResNet in one of its forms, channels last."""
    import torchvision

    from subband.layers import LowPass, waveletize

    torch.manual_seed(0)
    model = torchvision.models.get_model(f"resnet{depth}", weights=None)
    if name != VANILLA:
        waveletize(model, "haar" if name == DENSE else name, skip=("conv1",))
    if name == DENSE:
        for module in list(model.modules()):
            for child, layer in module.named_children():
                if isinstance(layer, LowPass):
                    setattr(module, child, DenseLowPass(TAPS))
    return model.to(memory_format=torch.channels_last)


def step(model: torch.nn.Module, image: torch.Tensor) -> Work:
    """Forward and backward under autocast."""

    def work() -> None:
        with torch.autocast(image.device.type, dtype=torch.bfloat16):
            value = model(image).float().square().mean()
        value.backward()
        model.zero_grad(set_to_none=True)

    return work
