"""Registration without training: none, affine, SimpleITK's B-splines and demons, and optimisation of one pair."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from subband._check import one_of, positive
from subband._optional import require
from subband.data.affine import affine_field, affine_register, itk_image, one_thread
from subband.data.registration_sample import Volume
from subband.tasks.one_shot import RATES, OneShot, Unknown, fit_pair
from subband.tasks.plan import Progress
from subband.tasks.registration_loss import RegistrationLoss
from subband.transforms.exponential import compose
from subband.transforms.field import Field, Grid
from subband.transforms.warp import warp

Listener = Callable[[Progress], None]
LEVELS = (4, 2, 1)
"""Shrink factors from coarse to fine."""


class Baseline(nn.Module):
    """Something that registers a pair and learns nothing before; a subclass writes `register`.

    Attributes:
        seeded: Whether another seed gives another result.
    """

    seeded = False

    def __init__(self) -> None:
        super().__init__()

    def register(
        self, moving: Tensor, fixed: Tensor, loss: RegistrationLoss, grid: Grid, listen: Listener = lambda now: None
    ) -> Field:
        """Return the displacement that warps ``moving`` onto ``fixed``, both (1, 1, *space) on ``grid``."""
        raise NotImplementedError


class Identity(Baseline):
    """No displacement: what there is before a registration."""

    def register(
        self, moving: Tensor, fixed: Tensor, loss: RegistrationLoss, grid: Grid, listen: Listener = lambda now: None
    ) -> Field:
        """Return zeros."""
        return Field(fixed.new_zeros(1, len(grid.shape), *grid.shape), "voxel", grid=grid)


class Affine(Baseline):
    """The affine map of `subband.data.affine.affine_register`.

    Args:
        motion: ``translation``, ``rigid`` or ``affine``.
        similarity: See there.
    """

    def __init__(
        self,
        motion: Literal["translation", "rigid", "affine"] = "affine",
        similarity: Literal["mutual-information", "correlation", "mean-squares"] = "mutual-information",
    ) -> None:
        super().__init__()
        self.motion, self.similarity = motion, similarity

    def register(
        self, moving: Tensor, fixed: Tensor, loss: RegistrationLoss, grid: Grid, listen: Listener = lambda now: None
    ) -> Field:
        """Return the map as a displacement."""
        volumes = [
            Volume(name, each[0, 0].cpu().numpy(), None, grid) for name, each in (("moving", moving), ("fixed", fixed))
        ]
        matrix = affine_register(*volumes, motion=self.motion, similarity=self.similarity)
        return affine_field(matrix, grid)


class AfterAffine(Baseline):
    """SimpleITK's deformable registrations: they begin where an affine one ends. A subclass writes `deform`.

    Args:
        affine: Begin with an affine registration; otherwise with the identity.
    """

    def __init__(self, *, affine: bool = True) -> None:
        super().__init__()
        self.first: Baseline = Affine() if affine else Identity()

    def deform(self, moving: Any, fixed: Any) -> Any:
        """Return SimpleITK's image of the displacement in mm (LPS) of one image of SimpleITK onto another."""
        raise NotImplementedError

    def register(
        self, moving: Tensor, fixed: Tensor, loss: RegistrationLoss, grid: Grid, listen: Listener = lambda now: None
    ) -> Field:
        """Return the affine map followed by the deformation."""
        first = self.first.register(moving, fixed, loss, grid)
        moved = warp(moving.cpu(), first)
        moved_image, fixed_image = (itk_image(each[0, 0].cpu().numpy(), grid) for each in (moved, fixed))
        with one_thread():
            displacement = self.deform(moved_image, fixed_image)
        return compose(first, field_of(displacement, grid))


