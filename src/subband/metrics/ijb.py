"""IJB-B and IJB-C: templates of many pictures, compared one to one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.metrics._embeddings import unit_rows
from subband.metrics._labels import Floats, Integers
from subband.metrics._pair_scores import as_array

_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Templates:
    """Templates: their numbers in rising order (T,), and a unit vector of each (T, D)."""

    ids: Integers
    features: Floats

    def scores(self, first: Any, second: Any) -> Floats:
        """Cosines of pairs of templates (N,), in pieces, so that millions of pairs fit into memory.

        Args:
            first: Number of the first template of each pair (N,).
            second: Number of the second one (N,).

        Raises:
            ValueError: If a pair names a template that is not there.
        """
        left, right = (self._places(as_array(side)) for side in (first, second))
        found = np.empty(len(left), self.features.dtype)
        for at in range(0, len(left), _CHUNK):
            part = slice(at, at + _CHUNK)
            found[part] = np.einsum("nd,nd->n", self.features[left[part]], self.features[right[part]])
        return found

    def _places(self, wanted: Any) -> Integers:
        places: Integers = np.searchsorted(self.ids, wanted).clip(max=len(self.ids) - 1)
        missing = np.flatnonzero(self.ids[places] != wanted)
        if len(missing):
            raise ValueError(f"{len(missing)} pairs name templates without a picture, such as {wanted[missing[0]]}")
        return places


def pool_templates(
    embeddings: Any,
    templates: Any,
    medias: Any,
    *,
    flipped: Any = None,
    detection: Any = None,
    keep_norm: bool = True,
) -> Templates:
    r"""One unit vector for each template, from its pictures.

    .. math:: u_T = \sum_{m \in T} \frac{1}{|m|} \sum_{i \in m} d_i (f_i + f_i'), \qquad u_T / \lVert u_T \rVert

    over media m, such as a video, and their pictures i.

    Args:
        embeddings: f (N, D), not normalised.
        templates: Number of each picture's template (N,).
        medias: Number of its media (N,).
        flipped: f' (N, D), embeddings of the mirrored pictures (insightface's F1); left out (F0) if None.
        detection: d (N,), certainty of the face detector (D1); 1 (D0) if None.
        keep_norm: Keep the lengths of f + f' (N1), or divide by them (N0).

    Returns:
        The templates.

    Raises:
        ValueError: If shapes do not fit or an embedding is not finite.

    Source:
        deepinsight/insightface, ``recognition/arcface_torch/eval_ijbc.py``: N1, D1, F1 by default. The option of the
        same name in ``ijb_evals.py`` means the opposite.

    Example:
        >>> pool_templates(np.eye(2), [7, 7], [1, 2]).features.round(3)
        array([[0.707, 0.707]])
    """
    features = as_array(embeddings)
    features = features + as_array(flipped) if flipped is not None else features
    units = unit_rows(features, name="embeddings").numpy()
    if not keep_norm:
        features = units
    features = features.astype(units.dtype)
    weights = np.ones(len(features)) if detection is None else as_array(detection)
    keys = as_array(templates), as_array(medias)
    for name, value in (("templates", keys[0]), ("medias", keys[1]), ("detection", weights)):
        if value.shape != (len(features),):
            raise ValueError(f"{name} has shape {value.shape}, but must be ({len(features)},), one for each picture")
    sums, numbers = _sums(features * weights[:, None].astype(units.dtype), np.stack(keys, 1))
    sums /= np.bincount(numbers)[:, None].astype(units.dtype)
    owners = np.unique(np.stack(keys, 1), axis=0)[:, 0]
    pooled, _ = _sums(sums, owners)
    return Templates(np.unique(owners), unit_rows(pooled, name="templates").numpy())


def _sums(rows: Any, keys: Any) -> tuple[Any, Integers]:
    """Sum of the rows of each distinct key, in the keys' order, and the number of each row's key."""
    numbers = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    return np.add.reduceat(rows[order], starts, axis=0), numbers
