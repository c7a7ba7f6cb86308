"""What readers of identities share: decoding an image out of a larger file, and names of numbered people."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from subband.data.class_sample import Pixels


def decoded(content: bytes, where: str) -> Pixels:
    """An encoded image (JPEG, PNG, ...) as (3, H, W), 8 bits: red, green, blue.

    Args:
        content: The image's bytes.
        where: What the image is, for the message.

    Raises:
        ValueError: If it is none.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            picture = np.asarray(image.convert("RGB"))
    except Exception as error:
        reason = "it is of no known kind" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{where} cannot be read as an image ({reason}); copy the file again") from error
    return np.ascontiguousarray(np.moveaxis(picture, -1, 0))


def numbered(labels: Sequence[int], where: str) -> list[str]:
    """Names of the classes that labels run through: their numbers.

    Args:
        labels: Class of each image, from 0; numbers that no image has may lie between.
        where: The file, for the message.

    Raises:
        ValueError: If there is no image, a negative label, or one identity only.
    """
    found = set(labels)
    if len(found) < 2:
        raise ValueError(f"{where} has {len(labels)} image(s) of {len(found)} identity; expected 2 identities or more")
    if min(found) < 0:
        raise ValueError(f"{where} has the label {min(found)}; expected numbers from 0 on")
    return [str(number) for number in range(max(found) + 1)]
