"""What one layer of a network gives."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from subband._check import closest, positive


def named_layer(model: nn.Module, layer: str | nn.Module) -> nn.Module:
    """Return the layer of that name, such as ``layer3`` or ``layer3.1.conv2``, or the given one if it is the model's.

    Raises:
        ValueError: If the model has no such layer.

    Example:
        >>> named_layer(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), "1")
        ReLU()
    """
    modules = dict(model.named_modules())
    if isinstance(layer, nn.Module):
        if layer not in modules.values():
            raise ValueError(
                f"the layer {type(layer).__name__} is not of this {type(model).__name__}; give one of its own"
            )
        return layer
    if layer not in modules or not layer:
        raise ValueError(f"{type(model).__name__} has no layer called {layer!r}{closest(layer, filter(None, modules))}")
    found: nn.Module = modules[layer]
    return found


@torch.no_grad()
def layer_maps(
    model: nn.Module, layer: str | nn.Module, images: Float[Tensor, "batch bands height width"], *, batch: int = 64
) -> Float[Tensor, "batch channels rows columns"]:
    """Output of one layer for many images, without gradient, in evaluation mode; the model's mode is restored.

    Args:
        model: Network of images.
        layer: Its layer, by name or itself.
        images: Images (N, C, H, W), as the model takes them.
        batch: Images at a time.

    Raises:
        ValueError: If there is no such layer, or it was not run.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten())
        >>> layer_maps(model, "1", torch.zeros(5, 3, 9, 9), batch=2).shape
        torch.Size([5, 4, 4, 4])
    """
    positive(batch=batch, images=len(images))
    found: list[Tensor] = []
    handle = named_layer(model, layer).register_forward_hook(lambda module, given, output: found.append(output.clone()))
    modes = {part: part.training for part in model.modules()}
    try:
        model.eval()
        for start in range(0, len(images), batch):
            model(images[start : start + batch])
    finally:
        handle.remove()
        for module, training in modes.items():
            module.training = training
    if not found:
        raise ValueError(f"the layer {layer!r} was not run when the model saw the images; choose one that is")
    return torch.cat(found)[: len(images)]
