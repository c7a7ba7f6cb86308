"""ECLoss, a reconstruction: channels of one layer that each answer to one place of the face."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from subband._check import not_negative, one_of, positive
from subband.layers.layer_maps import named_layer
from subband.losses.recognition._templates import template_information

Channels = Literal["all", "top-half"] | Sequence[int]
NOTE = "ECLoss is a reconstruction from the paper's abstract; it is not verified against the paper"


FAINT = 0.01
"""Part of a channel's mean activation below which its map fades into a silent one."""


def ec_loss(
    maps: Float[Tensor, "batch channels height width"],
    *,
    channels: Channels = "all",
    tau: float = 10.0,
    beta: float = 16.0,
) -> Float[Tensor, ""]:
    r"""Reconstruction, not verified against the paper: minus the mutual information of maps and one-peak templates.

    .. math:: -\frac1{|C|} \sum_{c \in C} I(\hat x_c; T), \qquad \hat x = \frac{x}{\sum_p x_p}, \qquad
              T_\mu(p) = \tau \max(1 - \beta \, d(p, \mu), -1), \qquad T_- = -\tau

    with d the distance along the rows plus that along the columns, in units of the map's sides, and I over the batch:
    it is large if each image's map has a single peak, or is silent, and that tells images apart. A part whose place
    changes from image to image is such a peak; one that always stays where it is, as in aligned faces, is not.

    Args:
        maps: Activations x (B, C, H, W) of one layer; negative ones count as 0. Computed in float32 at least.
        channels: Channels C to average over: ``all``, ``top-half`` (those with the higher peaks, in the batch's mean),
            or their numbers.
        tau: Strength of the templates, without unit. A weaker one asks for sharper peaks, and starts slower.
        beta: How sharp a peak has to be: its template falls to -1 within 2 / beta of the side.

    Returns:
        A scalar in [-log B, 0], in nats.

    Raises:
        ValueError: If the maps are not four-dimensional, or an option is out of range.

    Source:
        Lin, Liu, Li and Shen, ECLoss, 2022 (arXiv:2207.02179), whose body we have not read: only that an "activation
        template matching loss" makes channels of a target layer detect parts. The formula is that of its namesake,
        Zhang et al., Interpretable convolutional neural networks, 2018 (arXiv:1710.00935), whose gradient this takes
        exactly. Departures from that: faces are one category; all templates are equally likely, which is what its prior
        gives then; a map is divided by its sum (at least `FAINT` of the channel's mean, so that a faint map counts as
        silent), because its tau, 0.5 / HW of the activations themselves, leaves no gradient after a batch
        normalisation; tau and beta (there 4) are ours, tuned in ``benchmarks/ecloss.py``.

    Example:
        >>> import torch
        >>> maps = torch.zeros(2, 1, 4, 4)
        >>> maps[0, 0, 0, 0] = maps[1, 0, 3, 3] = 1.0
        >>> bool(ec_loss(maps) < -0.08), ec_loss(torch.ones(2, 1, 4, 4)).abs().item() < 1e-6
        (True, True)
    """
    if maps.ndim != 4 or min(maps.shape) < 1 or not maps.is_floating_point():
        raise ValueError(
            f"maps have shape {tuple(maps.shape)} and dtype {maps.dtype}, but must be floating point (batch, channels, "
            "height, width) and not empty; choose a convolutional layer"
        )
    positive(tau=tau, beta=beta)
    with torch.autocast(maps.device.type, enabled=False):
        x = (maps if maps.dtype == torch.float64 else maps.float()).relu()
        x = x[:, _chosen(x, channels)]
        total = x.sum((2, 3), keepdim=True)
        least = (FAINT * total.mean(0)).clamp_min(torch.finfo(x.dtype).tiny)
        return -template_information(x / total.maximum(least), tau=tau, beta=beta).mean()


class ECLoss(nn.Module):
    """Reconstruction, not verified against the paper: `ec_loss` of one layer of a network, times a weight.

    Args:
        weight: Of this loss beside that of the faces.
        channels: As for `ec_loss`.
        tau: As for `ec_loss`.
        beta: As for `ec_loss`.

    Raises:
        ValueError: If an option is out of range.

    Source:
        As `ec_loss`.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())
        >>> explain = ECLoss(weight=0.1)
        >>> handle = explain.attach(model, "1")
        >>> found = model(torch.rand(2, 3, 6, 6))
        >>> explain().backward()
        >>> handle.remove()
    """

    note: ClassVar[str] = NOTE
    """What a report has to say about this loss."""

    def __init__(
        self, weight: float = 1.0, *, channels: Channels = "all", tau: float = 10.0, beta: float = 16.0
    ) -> None:
        super().__init__()
        not_negative(weight=weight)
        positive(tau=tau, beta=beta)
        if isinstance(channels, str):
            one_of("channels", channels, ("all", "top-half"))
        self.weight, self.channels, self.tau, self.beta = weight, channels, tau, beta
        self._maps: Tensor | None = None

    def attach(self, model: nn.Module, layer: str | nn.Module) -> RemovableHandle:
        """Watch a layer: while the model trains, what the layer gave last is what ``loss()`` is taken of.

        Args:
            model: Any network, in one process; under DistributedDataParallel its ``module``.
            layer: Convolutional layer or block, by name or itself, such as ``layer3``.

        Returns:
            A handle whose ``remove()`` ends it.

        Raises:
            ValueError: If the model has no such layer.
        """
        return named_layer(model, layer).register_forward_hook(self._keep)

    def forward(self, maps: Tensor | None = None) -> Float[Tensor, ""]:
        """Return the weight times `ec_loss` of the given maps, or of what the layer gave last, once.

        Raises:
            ValueError: If no maps are given and the model has not been run in training since the last call.
        """
        found = self._maps if maps is None else maps
        if found is None:
            raise ValueError("there are no maps: attach the loss to a layer and run the model in training before it")
        self._maps = None
        return self.weight * ec_loss(found, channels=self.channels, tau=self.tau, beta=self.beta)

    def _keep(self, module: nn.Module, given: object, output: object) -> None:
        if not isinstance(output, Tensor):
            raise ValueError(f"the layer gives {type(output).__name__}, but ECLoss needs the tensor of a convolution")
        if module.training and torch.is_grad_enabled():
            self._maps = output.relu()  # a copy, which a later in-place activation does not touch

    def extra_repr(self) -> str:
        """Options, for ``print``."""
        return f"weight={self.weight:g}, channels={self.channels!r}, tau={self.tau:g}, beta={self.beta:g}; {NOTE}"


def _chosen(x: Tensor, channels: Channels) -> Tensor:
    count = x.shape[1]
    if isinstance(channels, str):
        one_of("channels", channels, ("all", "top-half"))
        if channels == "all":
            return torch.arange(count, device=x.device)
        return x.detach().amax((2, 3)).mean(0).topk((count + 1) // 2).indices
    chosen = list(channels)
    if not chosen or min(chosen) < 0 or max(chosen) >= count:
        raise ValueError(f"channels are {chosen}, but must be numbers from 0 to {count - 1}, the layer's channels")
    return torch.tensor(chosen, device=x.device)
