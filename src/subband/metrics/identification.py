"""IJB 1:N: search a person in a gallery, and know when nobody there is the one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from subband.metrics._embeddings import unit_rows
from subband.metrics._labels import Bools, Floats, Integers
from subband.metrics._pair_scores import allowed, as_array

RANKS = (1, 5, 10)


@dataclass(frozen=True, eq=False)
class Identification:
    """One-to-many search in one gallery.

    Attributes:
        mated: Probes whose person is in the gallery.
        unmated: Probes whose person is not.
        hits: Mated probes whose person is among the first 1, 5, 10, by that number.
        fars: False positive identification rates asked for (K,).
        thresholds: Threshold of each (K,); a hit must lie above it. NaN without unmated probes.
        found: Mated probes that come first and above each threshold (K,).
    """

    mated: int
    unmated: int
    hits: dict[int, int]
    fars: Floats
    thresholds: Floats
    found: Integers

    @property
    def tpir(self) -> Floats:
        """True positive identification rate at each of ``fars`` (K,); NaN without unmated probes."""
        rates: Floats = np.where(np.isnan(self.thresholds), np.nan, self.found / self.mated)
        return rates

    def rate(self, rank: int) -> float:
        """Part of the mated probes whose person is among the first ``rank``."""
        return self.hits[rank] / self.mated


def identification(
    probes: Any, probe_ids: Any, gallery: Any, gallery_ids: Any, *, fars: Sequence[float] = (0.01, 0.1)
) -> Identification:
    r"""Search each probe in a gallery that holds each person once (IJB 1:N).

    Args:
        probes: Embeddings (P, D), normalised here.
        probe_ids: Person of each probe (P,).
        gallery: Embeddings (G, D).
        gallery_ids: Person of each (G,), all different.
        fars: False positive identification rates f: the threshold is the :math:`\max(\lfloor nf \rfloor, 1)`-th
            largest of the n unmated probes' best scores.

    Returns:
        Counts. A tie counts against the probe. For IJB's two galleries see `joined_identification`.

    Raises:
        ValueError: If shapes do not fit, a person is in the gallery twice, or no probe has a mate.

    Source:
        deepinsight/insightface, ``recognition/_evaluation_/ijb/ijb_evals.py``, ``evaluation_1N``; its order among ties
        is left to the sort.

    Example:
        >>> found = identification(np.eye(3)[:2], ["ann", "bob"], np.eye(3), ["ann", "cid", "dan"])
        >>> found.hits[1], found.unmated
        (1, 1)
    """
    people, known = as_array(probe_ids), as_array(gallery_ids)
    rows, columns = unit_rows(probes, name="probes").numpy(), unit_rows(gallery, name="gallery").numpy()
    _check(people, known, rows, columns)
    order = np.argsort(known)
    place = order[np.searchsorted(known, people, sorter=order).clip(max=len(known) - 1)]
    mated = known[place] == people
    if not mated.any():
        raise ValueError("no probe has its person in the gallery, so nobody can be found")
    ranks, own, best = _search(rows, columns, place, mated)
    rates = np.asarray(fars, float)
    falling = -np.sort(-best[~mated])
    places = [max(allowed(far, len(falling)), 1) - 1 for far in rates]
    thresholds = np.array([falling[at] if len(falling) else np.nan for at in places])
    found = ((ranks == 1) & (own > thresholds[:, None])).sum(1)
    hits = {rank: int((ranks <= rank).sum()) for rank in RANKS}
    return Identification(int(mated.sum()), len(falling), hits, rates, thresholds, found)


def joined_identification(parts: Sequence[Identification]) -> dict[str, float]:
    """Rates over several galleries, such as IJB's G1 and G2: ranks over all mated probes, TPIR as a mean.

    Args:
        parts: Results of `identification` at the same ``fars``.

    Returns:
        ``rank 1`` and so on, and ``TPIR@0.01`` and so on, in [0, 1].
    """
    mated = sum(part.mated for part in parts)
    rates = {f"rank {rank}": sum(part.hits[rank] for part in parts) / mated for rank in RANKS}
    means = np.mean([part.tpir for part in parts], axis=0)
    return rates | {f"TPIR@{far:g}": float(mean) for far, mean in zip(parts[0].fars, means, strict=True)}


def _search(rows: Floats, columns: Floats, place: Integers, mated: Bools) -> tuple[Integers, Floats, Floats]:
    """Rank and score of each mated probe's person, and the best score of every probe."""
    ranks, own, best = np.zeros(len(rows), np.int64), np.zeros(len(rows)), np.zeros(len(rows))
    step = max(1, (1 << 24) // len(columns))
    for at in range(0, len(rows), step):
        part = slice(at, at + step)
        scores = rows[part] @ columns.T
        best[part] = scores.max(1)
        own[part] = scores[np.arange(len(scores)), place[part]]
        ranks[part] = (scores >= own[part, None].astype(scores.dtype)).sum(1)
    return ranks[mated], own[mated], best


def _check(people: Any, known: Any, rows: Floats, columns: Floats) -> None:
    for name, ids, features in (("probe_ids", people, rows), ("gallery_ids", known, columns)):
        if ids.shape != (len(features),):
            raise ValueError(f"{name} has shape {ids.shape}, but must be ({len(features)},), one for each embedding")
    names, counts = np.unique(known, return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"the gallery holds {names[counts.argmax()]} {counts.max()} times; pool it into one template")
    if rows.shape[1] != columns.shape[1]:
        raise ValueError(f"probes have {rows.shape[1]} features, but the gallery has {columns.shape[1]}")
