"""What the networks ask of an image before they look at it."""

from torch import Tensor

from subband.models._blocks import pad_to_multiple

_AXES = ("depth", "height", "width")


def check_image(image: Tensor, channels: int, *, dims: int = 2) -> None:
    """Raise ``ValueError`` unless the image is (batch, channels, *space)."""
    if image.ndim != dims + 2 or image.shape[1] != channels:
        raise ValueError(
            f"the image has shape {tuple(image.shape)}, but this network takes (batch, {channels}, "
            f"{', '.join(_AXES[-dims:])}); add the batch axis, or set in_channels"
        )


def pad_small(image: Tensor, smallest: int) -> tuple[Tensor, list[slice]]:
    """Pad the axes of a small image, mirrored or repeated, and tell where the image lies.

    Args:
        image: Tensor (B, C, *space).
        smallest: Least size of an axis, in pixels; axes that have it are left alone.

    Returns:
        The padded image, and the slices that cut the given one out of it.
    """
    if min(image.shape[2:]) >= smallest:
        return image, [slice(None)] * (image.ndim - 2)
    return pad_to_multiple(image, 1, smallest=smallest)
