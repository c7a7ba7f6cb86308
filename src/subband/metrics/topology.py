"""Topology of masks: components, holes and cavities, and agreement of centre lines."""

from typing import Any

import numpy as np
from scipy import ndimage

from subband._check import one_of
from subband.metrics._labels import Bools, read_labels, read_pair
from subband.metrics.overlap import CONVENTIONS, Convention


def betti_numbers(mask: Any, *, convention: Convention = "default") -> tuple[int, ...]:
    r"""Components :math:`b_0`, holes :math:`b_1` and, in 3-D, cavities :math:`b_2` of a mask.

    Pixels are closed squares or cubes: the foreground is connected over corners, the background over faces. In 2-D a
    hole is a component of the background that the outside cannot reach. In 3-D a cavity is that, and
    :math:`b_1 = b_0 + b_2 - \chi` counts tunnels, by the Euler number :math:`\chi`.

    Args:
        mask: (H, W) or (D, H, W); everything but 0 belongs to it. An array or a tensor.
        convention: ``"authors"`` gives the components and the number of all components of the background, the outside
            included, and calls that :math:`b_1`.

    Returns:
        :math:`(b_0, b_1)`, in 3-D :math:`(b_0, b_1, b_2)`.

    Raises:
        ValueError: If the mask is not two- or three-dimensional or its values are no labels.

    Source:
        Betti numbers of the cubical complex, as GUDHI's ``CubicalComplex`` counts them; ``"authors"``:
        ``get_betti_own`` of lurenhaothu/SPW, ``model/metrics.py``.

    Example:
        >>> import numpy as np
        >>> betti_numbers(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]))
        (1, 1)
    """
    one_of("convention", convention, CONVENTIONS)
    labels = read_labels(mask, name="mask")
    if labels.ndim == 1:
        raise ValueError(f"mask has shape {labels.shape}, but must be (H, W) or (D, H, W)")
    return mask_betti(labels != 0, convention)


def betti_errors(prediction: Any, target: Any, *, convention: Convention = "default") -> tuple[int, ...]:
    """How much the Betti numbers of two masks differ, each in absolute value.

    Args:
        prediction: Mask (H, W) or (D, H, W); everything but 0 belongs to it. An array or a tensor.
        target: Mask of the same shape.
        convention: See `betti_numbers`.

    Returns:
        One number for each Betti number, 0 where both masks have as many.

    Raises:
        ValueError: If shapes differ or a mask does not fit.

    Source:
        See `betti_numbers`. The authors add up the two numbers.

    Example:
        >>> import numpy as np
        >>> betti_errors(np.ones((3, 3), int), np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]))
        (0, 1)
    """
    p, t = read_pair(prediction, target)
    of_p, of_t = (betti_numbers(labels, convention=convention) for labels in (p, t))
    return tuple(abs(a - b) for a, b in zip(of_p, of_t, strict=True))


def cldice_score(prediction: Any, target: Any) -> float:
    r"""Dice of centre lines: how much of each skeleton lies in the other mask.

    .. math:: \frac{2\, T_p T_s}{T_p + T_s}, \quad T_p = \frac{|S(P) \cap T|}{|S(P)|},\;
              T_s = \frac{|S(T) \cap P|}{|S(T)|}

    Args:
        prediction: Mask (H, W) or (D, H, W); everything but 0 belongs to it. An array or a tensor.
        target: Mask of the same shape.

    Returns:
        A number in [0, 1]; 1 for equal masks, two empty ones among them, and 0 if only one is empty.

    Raises:
        ValueError: If shapes differ or a mask does not fit.

    Source:
        Shit et al., clDice, 2021 (arXiv:2003.07311), equations 1 to 3, with scikit-image's ``skeletonize``. A mask
        that thins to nothing is its own skeleton.

    Example:
        >>> import numpy as np
        >>> line = np.eye(5, dtype=int)
        >>> cldice_score(line, line), cldice_score(np.zeros((5, 5), int), line)
        (1.0, 0.0)
    """
    p, t = read_pair(prediction, target)
    if p.ndim == 1:
        raise ValueError(f"prediction has shape {p.shape}, but must be (H, W) or (D, H, W)")
    return mask_cldice(p != 0, t != 0)


def even_lines(mask: Any, *, close_gaps: bool = False) -> Bools:
    """Lines of a mask brought to one width, three pixels, so that their width does not matter to a comparison.

    Args:
        mask: (H, W) or (D, H, W); everything but 0 belongs to it. An array or a tensor.
        close_gaps: Make the mask one pixel wider first, so that gaps of up to two pixels close.

    Returns:
        The skeleton (Lee et al., 1994), dilated by one pixel on all sides and corners.

    Raises:
        ValueError: If the mask is not two- or three-dimensional or its values are no labels.

    Source:
        lurenhaothu/SPW, ``model/metrics.py``: ``post_process_label``, and ``post_process_output`` which closes gaps.

    Example:
        >>> import numpy as np
        >>> even_lines(np.ones((1, 5), int)).astype(int)
        array([[1, 1, 1, 1, 1]])
    """
    lines = read_labels(mask, name="mask") != 0
    if lines.ndim == 1:
        raise ValueError(f"mask has shape {lines.shape}, but must be (H, W) or (D, H, W)")
    around = np.ones((3,) * lines.ndim, bool)
    wide = ndimage.binary_dilation(lines, around) if close_gaps else lines
    even: Bools = ndimage.binary_dilation(_skeleton(wide, "lee"), around)
    return even


def mask_betti(mask: Bools, convention: Convention) -> tuple[int, ...]:
    """`betti_numbers` of a checked mask."""
    components = ndimage.label(mask, np.ones((3,) * mask.ndim))[1]
    if convention == "authors":
        return components, ndimage.label(~mask)[1]
    enclosed = ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1
    if mask.ndim == 2:
        return components, enclosed
    from skimage.measure import euler_number

    euler = int(euler_number(mask, connectivity=3))  # type: ignore[no-untyped-call]
    return components, components + enclosed - euler, enclosed


def mask_cldice(p: Bools, t: Bools) -> float:
    """`cldice_score` of checked masks."""
    if not p.any() or not t.any():
        return float(p.any() == t.any())
    precision, recall = _share(_centre_line(p), t), _share(_centre_line(t), p)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _centre_line(mask: Bools) -> Bools:
    line = _skeleton(mask, None)
    return line if line.any() else mask


def _skeleton(mask: Bools, method: str | None) -> Bools:
    from skimage.morphology import skeletonize

    line: Bools = skeletonize(mask, method=method) > 0  # type: ignore[no-untyped-call]
    return line


def _share(line: Bools, mask: Bools) -> float:
    return float(np.count_nonzero(line & mask) / np.count_nonzero(line))
