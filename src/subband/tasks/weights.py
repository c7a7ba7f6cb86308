"""Weights of an image classifier for the encoder of a network, a classifier, or a detector."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

PREFIXES = ("", "encoder.", "backbone.", "features.")
"""What may stand before the encoder's names in a checkpoint; ``module.`` of parallel training is taken out first."""


@dataclass(frozen=True)
class Matched:
    """What a checkpoint gave an encoder or a classifier.

    Attributes:
        loaded: Its entries that were filled.
        kept: Its entries that stay as they were.
        left: Entries of the checkpoint that it has no place for.
        part: What was filled, in a word.
    """

    loaded: list[str]
    kept: list[str]
    left: list[str]
    part: str = "encoder"

    def __str__(self) -> str:
        words = [f"{len(self.loaded)} of {len(self.loaded) + len(self.kept)} entries of the {self.part} are filled"]
        if self.kept:
            words.append(f"{_first(self.kept)} stay{'s' * (len(self.kept) == 1)} random")
        if self.left:
            words.append(f"{_first(self.left)} of the checkpoint {'has' if len(self.left) == 1 else 'have'} no place")
        return "; ".join(words)


def load_encoder(network: nn.Module, path: Path) -> Matched:
    """Fill the ``encoder`` of a network from a checkpoint file, read with ``weights_only=True``.

    Args:
        network: Has a module ``encoder``; its head keeps its weights.
        path: A state dictionary, or a checkpoint with one under ``state_dict`` or ``model``: torchvision's, the
            WaveSNet authors', or one of ours.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, there is no encoder, or nothing fits.
    """
    return fill_encoder(network, read_state(path), name=str(path))


def load_classifier(network: nn.Module, path: Path) -> Matched:
    """Fill a classifier from a checkpoint file; entries of another shape, as logits of other classes, stay random.

    Args:
        network: Plain or converted, whose names are the same.
        path: As for `load_encoder`.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, or nothing fits.
    """
    return _fill(
        network, read_state(path), name=str(path), kind="network", where=f"the network {type(network).__name__}"
    )


def load_detector(network: nn.Module, path: Path) -> Matched:
    """Fill the backbone of a detector from an image classifier's checkpoint, or all of it from a detector's.

    Args:
        network: Detector of `subband.models.detector`, plain or converted, whose names are torchvision's.
        path: As for `load_encoder`; entries of another shape, as scores of other classes, stay random.

    Raises:
        ValueError: If there is no such file, it holds more than tensors, or nothing fits.
    """
    state = read_state(path)
    whole = any("backbone.body." in name for name in state)
    part = network if whole else network.get_submodule("backbone.body")
    kind = "detector" if whole else "backbone"
    return _fill(part, state, name=str(path), kind=kind, where=f"the {kind} of the {type(network).__name__}")


def read_state(path: Path) -> Mapping[str, Any]:
    """State dictionary of a checkpoint file, read with ``weights_only=True``.

    Raises:
        ValueError: If there is no such file, or it holds more than tensors.
    """
    if not path.is_file():
        raise ValueError(f"there is no checkpoint {path}; download it yourself, and name it as model.weights")
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except (UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} is no checkpoint of tensors alone: {str(error).splitlines()[0]}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, but must hold a state dictionary")
    found: Mapping[str, Any] = next(
        (content[key] for key in ("state_dict", "model") if isinstance(content.get(key), Mapping)), content
    )
    return found


def fill_encoder(network: nn.Module, state: Mapping[str, Any], *, name: str = "the checkpoint") -> Matched:
    """Fill the ``encoder`` of a network from entries of the same name and shape.

    Names may stand under ``encoder.``, ``backbone.`` or ``features.``; the prefix that fits most entries is taken.

    Raises:
        ValueError: If the network has no encoder, or nothing fits.
    """
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ValueError(f"{type(network).__name__} has no encoder to initialise; leave model.weights out")
    return _fill(encoder, state, name=name, kind="encoder", where=f"the encoder of {type(network).__name__}")


def _fill(part: nn.Module, state: Mapping[str, Any], *, name: str, kind: str, where: str) -> Matched:
    """Fill a module from entries of the same name, but for a prefix, and shape.

    Raises:
        ValueError: If nothing fits.
    """
    given = {key.replace("module.", ""): value for key, value in state.items() if isinstance(value, Tensor)}
    own = part.state_dict()
    by_prefix = (_fitting(own, given, prefix) for prefix in PREFIXES)
    best = max(by_prefix, key=len)
    learnt = [key for key in best if not key.endswith("num_batches_tracked")]
    if not learnt:
        raise ValueError(f"nothing in {name} fits {where}: it has {_names(given)}, but the {kind} needs {_names(own)}")
    part.load_state_dict({key: given[theirs] for key, theirs in best.items()}, strict=False)
    used = set(best.values())
    return Matched(list(best), [key for key in own if key not in best], [key for key in given if key not in used], kind)


def _fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor], prefix: str) -> dict[str, str]:
    """Our names and theirs, of entries with one shape."""
    return {
        key: prefix + key
        for key, value in own.items()
        if prefix + key in given and given[prefix + key].shape == value.shape
    }


def _first(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _names(entries: Mapping[str, Tensor]) -> str:
    shown = [f"{key} {tuple(value.shape)}" for key, value in list(entries.items())[:3]]
    return ", ".join(shown) + (", ..." if len(entries) > 3 else "") if shown else "no tensors"