class BSpline(AfterAffine):
    """Free-form deformation on a grid of cubic B-splines, by SimpleITK.

    Args:
        spacing: Distance of control points on the finest level, in voxels.
        similarity: ``mutual-information`` (Mattes, 32 bins), ``correlation`` or ``mean-squares``.
        iterations: Most steps of L-BFGS at each level.
        affine: As for `AfterAffine`.

    Source:
        Rueckert et al., 1999; SimpleITK's ImageRegistrationMethod.
    """

    def __init__(
        self,
        *,
        spacing: float = 5.0,
        similarity: Literal["mutual-information", "correlation", "mean-squares"] = "correlation",
        iterations: int = 50,
        affine: bool = True,
    ) -> None:
        super().__init__(affine=affine)
        one_of("similarity", similarity, ("mutual-information", "correlation", "mean-squares"))
        positive(spacing=spacing, iterations=iterations)
        self.spacing, self.similarity, self.iterations = spacing, similarity, iterations

    def deform(self, moving: Any, fixed: Any) -> Any:
        """Return the displacement."""
        sitk = require("SimpleITK", extra="registration")
        size, coarse = fixed.GetSize(), LEVELS[0]
        mesh = [max(1, round(length / (self.spacing * coarse))) for length in size]
        transform = sitk.BSplineTransformInitializer(fixed, mesh)
        method = sitk.ImageRegistrationMethod()
        if self.similarity == "mutual-information":
            method.SetMetricAsMattesMutualInformation(32)
        else:
            method.SetMetricAsCorrelation() if self.similarity == "correlation" else method.SetMetricAsMeanSquares()
        method.SetMetricSamplingStrategy(method.NONE)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsLBFGS2(numberOfIterations=self.iterations)
        most = max(1, min(size) // 8)
        method.SetShrinkFactorsPerLevel([min(level, most) for level in LEVELS])
        method.SetSmoothingSigmasPerLevel([(min(level, most) - 1) / 2 for level in LEVELS])
        method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
        method.SetInitialTransformAsBSpline(transform, inPlace=True, scaleFactors=[1, coarse // 2, coarse])
        method.Execute(fixed, moving)
        return sitk.TransformToDisplacementField(
            transform, sitk.sitkVectorFloat64, size, fixed.GetOrigin(), fixed.GetSpacing(), fixed.GetDirection()
        )


class Demons(AfterAffine):
    """Diffeomorphic demons, by SimpleITK, from coarse to fine; for images of one kind, whose grey values agree.

    Args:
        iterations: Steps at each level.
        smooth: Deviation of the Gaussian that smooths the field after each step, in voxels.
        affine: As for `AfterAffine`.

    Source:
        Vercauteren et al., Diffeomorphic demons, NeuroImage 2009; SimpleITK's DiffeomorphicDemonsRegistrationFilter.
    """

    def __init__(self, *, iterations: int = 50, smooth: float = 1.5, affine: bool = True) -> None:
        super().__init__(affine=affine)
        positive(iterations=iterations, smooth=smooth)
        self.iterations, self.smooth = iterations, smooth

    def deform(self, moving: Any, fixed: Any) -> Any:
        """Return the displacement."""
        sitk = require("SimpleITK", extra="registration")
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(self.iterations)
        demons.SetSmoothDisplacementField(True)
        demons.SetStandardDeviations(self.smooth)
        most, field = max(1, min(fixed.GetSize()) // 8), None
        for level in LEVELS:
            small = [_reduced(sitk, image, min(level, most)) for image in (fixed, moving)]
            start: list[Any] = [] if field is None else [sitk.Resample(field, small[0])]
            field = demons.Execute(*small, *start)
        return field


class PairFit(Baseline):
    """Optimisation of each pair by itself, `subband.tasks.one_shot.fit_pair`.

    Args:
        unknown: See `subband.tasks.one_shot.OneShot`, also for the others.
        steps: Steps of Adam.
        lr: Learning rate; 0 takes that of ``unknown``.
        diffeomorphic: The field is a velocity.
        seed: Seed of the weights.
        options: Options of what is optimised.

    Attributes:
        state: File that an optimisation goes on from, see `fit_pair`; None keeps nothing.
    """

    def __init__(
        self,
        unknown: Unknown = "winet",
        *,
        steps: int = 100,
        lr: float = 0.0,
        diffeomorphic: bool = False,
        seed: int = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.settings = OneShot(unknown, steps, lr, diffeomorphic, seed, dict(options or {}))
        self.state: Path | None = None
        self.seeded = unknown == "winet"

    def register(
        self, moving: Tensor, fixed: Tensor, loss: RegistrationLoss, grid: Grid, listen: Listener = lambda now: None
    ) -> Field:
        """Return the displacement after the last step."""
        own = self.settings
        with torch.enable_grad():
            return fit_pair(
                own.build(fixed),
                moving,
                fixed,
                loss,
                steps=own.steps,
                lr=own.lr or RATES[own.unknown],
                grid=grid,
                state=self.state,
                listen=listen,
            )


def field_of(displacement: Any, grid: Grid) -> Field:
    """A displacement of SimpleITK, in mm (LPS), as a `Field` on its grid, in voxels."""
    sitk = require("SimpleITK", extra="registration")
    dims = len(grid.shape)
    world = np.moveaxis(sitk.GetArrayFromImage(displacement), -1, 0)
    world = world.transpose(0, *range(dims, 0, -1)) * np.array([-1.0, -1.0, 1.0][:dims]).reshape(-1, *[1] * dims)
    along = np.tensordot(np.array(grid.direction).T, world, axes=1)
    return Field(torch.from_numpy(along[None].astype(np.float32)), "mm", grid=grid).to_unit("voxel")


def _reduced(sitk: Any, image: Any, factor: int) -> Any:
    """An image smoothed and shrunk."""
    if factor == 1:
        return image
    sigmas = [0.5 * factor * length for length in image.GetSpacing()]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, sigmas), [factor] * image.GetDimension())
