"""Checkpoints of others for IResNet: insightface's and the authors'."""

import re
from collections.abc import Mapping

from torch import Tensor

from subband._check import closest
from subband.models.iresnet import IResNet

_TOP = {"bn2": "bn4", "fc": "fc5", "features": "bn5"}
_BLOCK = {"bn1": "bn0", "bn2": "bn1", "bn3": "bn2"}


def load_iresnet(model: IResNet, state: Mapping[str, Tensor]) -> IResNet:
    """Load a state dict of insightface's ``iresnet`` or of the authors' ``LResNetXEIR``, whose heads are left out.

    Args:
        model: Network of the same depth, width and form.
        state: As read with ``torch.load(path, weights_only=True)``.

    Returns:
        The same network.

    Raises:
        ValueError: If names or shapes do not fit.

    Example:
        >>> model = IResNet((1, 1, 1, 1), size=16, width=4, features=8)
        >>> state = {"module." + name: value for name, value in model.state_dict().items()}
        >>> load_iresnet(model, state) is model
        True
    """
    plain = {name.removeprefix("module."): value for name, value in state.items()}
    plain = {name: value for name, value in plain.items() if not name.startswith(("sample_to_", "loss.", "head."))}
    if "features.weight" in plain:
        plain = {_ours(name): value for name, value in plain.items()}
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in plain:
            raise ValueError(f"the checkpoint has no {name!r}{closest(name, plain)}; build the network of its depth")
        if plain[name].numel() != value.numel():
            raise ValueError(
                f"{name!r} is {tuple(plain[name].shape)} in the checkpoint, but {tuple(value.shape)} in the network; "
                "build the network of its variant, width and size"
            )
    if unknown := [name for name in plain if name not in wanted]:
        raise ValueError(f"the checkpoint has {unknown[0]!r}, which the network has not; build the one of its depth")
    model.load_state_dict({name: plain[name].reshape(value.shape) for name, value in wanted.items()})
    return model


def _ours(name: str) -> str:
    """Our name of one of insightface's."""
    if block := re.fullmatch(r"(layer\d\.\d+)\.(\w+)\.(.+)", name):
        return f"{block[1]}.{_BLOCK.get(block[2], block[2])}.{block[3]}"
    first, _, rest = name.partition(".")
    return f"{_TOP.get(first, first)}.{rest}"
