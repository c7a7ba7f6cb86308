"""Any network as an embedder of faces: IResNet, or one of torchvision or timm with another end, with wavelets."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from subband._check import closest
from subband.models.classifiers import CONVERSION, classifier, with_wavelets
from subband.models.iresnet import DEPTHS, IResNet

NAMES = tuple(f"iresnet{depth}" for depth in DEPTHS["authors"])
_OWN = [name for name in inspect.signature(IResNet).parameters if name not in ("channels", "features", "size")]


def embedder(
    name: str = "iresnet50",
    *,
    channels: int = 3,
    features: int = 512,
    size: int | Sequence[int] = 112,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network from images to embeddings with random weights, and convert it if ``options`` hold a wavelet.

    The last linear layer of a classifier becomes normalisation, a linear layer without bias, and normalisation with a
    scale fixed at 1, as in IResNet.

    Args:
        name: ``iresnet18`` to ``iresnet200``, ``iresnet`` with the option ``depth``, or a name that
            `subband.models.classifier` knows: ``cifar-resnet``, ``resnet18``, ``timm/convnext_atto``.
        channels: Channels of the image.
        features: Length of the embedding.
        size: Height and width of the images, in pixels; IResNet needs it, the others take any that they can.
        options: ``wavelet`` (``none``, a wavelet or a blur) and the other options of `subband.layers.waveletize`; the
            others are the network's own, such as IResNet's ``variant`` and ``width``.

    Returns:
        A network from images (B, C, H, W) to embeddings (B, features), not normalised.

    Raises:
        ValueError: If the name or an option is unknown, or a classifier does not end in a linear layer.
        ImportError: If the package of the name is not installed.

    Source:
        Deng et al., ArcFace, 2019 (arXiv:1801.07698), section 3.1, structure E, which also has dropout; global mean or
        what the classifier has instead stands before it here.

    Example:
        >>> import torch
        >>> network = embedder("cifar-resnet", features=32, options={"width": 4, "blocks": 1, "wavelet": "haar"})
        >>> network(torch.zeros(2, 3, 40, 40)).shape
        torch.Size([2, 32])
    """
    if name.startswith("iresnet"):
        depth = _depth(name, dict(options or {}))
        return with_wavelets(name, options, lambda own: _iresnet(name, depth, own, channels, features, size))
    return _with_embedding(classifier(name, channels=channels, classes=features, options=options), features)


def _depth(name: str, options: dict[str, Any]) -> int | None:
    """Depth that the name tells, None for the option's."""
    if name == "iresnet":
        if "depth" not in options:
            raise ValueError(
                "the network 'iresnet' needs the option depth: the blocks of its four stages, [1, 1, 1, 1]"
            )
        return None
    if name not in NAMES:
        raise ValueError(
            f"there is no embedder called {name!r}{closest(name, NAMES)} (known: iresnet, {', '.join(NAMES)})"
        )
    return int(re.sub(r"\D", "", name))


def _iresnet(
    name: str, depth: int | None, options: dict[str, Any], channels: int, features: int, size: int | Sequence[int]
) -> IResNet:
    known = [key for key in _OWN if depth is None or key != "depth"]
    for key in options:
        if key not in known:
            free = [*known, *CONVERSION]
            raise ValueError(
                f"the network {name!r} has no option {key!r}{closest(key, free)} (known: {', '.join(free)})"
            )
    blocks: int | Sequence[int] = depth or options.pop("depth")
    return IResNet(blocks, **options, channels=channels, features=features, size=size)


def _with_embedding(network: nn.Module, features: int) -> nn.Module:
    """Put the embedding's layers in the place of the last linear layer."""
    linear = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1][1].out_features != features:
        raise ValueError(
            f"{type(network).__name__} does not end in a linear layer, where the embedding goes; choose another"
        )
    name, last = linear[-1]
    scaled = nn.BatchNorm1d(features)
    scaled.weight.requires_grad_(False)
    head = nn.Sequential(nn.BatchNorm1d(last.in_features), nn.Linear(last.in_features, features, bias=False), scaled)
    network.set_submodule(name, head)
    return network
