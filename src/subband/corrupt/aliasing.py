"""Aliasing energy: what part of a map's energy a network's down-sampling layers fold onto lower frequencies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import fft
from torch import Tensor, nn

from subband._check import positive

BANDS = 16
"""Frequency bands of a spectrum, equal parts of 0 to half a cycle a pixel."""


@dataclass(frozen=True)
class AliasingRow:
    """One layer that samples down.

    Attributes:
        name: Name of the module in the network.
        kind: Its class.
        stride: What its sides are divided by.
        size: Height and width of its input in pixels.
        before: Part of its input's energy above the new Nyquist frequency, in [0, 1].
        aliased: That part of what it samples, which is its output at every pixel, in [0, 1]: this is folded.
        spectrum_before: Energy of the input by frequency, parts of the whole, in `BANDS` bands.
        spectrum_sampled: The same of what it samples.
    """

    name: str
    kind: str
    stride: tuple[int, int]
    size: tuple[int, int]
    before: float
    aliased: float
    spectrum_before: tuple[float, ...]
    spectrum_sampled: tuple[float, ...]


def aliasing_energy(model: nn.Module, image: Float[Tensor, "batch channels height width"]) -> list[AliasingRow]:
    r"""Spectral energy above the new Nyquist frequency at each layer that samples down.

    .. math:: \frac{\sum_{k_1 \ge N_1 / s_1 \,\lor\, k_2 \ge N_2 / s_2} |\hat y_k|^2}{\sum_{k \ne 0} |\hat y_k|^2}

    y is the layer's output at every pixel, before every s-th is kept: for a strided convolution the convolution of
    stride 1, for max-pooling the running maximum, for a low-pass filter the filtered map. It is put together from the
    outputs for the :math:`s_1 s_2` shifts of the layer's input, so any layer will do, vanilla or waveletized.
    :math:`\hat y` is its cosine transform, which sees no jump at the borders; the mean of a channel does not count.

    Args:
        model: Network; it runs in evaluation mode without gradients and is left as it was found.
        image: What it takes, (B, C, H, W); all images and channels are summed.

    Returns:
        One row for each call of a layer that samples down, in the order of the calls. Layers are modules without
        children; adaptive pools, and functions that a module with children calls, are not seen.

    Raises:
        ValueError: If no layer samples down.

    Source:
        Ours. Zhang 2019 (arXiv:1904.11486) and Li et al. 2020 (arXiv:2005.03337) argue with this energy and give no
        figure.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
        >>> [round(row.aliased, 1) for row in aliasing_energy(nn.Conv2d(1, 1, 1, stride=2), stripes)]
        [1.0]
    """
    calls: list[tuple[str, nn.Module, Tensor, tuple[int, int]]] = []
    hooks = [
        module.register_forward_hook(_recorder(name, calls))
        for name, module in model.named_modules()
        if not any(True for _ in module.children())
    ]
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            model(image)
            for hook in hooks:
                hook.remove()
            rows = [_row(*call) for call in calls]
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in modes:
            part.training = training
    if not rows:
        raise ValueError(
            f"no layer of this {type(model).__name__} samples a map down; pools called as functions are not seen"
        )
    return rows


def high_frequency_share(map_: Float[Tensor, "*batch height width"], stride: tuple[int, int] = (2, 2)) -> float:
    r"""Part of a map's energy at or above the Nyquist frequency of a grid ``stride`` times coarser.

    Args:
        map_: Maps (..., H, W); their energies are summed, their means do not count.
        stride: What the sides are to be divided by.

    Returns:
        A number in [0, 1]; 0 for constant maps.

    Example:
        >>> import torch
        >>> high_frequency_share(torch.tensor([1.0, -1.0]).repeat(8).expand(16, 16)) > 0.9
        True
    """
    positive(rows=stride[0], columns=stride[1])
    energy = _energy(map_)
    rows, columns = (np.arange(size) * step >= size for size, step in zip(energy.shape, stride, strict=True))
    total = float(energy.sum())
    return float(energy[rows[:, None] | columns].sum()) / total if total else 0.0


def spectrum(map_: Float[Tensor, "*batch height width"]) -> tuple[float, ...]:
    """Energy of a map by the larger of its two frequencies: parts of the whole in `BANDS` bands."""
    energy = _energy(map_)
    rows, columns = (np.arange(size) * BANDS // size for size in energy.shape)
    sums = np.bincount(np.maximum(rows[:, None], columns).ravel(), energy.ravel(), BANDS)
    total = sums.sum()
    return tuple((sums / total if total else sums).tolist())


def _energy(map_: Tensor) -> NDArray[np.float64]:
    """Squared cosine transform, summed over all but the last two axes, without the mean."""
    values = map_.detach().double().cpu().numpy()
    waves = fft.dctn(values, axes=(-2, -1), norm="ortho").reshape(-1, *values.shape[-2:])
    waves[:, 0, 0] = 0
    return np.asarray(np.square(waves).sum(0), np.float64)


def _recorder(name: str, calls: list[tuple[str, nn.Module, Tensor, tuple[int, int]]]) -> Any:
    def record(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        x = inputs[0] if inputs else None
        if not (isinstance(x, Tensor) and isinstance(output, Tensor) and x.ndim == output.ndim == 4):
            return
        if "Adaptive" in type(module).__name__ or output.shape[-2:].numel() in (1, x.shape[-2:].numel()):
            return
        stride = _stride(module, x, output)
        if max(stride) > 1 and output.shape[-2] <= x.shape[-2]:
            calls.append((name, module, x.clone(), stride))

    return record


def _stride(module: nn.Module, x: Tensor, output: Tensor) -> tuple[int, int]:
    """What a layer says its stride is, else what it divides the sides by."""
    said = getattr(module, "stride", None)
    if isinstance(said, int):
        return said, said
    if isinstance(said, tuple) and len(said) == 2:
        return int(said[0]), int(said[1])
    rows, columns = (max(round(a / b), 1) for a, b in zip(x.shape[-2:], output.shape[-2:], strict=True))
    return rows, columns


def _row(name: str, module: nn.Module, x: Tensor, stride: tuple[int, int]) -> AliasingRow:
    sampled = _at_every_pixel(module, x, stride)
    return AliasingRow(
        name=name,
        kind=type(module).__name__,
        stride=stride,
        size=(int(x.shape[-2]), int(x.shape[-1])),
        before=high_frequency_share(x, stride),
        aliased=high_frequency_share(sampled, stride),
        spectrum_before=spectrum(x),
        spectrum_sampled=spectrum(sampled),
    )


def _at_every_pixel(module: nn.Module, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """Output of a layer without its stride, from its outputs for all shifts of the input within the stride."""
    down, right = stride
    wide = F.pad(x, (0, right - 1, 0, down - 1), mode="replicate")
    height, width = x.shape[-2:]
    rows = []
    for top in range(down):
        parts = [module(wide[..., top : top + height, left : left + width]) for left in range(right)]
        rows.append(torch.stack(parts, -1).flatten(-2))
    stacked = torch.stack(rows, -2)
    return stacked.flatten(-3, -2)
