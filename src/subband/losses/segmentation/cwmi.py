"""Complex wavelet mutual information."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from subband._check import one_of, positive
from subband.losses.segmentation._base import PreparedTarget, SegmentationLoss
from subband.losses.segmentation._inputs import ClassWeight, Inputs, from_probability, read_weight_map
from subband.losses.segmentation._mutual_information import MutualInformation, conditional_entropy, level_mean
from subband.losses.segmentation.cross_entropy import cross_entropy
from subband.losses.segmentation.cwmi_ablation import (
    DISTANCES,
    PARTS,
    Distance,
    Part,
    band_distance,
    band_pairs,
    band_part,
)
from subband.transforms.filters import GRIDS, Grid, Kind
from subband.transforms.spectrum import (
    SubbandCovariances,
    band_covariances,
    subband_covariances,
    subband_spectrum,
)

Measure = Literal["mi"] | Distance | Part | MutualInformation


@dataclass(frozen=True)
class _Subbands:
    """What is compared, and how."""

    levels: tuple[int, ...]
    orientations: int
    kind: Kind
    grid: Grid
    measure: Distance | Part | MutualInformation

    def spectrum(self, target: Tensor) -> Tensor | None:
        """What `term` can use again of a target (B, C, *space), or None."""
        if not isinstance(self.measure, MutualInformation):
            return None
        return subband_spectrum(
            target, levels=self.levels, orientations=self.orientations, kind=self.kind, grid=self.grid
        )

    def term(self, prediction: Tensor, target: Tensor, spectrum: Tensor | None = None) -> Tensor:
        """Sum over the levels of the mean over the images (B, C, *space) of the measure."""
        if isinstance(self.measure, MutualInformation):
            return self._entropy(
                subband_covariances(
                    prediction,
                    target,
                    levels=self.levels,
                    orientations=self.orientations,
                    kind=self.kind,
                    grid=self.grid,
                    spectrum=spectrum,
                ),
                self.measure,
            )
        pairs = band_pairs(
            prediction,
            target,
            levels=self.levels,
            orientations=self.orientations,
            kind=self.kind,
            grid=self.grid,
        )
        match self.measure:
            case "magnitude" | "phase" as part:
                each = [band_covariances(*(band_part(bands, part) for bands in pair)) for pair in pairs]
                merged = SubbandCovariances(*(torch.cat(parts) for parts in zip(*each, strict=True)))
                return self._entropy(merged, MutualInformation())
            case distance:
                return torch.stack([band_distance(*pair, distance) for pair in pairs]).sum()

    def _entropy(self, covariances: SubbandCovariances, regularisers: MutualInformation) -> Tensor:
        ridge = regularisers.ridge
        ridge = (0.0 if self.grid == "authors" else 5e-4) if ridge is None else ridge
        value, kept = conditional_entropy(covariances, alpha=regularisers.alpha, ridge=ridge)
        return level_mean(value, kept).sum()


def cwmi_loss(
    probability: Float[Tensor, "batch classes *space"],
    target: Shaped[Tensor, "batch classes *space"],
    *,
    levels: int | Sequence[int] = 4,
    orientations: int = 4,
    kind: Literal["complex", "real"] = "complex",
    grid: Grid = "exact",
    ce_weight: float = 0.9,
    mi_weight: float = 1.0,
    class_weight: ClassWeight = "balanced",
) -> Float[Tensor, ""]:
    r"""Cross-entropy less the mutual information of the steerable subbands of prediction and target.

    .. math:: \lambda \, CE + \mu \sum_n \frac{1}{B} \sum_b \log \det \left(
              \Sigma_{yy} - \Sigma_{yp} (\Sigma_{pp} + \alpha I)^{-1} \Sigma_{yp}^H + \rho I \right)

    with the K x K covariances of the subbands of level n, sums over pixels of the band, :math:`\alpha` = 5e-4.

    Args:
        probability: Class probabilities (B, C, *space) in [0, 1]; C = 1 is the foreground of two classes.
        target: One-hot or soft target of the same shape.
        levels: How many levels from the finest on, or which, counted from 1. One that an image is too small for does
            not count.
        orientations: Number K of orientations; in 3-D 1 to 5, which are 1, 3, 6, 16 and 16 axes.
        kind: ``"complex"`` subbands, or ``"real"`` ones.
        grid: ``"exact"`` frequencies, or ``"authors"``: the published ones, with |cos| for the real subbands.
        ce_weight: Weight :math:`\lambda` of the cross-entropy.
        mi_weight: Weight :math:`\mu` of the subband term.
        class_weight: Of the cross-entropy, see `SegmentationLoss`.

    Returns:
        A scalar in nats, which may be negative: the target's own entropy is left out. Perfect predictions come near
        :math:`\mu N K \log(\alpha + \rho)`.

    Raises:
        ValueError: If shapes or options do not fit, or the authors' grid cannot have the size.

    Source:
        lurenhaothu/CWMI ``model/CWMI_loss/CWMI_loss.py`` (2025), whose value ``grid="authors"`` with
        ``class_weight="balanced-batch"`` gives. Departures: frequencies without the published offset of one bin;
        :math:`\rho` = 5e-4 there and 0 on the authors' grid; computed by Parseval from the spectrum of the error in
        float64 sums; images without target structure in a level are left out of its mean, where the published code
        fails. Binary: the foreground only. More classes: the mean over the classes present in each image.

    Example:
        >>> import torch
        >>> mask = torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:20, 10:14] = 1
        >>> good, bad = 0.9 * mask + 0.05, torch.full_like(mask, 0.5)
        >>> cwmi_loss(good, mask) < cwmi_loss(bad, mask)
        tensor(True)
    """
    options = _subbands(levels, orientations, kind, grid, "mi")
    with torch.autocast(probability.device.type, enabled=False):
        inputs = from_probability(probability, target, class_weight=class_weight)
        return ce_weight * cross_entropy(inputs) + mi_weight * _subband_term(inputs, None, options)


class CWMILoss(SegmentationLoss):
    """Module form of `cwmi_loss` on logits, with its ablations and its warm-up.

    Args:
        levels: See `cwmi_loss`, as ``orientations``, ``kind``, ``grid``, ``ce_weight`` and ``mi_weight``.
        measure: ``"mi"``; `MutualInformation` with other regularisers; or an ablation: ``"l1"``, ``"l2"``, ``"ssim"``,
            ``"magnitude"`` (MI of the moduli), ``"phase"`` (MI of the phases).
        class_weight: Of the cross-entropy, see `SegmentationLoss`.
        ignore_index: Label of pixels that are taken as predicted right by the subband term, and left out of the
            cross-entropy.

    Attributes:
        warmup: While true the loss is the cross-entropy alone, without ``ce_weight``.
        warmup_epochs: `at_epoch` sets ``warmup`` in that many first epochs.

    A ``weight_map`` w weighs the cross-entropy of each pixel, and its error in the subband term: subbands are those of
    :math:`y + w' (p - y)`, w' = w over its mean on the counted pixels of the image.
    """

    warmup_epochs: int = 1

    def __init__(
        self,
        *,
        levels: int | Sequence[int] = 4,
        orientations: int = 4,
        kind: Literal["complex", "real"] = "complex",
        grid: Grid = "exact",
        measure: Measure = "mi",
        ce_weight: float = 0.9,
        mi_weight: float = 1.0,
        class_weight: ClassWeight = "balanced",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(ignore_index=ignore_index, class_weight=class_weight)
        self.subbands = _subbands(levels, orientations, kind, grid, measure)
        self.ce_weight, self.mi_weight = ce_weight, mi_weight
        self.warmup = False

    def compute(self, inputs: Inputs, weight_map: Tensor | None) -> Tensor:
        """Return `cwmi_loss` of prepared inputs."""
        return self._terms(inputs, weight_map)["loss"]

    def keep(self, target: Tensor) -> tuple[Tensor, ...] | None:
        """Return the spectrum of a target (B, C, *space), which saves one of the three transforms of a step."""
        spectrum = self.subbands.spectrum(target[:, 1:] if target.shape[1] == 2 else target)
        return None if spectrum is None else (spectrum,)

    def keeps_by(self) -> Hashable:
        """Return what is compared, and how."""
        return self.subbands

    def terms(
        self,
        logits: Tensor,
        target: Tensor | PreparedTarget,
        *,
        weight_map: Tensor | None = None,
        class_weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``"loss"`` and, unweighted, its terms ``"cross_entropy"`` and ``"subband"``; arguments as `forward`.

        During the warm-up there is no ``"subband"``.
        """
        with torch.autocast(logits.device.type, enabled=False):
            inputs = self._inputs(logits, target, class_weight)
            return self._terms(inputs, read_weight_map(weight_map, inputs.scores, self.map_channels))

    def at_epoch(self, epoch: int) -> None:
        """Warm up in the first ``warmup_epochs`` epochs."""
        self.warmup = epoch < self.warmup_epochs

    def _terms(self, inputs: Inputs, weight_map: Tensor | None) -> dict[str, Tensor]:
        entropy = cross_entropy(inputs, weight_map)
        if self.warmup:
            return {"loss": entropy, "cross_entropy": entropy}
        subband = _subband_term(inputs, weight_map, self.subbands)
        loss = self.ce_weight * entropy + self.mi_weight * subband
        return {"loss": loss, "cross_entropy": entropy, "subband": subband}


