"""Displacement fields put together: one after the other, backwards, and as the flow of a velocity."""

from dataclasses import replace

import torch

from subband._check import positive
from subband.transforms.field import Field
from subband.transforms.warp import check_fits, sample, working_dtype


def compose(outer: Field, inner: Field) -> Field:
    r"""One displacement after another.

    .. math:: (\varphi_o \circ \varphi_i)(x) = x + u_i(x) + u_o(x + u_i(x))

    so that ``warp(image, compose(a, b))`` is ``warp(warp(image, a), b)`` without the second interpolation.

    Args:
        outer: Displacements u_o; beyond the image they are those of its border.
        inner: Displacements u_i of the same size, as many or one.

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

    For displacements the solution w of :math:`w(x) = -u(x + w(x))`, by
    :math:`w \leftarrow w - \tfrac12 (w + u(x + w))`; for velocities :math:`-v`, whose exponential is the inverse.

    Args:
        field: Displacements or velocities; displacements beyond the image are those of its border.
        steps: Largest number of iterations.
        tolerance: They end when no voxel is off by more than this, in voxels.

    Returns:
        A field like the one given, float32 at least. Where the field folds there is no inverse, and where it stretches
        more than fourfold the iteration does not find it: ``compose(field, invert(field))`` shows what is left.

    Raises:
        ValueError: If ``steps`` or ``tolerance`` is not positive.

    Source:
        Chen et al., A simple fixed-point approach to invert a deformation field, Medical Physics 2008. Departure: half
        steps, which also converge where the field stretches more than twofold.

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
    w = torch.zeros_like(u)
    for _ in range(steps):
        off = w + sample(u, w, padding="border")
        w = w - off / 2
        if replace(normalised, vectors=off.detach()).to_unit("voxel").vectors.abs().max() <= tolerance:
            break
    return replace(normalised, vectors=w).to_unit(field.unit)
