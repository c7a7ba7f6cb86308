"""All pairs of a set at once, as the MFR challenge counts them: 10^12 pairs, block by block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from subband._check import positive
from subband.metrics._embeddings import Largest, identity_numbers, unit_rows
from subband.metrics._labels import Floats, Integers
from subband.metrics._pair_scores import allowed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class AllToAll:
    """True accepts over all ordered pairs; every pair of a set with itself counts twice, as both orders.

    Attributes:
        genuine: Ordered pairs of one person.
        impostors: Ordered pairs of two people.
        fars: False accept rates asked for (K,).
        accepts: Genuine pairs above the threshold of each (K,).
        thresholds: The impostor score that each accepted pair must exceed (K,); -inf if all impostors are allowed.
    """

    genuine: int
    impostors: int
    fars: Floats
    accepts: Integers
    thresholds: Floats

    @property
    def tar(self) -> Floats:
        """True accept rate at each of ``fars`` (K,), in [0, 1]."""
        rates: Floats = self.accepts / self.genuine
        return rates


def all_to_all(
    embeddings: Any,
    labels: Any,
    *,
    fars: Sequence[float] = (1e-6,),
    against: tuple[Any, Any] | None = None,
    block: int = 4096,
    device: Any = None,
) -> AllToAll:
    r"""True accept rates over all pairs, exactly, without holding the scores.

    Of the impostors only the :math:`K + 1` largest scores are held,
    :math:`K = \lfloor \text{far} \cdot N_\text{impostor} \rfloor`; every genuine pair is.

    Args:
        embeddings: (N, D), normalised here; float32 or float64, in which the scores are computed.
        labels: Person of each (N,): numbers or names.
        fars: False accept rates, by the rule ``"at_most"`` of `subband.metrics.verification.operating_point`.
        against: Embeddings (M, D) and labels (M,) of a second set, such as masked against plain faces; each of the
            N M pairs then counts once.
        block: Rows and columns of a block of scores.
        device: Where to compute; where the embeddings are if None.

    Returns:
        Counts, thresholds and rates.

    Raises:
        ValueError: If shapes do not fit, a number is not finite, or all pairs are of one kind.

    Source:
        The ICCV 2021 MFR challenge counts n (n - 1) ordered pairs: TAR at 1e-6 for MR-All and each race, at 1e-4 for
        children, and for masked against plain faces. Its images and its server are not public.

    Example:
        >>> found = all_to_all(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]]), [0, 0, 1, 1], fars=[0.0])
        >>> found.genuine, found.impostors, found.tar
        (4, 8, array([1.]))
    """
    positive(block=block)
    rows = unit_rows(embeddings, name="embeddings", device=device)
    columns = rows if against is None else unit_rows(against[0], name="embeddings of the second set", device=device)
    if rows.shape[1] != columns.shape[1] or rows.dtype != columns.dtype:
        raise ValueError(
            f"the first set has {rows.shape[1]} features of {rows.dtype}, but the second {columns.shape[1]} of "
            f"{columns.dtype}; embed both with one network"
        )
    people = _people(labels, None if against is None else against[1], len(rows), len(columns))
    orders = 2 if against is None else 1
    genuine, impostors = _counts(*people, orders)
    rates = np.asarray(fars, float)
    most = [allowed(far, impostors) // orders for far in rates]
    inner = impostors // orders
    largest = Largest.of(most, inner)
    kept = []
    for scores, one in _blocks(rows, columns, people, block, halved=against is None):
        kept.append(scores[one].cpu().numpy())
        largest.update(scores[~one])
    thresholds, accepts = largest.above(np.concatenate(kept), most, inner)
    return AllToAll(genuine, impostors, rates, orders * accepts, thresholds)


def _people(first: Any, second: Any, rows: int, columns: int) -> tuple[Integers, Integers]:
    """Numbers of the people of both sets, the same for the same."""
    if second is None:
        numbers = identity_numbers(first, rows=rows, name="labels")
        return numbers, numbers
    both = np.concatenate([np.asarray(first), np.asarray(second)])
    numbers = identity_numbers(both, rows=rows + columns, name="labels of both sets")
    return numbers[:rows], numbers[rows:]


def _counts(first: Integers, second: Integers, orders: int) -> tuple[int, int]:
    """Ordered pairs of one and of two people."""
    width = int(max(first.max(), second.max())) + 1
    counts = [np.bincount(part, minlength=width).astype(object) for part in (first, second)]
    own = len(first) if orders == 2 else 0
    genuine = int((counts[0] * counts[1]).sum()) - own
    impostors = len(first) * len(second) - own - genuine
    if not genuine or not impostors:
        raise ValueError(f"there are {genuine} pairs of one person and {impostors} of two; both kinds are needed")
    return genuine, impostors


def _blocks(
    rows: "Tensor", columns: "Tensor", people: tuple[Integers, Integers], block: int, *, halved: bool
) -> Iterator[tuple["Tensor", "Tensor"]]:
    """Scores and whether they are of one person, each block flat; of a set with itself each pair once."""
    import torch

    first, second = (torch.from_numpy(part).to(rows.device) for part in people)
    for top in range(0, len(rows), block):
        for left in range(top if halved else 0, len(columns), block):
            down, across = slice(top, top + block), slice(left, left + block)
            scores = rows[down] @ columns[across].T
            one = first[down, None] == second[None, across]
            if halved and top == left:
                upper = torch.ones_like(one).triu(1)
                scores, one = scores[upper], one[upper]
            yield scores.flatten(), one.flatten()