def _subbands(
    levels: int | Sequence[int], orientations: int, kind: Literal["complex", "real"], grid: Grid, measure: Measure
) -> _Subbands:
    chosen = tuple(range(1, levels + 1)) if isinstance(levels, int) else tuple(levels)
    if not chosen or min(chosen) < 1:
        raise ValueError(f"levels is {levels!r}, but must be a number of levels, or levels counted from 1")
    positive(orientations=orientations)
    one_of("kind", kind, ("complex", "real"))
    one_of("grid", grid, GRIDS)
    if isinstance(measure, str):
        one_of("measure", measure, ("mi", *DISTANCES, *PARTS))
    if measure in PARTS and kind == "real":
        raise ValueError(f"measure is {measure!r}, but real subbands have no phase; use kind='complex'")
    if measure == "mi":
        measure = MutualInformation()
    own: Kind = "complex" if kind == "complex" else "even" if grid == "authors" else "steerable"
    return _Subbands(chosen, orientations, own, grid, measure)


def _subband_term(inputs: Inputs, weight_map: Tensor | None, subbands: _Subbands) -> Tensor:
    """The measure of the foreground, or of all of more than two classes; ignored pixels are taken as right."""
    p, y = inputs.structures
    if weight_map is not None:
        p = y + inputs.mean_one(weight_map) * (p - y)
    (spectrum,) = inputs.kept or (None,)
    return subbands.term(p, y, spectrum).to(p.dtype)
