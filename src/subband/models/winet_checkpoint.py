"""WiNet weights that the authors' code saved."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from subband.models.winet import WiNet

_HEADS = ("f_1_8", "f_1_4", "f_1_2")
_FIRST = "layer1.conv1.conv.weight"


def authors_winet_name(name: str) -> str:
    """Name that the authors give to an entry of our state: ``down.0.first.bias`` is ``layer1.conv1.conv.bias``."""
    part, number, *inner, kind = name.split(".")
    place = int(number) + 1
    if part == "smooth":
        return f"conv{place}.{kind}"
    if part == "refine":
        return f"group_conv{place}.{0 if inner == ['first'] else 2}.{kind}"
    if inner == ["head"]:
        return f"{_HEADS[place - 1]}.0.{kind}"
    if inner == ["enlarge"]:
        return f"up_conv{place}.up.0.deconv.{kind}"
    level = f"layer{place}" if part == "down" else f"up_conv{place}"
    return f"{level}.conv{1 if inner[-1] == 'first' else 2}.conv.{kind}"


def load_authors_winet(model: WiNet, state: Mapping[str, Any]) -> None:
    """Load weights that the authors' code saved.

    Give the model the options of the weights, which do not name them: ``border="authors"`` and the wavelet and
    ``diffeomorphic`` of the training.

    Args:
        model: A 3-D `WiNet` of one channel and the same width.
        state: ``state_dict()`` of the authors' ``WiNet``, or a checkpoint that holds one as ``state_dict``; what stands
            in front of its names is taken off. Read it with ``torch.load(path, weights_only=True)``.

    Raises:
        ValueError: If names are missing, left over, or of another shape.

    Source:
        Names as in x-xc/WiNet, ``Model.py``.

    Example:
        >>> model = WiNet(width=1, border="authors")
        >>> own = {name: value for name, value in model.state_dict().items() if name != "_extra_state"}
        >>> load_authors_winet(model, {f"net.{authors_winet_name(name)}": value for name, value in own.items()})
    """
    found = state.get("state_dict", state)
    prefix = next((name.removesuffix(_FIRST) for name in found if name.endswith(_FIRST)), None)
    if prefix is None:
        raise ValueError(
            f"the given state has no {_FIRST}, which the authors' WiNet has; "
            "give its state_dict, and one of ours to load_state_dict"
        )
    given = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
    own = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    names = {authors_winet_name(name): name for name in own}
    strange = sorted(set(names) ^ set(given))
    if strange:
        where = "missing in" if strange[0] in names else "left over from"
        raise ValueError(f"{len(strange)} names differ, the first is {strange[0]!r} ({where} the given state)")
    for theirs, ours in names.items():
        if own[ours].shape != given[theirs].shape:
            raise ValueError(
                f"{theirs} has shape {tuple(given[theirs].shape)}, but this network needs {tuple(own[ours].shape)}; "
                f"width is a fourth of the {given[_FIRST].shape[0]} channels of {_FIRST}, dims are 3, channels 1"
            )
    model.load_state_dict({ours: given[theirs] for theirs, ours in names.items()}, strict=False)
