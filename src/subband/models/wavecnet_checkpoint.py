"""Checkpoints of the authors' WaveCNets, whose entries have other names than torchvision's."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

_RESNET = re.compile(r"(layer[234]\.0\.)(?:(conv[23])\.(weight)|downsample\.([01])\.(.*))")
_MOBILENET = re.compile(r"(features\.(?:2|4|7|14)\.conv\.)([23])(\..*)")
_WRAPPED = re.compile(r"^(module\.)?(features\.)?(module\.)?")


def authors_names(names: Iterable[str]) -> dict[str, str]:
    """Names that the authors' networks give to entries of a torchvision state.

    Args:
        names: Names of the whole state of a ResNet, a MobileNetV2, or another network, whose names stay.

    Returns:
        Our name: theirs.

    Example:
        >>> authors_names(["layer2.0.conv2.weight", "fc.bias"])
        {'layer2.0.conv2.weight': 'layer2.0.conv2.1.weight', 'fc.bias': 'fc.bias'}
    """
    known = list(names)
    bottleneck = "layer2.0.conv3.weight" in known
    mobile = "features.2.conv.0.0.weight" in known
    return {name: _authors_name(name, bottleneck, mobile) for name in known}


def _authors_name(name: str, bottleneck: bool, mobile: bool) -> str:
    if match := _RESNET.fullmatch(name):
        block, conv, weight, place, rest = match.groups()
        if conv:
            return f"{block}{conv}.1.{weight}" if conv == ("conv3" if bottleneck else "conv2") else name
        return f"{block}downsample.{int(place) + 1}.{rest}"
    if mobile and (match := _MOBILENET.fullmatch(name)):
        return f"{match[1]}{int(match[2]) + 1}{match[3]}"
    return name.replace("classifier.1.", "classifier.0.") if mobile else name


@dataclass(frozen=True)
class Loaded:
    """What `load_authors_wavecnet` did.

    Attributes:
        loaded: Our names that got the checkpoint's numbers.
        missing: Our names that the checkpoint lacks; they keep their numbers.
        reshaped: Our names that have another shape there; they keep their numbers.
        left: Names of the checkpoint that went nowhere.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    reshaped: tuple[str, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} entries loaded"]
        for label, names in (("missing", self.missing), ("of another shape", self.reshaped), ("left over", self.left)):
            lines += (
                [f"{len(names)} {label}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"] if names else []
            )
        return "\n".join(lines)


def load_authors_wavecnet(model: nn.Module, state: Mapping[str, Any]) -> Loaded:
    """Load a checkpoint of the authors, or of torchvision, into a converted network.

    Args:
        model: What `wavecnet` or `subband.layers.waveletize` returned.
        state: ``state_dict`` of the authors' network or of torchvision's, or a checkpoint that holds one as
            ``state_dict``; prefixes of ``DataParallel`` are taken off.

    Returns:
        What was loaded and what did not fit, e.g. a classifier of other classes; ``print`` it.

    Raises:
        ValueError: If nothing fits.

    Source:
        Names as in LiQiufu/WaveCNet, whose filters take a number in their ``nn.Sequential``; its checkpoints come from
        ``DataParallel``, for VGG around ``features`` alone.

    Example:
        >>> from subband.models.wavecnet import wavecnet
        >>> model = wavecnet("resnet18_dwt", classes=10)
        >>> print(load_authors_wavecnet(model, {"module.layer2.0.conv2.1.weight": model.layer2[0].conv2.weight}))
        1 entries loaded
        121 missing: conv1.weight, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var, ...
    """
    inner = state.get("state_dict", state)
    given = {_WRAPPED.sub(r"\2", name): value for name, value in inner.items() if isinstance(value, Tensor)}
    own = model.state_dict()
    authors, same = authors_names(own), {name: name for name in own}
    names = max((authors, same), key=lambda one: sum(_fits(own[ours], given.get(one[ours])) for ours in own))
    fitting = [ours for ours in own if _fits(own[ours], given.get(names[ours]))]
    if not fitting:
        first, ours = next(iter(given), None), next(iter(own), None)
        raise ValueError(
            f"no entry of the checkpoint fits this network: it begins with {first!r}, the network with {ours!r}; "
            "give a state_dict of the same network"
        )
    model.load_state_dict({ours: given[names[ours]] for ours in fitting}, strict=False)
    rest = [ours for ours in own if ours not in set(fitting)]
    return Loaded(
        tuple(fitting),
        tuple(ours for ours in rest if names[ours] not in given),
        tuple(ours for ours in rest if names[ours] in given),
        tuple(name for name in given if name not in set(names.values())),
    )


def _fits(own: Tensor, given: Tensor | None) -> bool:
    return given is not None and own.shape == given.shape
