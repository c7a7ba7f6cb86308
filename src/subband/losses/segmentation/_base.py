"""The module side of every segmentation loss: it remembers options and leaves autocast."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_logits, from_target, read_weight_map

MapKind = Literal["unet", "abw", "skea_topo"]


@dataclass(frozen=True)
class PreparedTarget:
    """A target and what one loss made of it, see `SegmentationLoss.prepare`.

    Attributes:
        labels: The target as it was given.
        kept: What the loss uses again; None if it gains nothing.
        made_by: Name of the loss and whatever ``kept`` depends on.
    """

    labels: Tensor
    kept: tuple[Tensor, ...] | None
    made_by: tuple[Hashable, ...]

    def to(self, device: torch.device | str) -> "PreparedTarget":
        """The same on another device."""
        kept = None if self.kept is None else tuple(part.to(device) for part in self.kept)
        return replace(self, labels=self.labels.to(device), kept=kept)


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
        self,
        logits: Tensor,
        target: Tensor | PreparedTarget,
        *,
        weight_map: Tensor | None = None,
        class_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, a scalar.

        Args:
            logits: (B, C, *space), any floating dtype; computed in float32 at least, outside autocast.
            target: Integers (B, *space), float probabilities of the logits' shape, or what `prepare` made of either.
            weight_map: Weight of each pixel, (B, *space) or (B, channels, *space).
            class_weight: Weights (B, C) of the whole images that these are crops of; they replace the ones that
                ``class_weight="balanced"`` would take from the crop, and are not used otherwise.

        Raises:
            ValueError: If shapes, dtypes or label values do not fit, or another loss prepared the target.
        """
        with torch.autocast(logits.device.type, enabled=False):
            inputs = self._inputs(logits, target, class_weight)
            return self.compute(inputs, read_weight_map(weight_map, inputs.scores, self.map_channels))

    def prepare(self, target: Tensor, *, classes: int = 2) -> PreparedTarget:
        """Do once the work on a target that stays the same over several calls, such as one of several heads.

        The loss takes the result wherever it takes the target. Targets that are augmented change at each step and must
        not be prepared. Made in float32, or in float64 from a float64 target.

        Args:
            target: Integers (B, *space), or float probabilities of the logits' shape.
            classes: Number of classes of an integer target; 2 also for logits of one channel.

        Returns:
            The target and what the loss keeps of it, if it gains anything.

        Raises:
            ValueError: If the shape or a label value does not fit.
        """
        with torch.no_grad(), torch.autocast(target.device.type, enabled=False):
            own = from_target(target, classes=classes, ignore_index=self.ignore_index)
            return PreparedTarget(target, self.keep(own), self._made_by(own.shape))

    def keep(self, target: Tensor) -> tuple[Tensor, ...] | None:
        """Return what `compute` can use again of a target (B, C, *space), or None."""
        return None

    def keeps_by(self) -> Hashable:
        """Return the options that `keep` depends on."""
        return None

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return the loss of prepared inputs; weight_map is (B, map_channels, *space) or None."""
        raise NotImplementedError

    def at_epoch(self, epoch: int) -> None:
        """Hear that epoch ``epoch`` = 0, 1, ... begins; losses with a schedule act on it."""

    def terms(
        self,
        logits: Tensor,
        target: Tensor | PreparedTarget,
        *,
        weight_map: Tensor | None = None,
        class_weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``"loss"`` and, where a loss has several, its unweighted terms; arguments as `forward`."""
        return {"loss": self(logits, target, weight_map=weight_map, class_weight=class_weight)}

    def _inputs(self, logits: Tensor, target: Tensor | PreparedTarget, class_weight: Tensor | None) -> Inputs:
        """Read logits and target outside autocast."""
        labels = target.labels if isinstance(target, PreparedTarget) else target
        inputs = from_logits(logits, labels, ignore_index=self.ignore_index, class_weight=self._weights(class_weight))
        if not isinstance(target, PreparedTarget):
            return inputs
        if target.made_by != self._made_by(inputs.target.shape):
            raise ValueError(
                f"target was prepared by {target.made_by}, but this loss is {self._made_by(inputs.target.shape)}; "
                "call prepare of the loss that takes it"
            )
        return replace(inputs, kept=target.kept)

    def _made_by(self, shape: torch.Size) -> tuple[Hashable, ...]:
        """What has to be equal where a prepared target is made and where it is taken."""
        return type(self).__name__, self.ignore_index, self.keeps_by(), tuple(shape)

    def _weights(self, of_image: Tensor | None) -> ClassWeight:
        own = self.class_weight
        if of_image is None or not isinstance(own, str):
            return own  # type: ignore[return-value]
        given = of_image.float()
        return given if own == "balanced" else given.mean(0, keepdim=True).expand_as(given)
