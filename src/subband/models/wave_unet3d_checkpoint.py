"""Weights of the seven neuron networks that the authors' code saved."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from subband.models.wave_unet3d import LEVELS, WaveUNet3d

_FIRST = "cov3d_11_en.cov.weight"
_PIECES = {"0": ("1", "cov"), "1": ("1", "bn"), "3": ("2", "cov"), "4": ("2", "bn")}


def authors_cube_name(name: str) -> str:
    """Name that the authors give to an entry of our state: ``encoder.0.1.bias`` is ``cov3d_11_en.bn.bias``."""
    part, *inner, kind = name.split(".")
    if part == "head":
        return f"cov_final.{kind}"
    if part == "bottom":
        number, piece = _PIECES[inner[0]]
        return f"cov3d_{LEVELS + 1}{number}.{piece}.{kind}"
    place = int(inner[0])
    level = place + 1 if part in ("encoder", "down") else LEVELS - place
    if part in ("down", "up"):
        return f"{part}sampling_{level}.{kind}"
    number, piece = _PIECES[inner[1]]
    return f"cov3d_{level}{number}_{part[:2]}.{piece}.{kind}"


def load_authors_wave_unet3d(model: WaveUNet3d, state: Mapping[str, Any]) -> None:
    """Load weights that the authors' code saved.

    Give the model the options of the weights, which do not name them (see the table of `WaveUNet3d`):
    ``mode="authors"``, the samplers, the threshold, and the wavelet, ``chX.Y`` for their ``biorX.Y``.

    Args:
        model: A network of the same samplers, width, channels and classes.
        state: ``state_dict()`` of one of the authors' ``Neuron_*`` networks, or a checkpoint that holds one as
            ``state_dict``; what stands in front of its names is taken off. Read it with
            ``torch.load(path, weights_only=True)``.

    Raises:
        ValueError: If names are missing, left over, or of another shape.

    Source:
        Names as in LiQiufu/3D-WaveUNet, ``neuron_net.py``.

    Example:
        >>> model = WaveUNet3d(width=1, mode="authors")
        >>> load_authors_wave_unet3d(
        ...     model, {f"module.{authors_cube_name(name)}": value for name, value in model.state_dict().items()}
        ... )
    """
    found = state.get("state_dict", state)
    prefix = next((name.removesuffix(_FIRST) for name in found if name.endswith(_FIRST)), None)
    if prefix is None:
        raise ValueError(
            f"the given state has no {_FIRST}, which the authors' neuron networks have; "
            "give their state_dict, and one of ours to load_state_dict"
        )
    given = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
    own: dict[str, Tensor] = model.state_dict()
    names = {authors_cube_name(name): name for name in own}
    strange = sorted(set(names) ^ set(given))
    if strange:
        where = "missing in" if strange[0] in names else "left over from"
        raise ValueError(
            f"{len(strange)} names differ, the first is {strange[0]!r} ({where} the given state); "
            "choose down and up as those of the network that it is of"
        )
    for theirs, ours in names.items():
        if own[ours].shape != given[theirs].shape:
            raise ValueError(
                f"{theirs} has shape {tuple(given[theirs].shape)}, but this network needs {tuple(own[ours].shape)}; "
                f"check channels and classes, skip, and that width is the {len(given[_FIRST])} of {_FIRST}"
            )
    model.load_state_dict({ours: given[theirs] for theirs, ours in names.items()})
