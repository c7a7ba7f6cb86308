"""The module side of every segmentation loss: it remembers options and leaves autocast."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_logits, read_weight_map

MapKind = Literal["unet", "abw", "skea_topo"]


class SegmentationLoss(nn.Module):
    """A loss of logits (B, C, *space), C = 1 sigmoid, C >= 2 softmax, and a target, in 2-D and 3-D.

    Args:
        ignore_index: Label of pixels that change neither the value nor the gradient.
        class_weight: ``"balanced"`` (per image), ``"balanced-batch"`` (the authors' batch mean of it), a tensor (C,)
            or (B, C), or None. A binary loss has two weights, background and foreground.
    """

    map_kind: ClassVar[MapKind | None] = None
    """The weight map this loss reads; None where ``weight_map`` is a free weight of each pixel."""
    map_channels: ClassVar[int] = 1
    warmup: bool | None = None
    """True while a loss that cannot tell foreground from background (CWMI, RMI) is its cross-entropy alone, else False;
    None for the losses that need no warm-up."""
    class_weight: Tensor | str | None

    def __init__(self, *, ignore_index: int | None = None, class_weight: ClassWeight = None) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        if isinstance(class_weight, Tensor):
            self.register_buffer("class_weight", class_weight, persistent=False)
        else:
            self.class_weight = class_weight

    def forward(
        self, logits: Tensor, target: Tensor, *, weight_map: Tensor | None = None, class_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss, a scalar.

        Args:
            logits: (B, C, *space), any floating dtype; computed in float32 at least, outside autocast.
            target: Integers (B, *space), or float probabilities of the logits' shape.
            weight_map: Weight of each pixel, (B, *space) or (B, channels, *space).
            class_weight: Weights (B, C) of the whole images that these are crops of; they replace the ones that
                ``class_weight="balanced"`` would take from the crop, and are not used otherwise.

        Raises:
            ValueError: If shapes, dtypes or label values do not fit.
        """
        with torch.autocast(logits.device.type, enabled=False):
            inputs = from_logits(
                logits, target, ignore_index=self.ignore_index, class_weight=self._weights(class_weight)
            )
            return self.compute(inputs, read_weight_map(weight_map, inputs.target, self.map_channels))

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return the loss of prepared inputs; weight_map is (B, map_channels, *space) or None."""
        raise NotImplementedError

    def at_epoch(self, epoch: int) -> None:
        """Hear that epoch ``epoch`` = 0, 1, ... begins; losses with a schedule act on it."""

    def terms(
        self, logits: Tensor, target: Tensor, *, weight_map: Tensor | None = None, class_weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return ``"loss"`` and, where a loss has several, its unweighted terms; arguments as `forward`."""
        return {"loss": self(logits, target, weight_map=weight_map, class_weight=class_weight)}

    def _weights(self, of_image: Tensor | None) -> ClassWeight:
        own = self.class_weight
        if of_image is None or not isinstance(own, str):
            return own  # type: ignore[return-value]
        given = of_image.float()
        return given if own == "balanced" else given.mean(0, keepdim=True).expand_as(given)
