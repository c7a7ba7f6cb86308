"""Affine registration before a deformable one, by SimpleITK."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from subband._check import one_of, positive
from subband._optional import require
from subband.data.registration_sample import Volume
from subband.transforms.field import Field, Grid

Matrix = NDArray[np.float64]
Motion = Literal["translation", "rigid", "affine"]
Start = Literal["mass", "middle", "place"]
Similarity = Literal["mutual-information", "correlation", "mean-squares"]
SAMPLES = 20_000
"""Places of the fixed volume that the similarity is computed at, at most."""
FLAT: dict[str, float] = {"mutual-information": 1e-4, "correlation": 1e-5, "mean-squares": 1e-6}
"""Length of the gradient at which the descent ends; the grey values are within [0, 1]."""


def affine_register(
    moving: Volume,
    fixed: Volume,
    *,
    motion: Motion = "affine",
    similarity: Similarity = "mutual-information",
    start: Start = "middle",
    levels: Sequence[int] = (4, 2, 1),
    iterations: int = 200,
) -> Matrix:
    r"""Find the affine map of places that makes two volumes alike.

    .. math:: \max_{A, t} \; S\big(f(x), m(A x + t)\big)

    begun where ``start`` says; rigid after that, then affine, each from coarse to fine. The
    volumes may differ in size, spacing and orientation. The same input gives the same result: up to `SAMPLES` places
    count, drawn with a fixed seed in the smaller of the two volumes, in one thread.

    Args:
        moving: The volume m that is to be moved.
        fixed: The volume f that it is moved onto.
        motion: ``translation``, ``rigid`` (and rotation), or ``affine`` (and scale and shear).
        similarity: S: ``mutual-information`` (Mattes, 32 bins) for any two modalities, ``correlation``, or
            ``mean-squares`` for equal grey values.
        start: ``middle``: the middles of the volumes lie together; ``mass``: the centres of mass of the grey values
            do, for one part before an empty background in one modality; ``place``: both lie where their headers say.
        levels: Shrink factors, coarsest first; each axis keeps at least 8 voxels. Smoothing is half the factor, in
            voxels.
        iterations: Most steps at each level.

    Returns:
        Matrix (d + 1, d + 1) that takes places of the fixed volume to places of the moving one, in mm (RAS); for
        `subband.data.common_grid.onto` and `affine_field`.

    Raises:
        ValueError: If an option is unknown, a volume is constant, the numbers of axes differ, or the optimiser loses
            the overlap.
        ImportError: If SimpleITK is not installed.

    Source:
        Mattes et al., PET-CT image registration in the chest, 2003; SimpleITK's ImageRegistrationMethod with regular
        steps.

    Example:
        >>> from subband.data.phantoms import Phantoms
        >>> phantom = Phantoms(count=1, size=(32, 32))[0]
        >>> bool(abs(affine_register(phantom, phantom, motion="translation") - np.eye(3)).max() < 0.01)
        True
    """
    one_of("motion", motion, get_args(Motion))
    one_of("similarity", similarity, get_args(Similarity))
    one_of("start", start, get_args(Start))
    positive(iterations=iterations)
    dims = len(fixed.grid.shape)
    for volume in (moving, fixed):
        if len(volume.grid.shape) != dims or not volume.image.max() > volume.image.min():
            raise ValueError(
                f"{volume.name} has {len(volume.grid.shape)} axes and values from {volume.image.min():.3g} to "
                f"{volume.image.max():.3g}; expected {dims} axes, as {fixed.name} has, and two values or more"
            )
    if _cubic(moving.grid) < 0.99 * _cubic(fixed.grid):
        back = affine_register(
            fixed, moving, motion=motion, similarity=similarity, start=start, levels=levels, iterations=iterations
        )
        return np.asarray(np.linalg.inv(back))
    sitk = require("SimpleITK", extra="registration")
    images = [itk_image(volume.image, volume.grid) for volume in (fixed, moving)]
    first = sitk.TranslationTransform(dims) if motion == "translation" else _rigid(sitk, dims)
    place, to = (_centre(volume, start) for volume in (fixed, moving))
    to = place if start == "place" else to
    if motion == "translation":
        first.SetOffset(tuple(to - place))
    else:
        first.SetCenter(tuple(place))
        first.SetTranslation(tuple(to - place))
    try:
        with one_thread():
            found = _optimised(sitk, images, first, similarity, levels, iterations)
            if motion == "affine":
                wider = sitk.AffineTransform(dims)
                wider.SetCenter(found.GetCenter())
                wider.SetMatrix(found.GetMatrix())
                wider.SetTranslation(found.GetTranslation())
                found = _optimised(sitk, images, wider, similarity, levels, iterations)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].rpartition(": ")[2].rstrip(".")
        raise ValueError(
            f"{moving.name} could not be brought onto {fixed.name} ({reason}); check that both show the same part"
        ) from error
    return _ras_matrix(found, dims)


def affine_field(matrix: Matrix, fixed: Grid, moving: Grid | None = None) -> Field:
    """The affine map as a displacement on the fixed grid, in voxels.

    Args:
        matrix: What `affine_register` returned.
        fixed: Grid of the fixed volume.
        moving: Grid of the moving one, of the same shape, as `subband.transforms.warp` needs; None if it is the same.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> shift = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> affine_field(shift, Grid.of((4, 4))).vectors[0, :, 0, 0].tolist()
        [2.0, 0.0]
    """
    moving = fixed if moving is None else moving
    if moving.shape != fixed.shape:
        raise ValueError(
            f"the moving grid is {moving.shape} and the fixed one {fixed.shape}; bring both to one with fit"
        )
    step = np.linalg.inv(moving.affine) @ matrix @ fixed.affine
    place = np.stack(np.meshgrid(*map(np.arange, fixed.shape), indexing="ij")).reshape(len(fixed.shape), -1)
    off = (step[:-1, :-1] - np.eye(len(fixed.shape))) @ place + step[:-1, -1:]
    return Field(torch.from_numpy(off.reshape(1, -1, *fixed.shape).astype(np.float32)), "voxel", grid=fixed)


@contextmanager
def one_thread() -> Iterator[None]:
    """SimpleITK within in one thread: a sum over threads, as in mutual information, depends on their order.

    A method of registration must be made and executed within.
    """
    sitk = require("SimpleITK", extra="registration")
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def itk_image(values: NDArray[Any], grid: Grid) -> Any:
    """SimpleITK's image of an array (*space): its axes in our order, its places in LPS.

    Raises:
        ImportError: If SimpleITK is not installed.
    """
    sitk = require("SimpleITK", extra="registration")
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    flip = np.array([-1.0, -1.0, 1.0][: values.ndim])
    image.SetSpacing(grid.spacing)
    image.SetOrigin(tuple((flip * grid.origin).tolist()))
    image.SetDirection((flip[:, None] * np.array(grid.direction)).ravel().tolist())
    return image


def _cubic(grid: Grid) -> float:
    """Size of a volume in mm to the power of its axes."""
    return float(np.prod(np.array(grid.shape) * grid.spacing))


def _rigid(sitk: Any, dims: int) -> Any:
    return sitk.Euler2DTransform() if dims == 2 else sitk.Euler3DTransform()


def _centre(volume: Volume, start: Start) -> NDArray[np.float64]:
    """Centre of mass of the grey values, or of the voxels, in mm (LPS)."""
    weights = volume.image.astype(np.float64) if start == "mass" else np.ones(volume.image.shape)
    at = [
        np.arange(n) @ weights.sum(tuple(b for b in range(weights.ndim) if b != a)) for a, n in enumerate(weights.shape)
    ]
    flip = np.array([-1.0, -1.0, 1.0][: weights.ndim])
    return np.asarray(flip * (volume.grid.affine @ [*(np.array(at) / weights.sum()), 1.0])[:-1])


def _optimised(
    sitk: Any, images: list[Any], start: Any, similarity: Similarity, levels: Sequence[int], iterations: int
) -> Any:
    """The transform after descent at each level."""
    fixed = images[0]
    method = sitk.ImageRegistrationMethod()
    if similarity == "mutual-information":
        method.SetMetricAsMattesMutualInformation(32)
    else:
        method.SetMetricAsCorrelation() if similarity == "correlation" else method.SetMetricAsMeanSquares()
    most = max(1, min(fixed.GetSize()) // 8)
    factors = [max(1, min(level, most)) for level in levels]
    method.SetMetricSamplingStrategy(method.RANDOM)
    counts = [np.prod([-(-size // factor) for size in fixed.GetSize()]) for factor in factors]
    method.SetMetricSamplingPercentagePerLevel([float(min(1, SAMPLES / count)) for count in counts], 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel(factors)
    method.SetSmoothingSigmasPerLevel([(factor - 1) / 2 for factor in factors])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    step = float(min(fixed.GetSpacing()))
    method.SetOptimizerAsRegularStepGradientDescent(step, step * 1e-4, iterations, 0.6, FLAT[similarity])
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(images[0], images[1])
    return start


def _ras_matrix(transform: Any, dims: int) -> Matrix:
    """Matrix in RAS of a linear transform in LPS."""
    flip = np.array([-1.0, -1.0, 1.0][:dims])
    base = np.array(transform.TransformPoint([0.0] * dims))
    columns = [np.array(transform.TransformPoint(list(unit))) - base for unit in np.eye(dims)]
    matrix = np.eye(dims + 1)
    matrix[:-1, :-1] = flip[:, None] * np.stack(columns, 1) * flip
    matrix[:-1, -1] = flip * base
    return matrix
