"""The two images that a similarity compares."""

import torch
from torch import Tensor

from subband._check import same_shape


def read_pair(fixed: Tensor, warped: Tensor) -> tuple[Tensor, Tensor]:
    """Both images (B, C, *space) in one dtype, float32 at least.

    Raises:
        ValueError: If shapes differ, there is no axis of space or more than three, or the dtypes are no floats.
    """
    same_shape(fixed=fixed, warped=warped)
    if not 3 <= fixed.ndim <= 5:
        raise ValueError(
            f"the images have shape {tuple(fixed.shape)}, but must be (batch, channels, 1 to 3 axes of space)"
        )
    for name, image in (("fixed", fixed), ("warped", warped)):
        if not image.is_floating_point():
            raise ValueError(f"{name} has dtype {image.dtype}, but must be floating point; scale it to [0, 1]")
    dtype = torch.promote_types(torch.promote_types(fixed.dtype, warped.dtype), torch.float32)
    return fixed.to(dtype), warped.to(dtype)
