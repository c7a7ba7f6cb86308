"""Displacement fields put together: one after the other, backwards, and as the flow of a velocity."""

from dataclasses import replace

import torch
from torch import Tensor

from subband._check import positive
from subband.transforms.field import Field
from subband.transforms.warp import check_fits, sample, working_dtype

TINY = 1e-20
"""Square voxels; keeps 0 from being divided by 0."""


def compose(outer: Field, inner: Field) -> Field:
    r"""One displacement after another.

    .. math:: (\varphi_o \circ \varphi_i)(x) = x + u_i(x) + u_o(x + u_i(x))

    so that ``warp(image, compose(a, b))`` is ``warp(warp(image, a), b)`` without the second interpolation.

    Args:
        outer: Displacements u_o, as many as u_i or one for all; beyond the image they are those of its border.
        inner: Displacements u_i of the same size.

    Returns:
        Displacements in the unit and on the grid of ``inner``, float32 at least.

    Raises:
        ValueError: If a field is a velocity, or the sizes differ.

    Source:
        The definition.

    Example:
        >>> import torch
        >>> a, b = (Field(torch.full((1, 2, 4, 4), x), "voxel") for x in (1.0, 0.5))
        >>> round(compose(a, b).vectors.max().item(), 6)
        1.5
    """
    check_fits("inner", inner.vectors, inner, lead=2)
    check_fits("inner", inner.vectors, outer, lead=2)
    first, then = inner.to_unit("normalised").vectors, outer.to_unit("normalised").vectors
    dtype = working_dtype(first, then)
    first, then = first.to(dtype), then.to(dtype).expand_as(first)
    vectors = first + sample(then, first, padding="border")
    return replace(inner, vectors=vectors, unit="normalised").to_unit(inner.unit)


def exponential(velocity: Field, *, steps: int = 7) -> Field:
    r"""Displacement after following a stationary velocity for a time of 1, by scaling and squaring.

    .. math:: u_0 = 2^{-T} v, \qquad u_{k+1}(x) = u_k(x) + u_k(x + u_k(x)), \qquad \exp(v) = u_T

    Args:
        velocity: Velocities v of any unit; beyond the image they are those of its border.
        steps: T; the largest step is :math:`2^{-T} |v|`, which must be well below a voxel.

    Returns:
        Displacements in the unit and on the grid of ``velocity``, float32 at least; without folds for smooth v.

    Raises:
        ValueError: If the field is a displacement, or ``steps`` is not positive.

    Source:
        Arsigny et al., A log-Euclidean framework for statistics on diffeomorphisms, MICCAI 2006;
        ``DiffeomorphicTransform`` of x-xc/WiNet, ``nn_util.py``, with 7 steps and border padding; MONAI's
        ``DVF2DDF(7, padding_mode="border")`` of the velocities in voxels.

    Example:
        >>> import torch
        >>> velocity = Field(torch.full((1, 2, 4, 4), 0.25), "normalised", kind="velocity")
        >>> round(exponential(velocity).vectors.max().item(), 6)
        0.25
    """
    positive(steps=steps)
    if velocity.kind != "velocity":
        raise ValueError("the field is a displacement, but must be a velocity; it has no exponential")
    vectors = velocity.to_unit("normalised").vectors
    u = vectors.to(working_dtype(vectors, vectors)) / 2**steps
    for _ in range(steps):
        u = u + sample(u, u, padding="border")
    return replace(velocity, vectors=u, unit="normalised", kind="displacement").to_unit(velocity.unit)


def invert(field: Field, *, steps: int = 100, tolerance: float = 1e-3) -> Field:
    r"""The field that leads back.

    For displacements the solution w of :math:`r(w) = w(x) + u(x + w(x)) = 0`, by

    .. math:: w_{k+1} = w_k - \alpha_k r_k, \qquad
        \alpha_{k+1} = \frac{(w_{k+1} - w_k) \cdot (r_{k+1} - r_k)}{\lVert r_{k+1} - r_k \rVert^2} \in [0.05, 1]

    in each voxel alone, from :math:`\alpha_0 = 1` on; the w of the smallest r is kept. For velocities :math:`-v`, whose
    exponential is the inverse.

    Args:
        field: Displacements or velocities; displacements beyond the image are those of its border.
        steps: Largest number of iterations.
        tolerance: They end when no voxel is off by more than this, in voxels.

    Returns:
        A field like the one given, float32 at least; differentiable, at the price of all iterations' memory. Where the
        field folds there is no inverse, and nearby the iteration may end early: ``compose(field, invert(field))`` shows
        what is left.

    Raises:
        ValueError: If ``steps`` or ``tolerance`` is not positive.

    Source:
        Chen et al., A simple fixed-point approach to invert a deformation field, Medical Physics 2008. Departure: the
        lengths of the steps, after Barzilai and Borwein, 1988; with 1 the iteration only converges where the field
        stretches less than twofold.

    Example:
        >>> import torch
        >>> field = Field(torch.full((1, 2, 5, 5), 0.5), "voxel")
        >>> invert(field).vectors.max().round(decimals=3).item()
        -0.5
    """
    positive(steps=steps, tolerance=tolerance)
    if field.kind == "velocity":
        return replace(field, vectors=-field.vectors)
    normalised = field.to_unit("normalised")
    u = normalised.vectors.to(working_dtype(normalised.vectors, normalised.vectors))
    voxels = replace(normalised, vectors=torch.ones_like(u)).to_unit("voxel").vectors
    w, off = torch.zeros_like(u), u
    best, least = w, _product(off, off, voxels)
    step = -off
    for _ in range(steps):
        if least.max() <= tolerance**2:
            break
        w, before = w + step, off
        off = w + sample(u, w, padding="border")
        change = off - before
        length = _product(step, change, voxels) / _product(change, change, voxels).clamp(min=TINY)
        step = -length.clamp(0.05, 1) * off
        square = _product(off, off, voxels)
        best, least = torch.where(square < least, w, best), torch.minimum(square, least)
    return replace(normalised, vectors=best).to_unit(field.unit)


def _product(first: Tensor, second: Tensor, voxels: Tensor) -> Tensor:
    """Inner product of two normalised fields in each voxel, in square voxels; without gradient."""
    return (first.detach() * second.detach() * voxels.square()).sum(1, keepdim=True)
