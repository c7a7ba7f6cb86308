"""Smooth fields: random ones, a whirl that ends at the border, affine ones with a known inverse and Jacobian."""

import math

import torch
import torch.nn.functional as F


def smooth_vectors(space, *, amplitude, seed=0, batch=1, control=5, dtype=torch.float64):
    """Random vectors in voxels, (B, d, *space), cubic in between ``control`` random ones along each axis."""
    generator = torch.Generator().manual_seed(seed)
    dims = len(space)
    vectors = amplitude * torch.randn(batch, dims, *[control] * dims, generator=generator, dtype=dtype)
    for axis, size in enumerate(space, start=2):
        moved = vectors.movedim(axis, -1)
        lead = moved.shape[:-1]
        flat = moved.reshape(-1, 1, 1, moved.shape[-1])
        wider = F.interpolate(flat.expand(-1, -1, 2, -1), size=(2, size), mode="bicubic", align_corners=True)[:, :, 0]
        vectors = wider.reshape(*lead, size).movedim(-1, axis)
    return vectors


def centred_places(space, dtype=torch.float64):
    """Voxel numbers less those of the middle, (d, *space)."""
    axes = [torch.arange(size, dtype=dtype) - (size - 1) / 2 for size in space]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def affine_vectors(space, matrix):
    """Displacements A x in voxels from the middle, (1, d, *space)."""
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    return torch.einsum("ab,b...->a...", matrix, centred_places(space))[None]


def whirl_vectors(space, *, amplitude, dtype=torch.float64):
    """The same smooth normalised vectors at any size, (1, d, *space), up to ``amplitude`` and 0 at the border."""
    axes = [torch.linspace(-1, 1, size, dtype=dtype) for size in space]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    bump = torch.cos(math.pi / 2 * places).prod(0)
    waves = [torch.cos(2 * places.roll(-1, 0)[axis] + axis) for axis in range(len(space))]
    return amplitude * (bump * torch.stack(waves))[None]
