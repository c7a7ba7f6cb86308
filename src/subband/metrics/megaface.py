"""MegaFace: find a second picture of a person among a million of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from subband._check import one_of, positive
from subband._optional import require
from subband.metrics._embeddings import Largest, identity_numbers, unit_rows
from subband.metrics._labels import Floats, Integers
from subband.metrics._pair_scores import allowed

if TYPE_CHECKING:
    from torch import Tensor

Engine = Literal["torch", "faiss"]


@dataclass(frozen=True, eq=False)
class MegaFace:
    """Identification among distractors and verification against them.

    Attributes:
        ranks: Distractors at least as similar to the probe as its mate, for each ordered pair (probe, mate) of one
            person, by probe, then mate; 0 is found first.
        fars: False accept rates asked for (K,).
        accepts: Pairs above the threshold of each (K,).
        thresholds: The probe-distractor score that must be exceeded (K,); -inf if all are allowed.
    """

    ranks: Integers
    fars: Floats
    accepts: Integers
    thresholds: Floats

    @property
    def pairs(self) -> int:
        """Number of ordered pairs (probe, mate)."""
        return len(self.ranks)

    @property
    def rank_one(self) -> float:
        """Part of the pairs whose mate beats all distractors, in [0, 1]."""
        return float((self.ranks == 0).mean())

    @property
    def tar(self) -> Floats:
        """True accept rate at each of ``fars`` (K,), in [0, 1]."""
        rates: Floats = self.accepts / self.pairs
        return rates


def megaface(
    probes: Any,
    labels: Any,
    distractors: Any,
    *,
    fars: Sequence[float] = (1e-6,),
    block: int = 16384,
    device: Any = None,
) -> MegaFace:
    """Ranks of every mate, alone among the distractors, and true accept rates against all of them.

    Args:
        probes: Embeddings (P, D) of people with several pictures, normalised here.
        labels: Person of each (P,).
        distractors: Embeddings (M, D) of nobody among them.
        fars: False accept rates over the P M pairs of probe and distractor, by the rule ``"at_most"`` of
            `subband.metrics.verification.operating_point`.
        block: Distractors at once.
        device: Where to compute; where the embeddings are if None.

    Returns:
        Ranks and rates. A tie counts against the probe.

    Raises:
        ValueError: If shapes do not fit, a number is not finite, or nobody has two pictures.

    Source:
        Kemelmacher-Shlizerman et al., The MegaFace Benchmark, 2016 (arXiv:1512.00596), challenge 1; its programs were
        not seen. A clean list ("refinement") leaves out noisy distractors: pass those that are not noisy.

    Example:
        >>> found = megaface(np.array([[1.0, 0.0], [0.9, 0.1]]), [0, 0], np.array([[0.0, 1.0]]))
        >>> found.pairs, found.rank_one
        (2, 1.0)
    """
    import torch

    positive(block=block)
    rows, others = _read(probes, distractors, device)
    own, there = _mates(rows, labels)
    rates = np.asarray(fars, float)
    total = len(rows) * len(others)
    most = [allowed(far, total) for far in rates]
    largest = Largest.of(most, total)
    ranks = torch.zeros(own.shape, dtype=torch.int64, device=own.device)
    for at in range(0, len(others), block):
        scores = rows @ others[at : at + block].T
        for mate in range(own.shape[1]):
            ranks[:, mate] += (scores >= own[:, mate, None]).sum(1)
        largest.update(scores.flatten())
    thresholds, accepts = largest.above(own[there].cpu().numpy(), most, total)
    return MegaFace(ranks[there].cpu().numpy(), rates, accepts, thresholds)


def rank_one(probes: Any, labels: Any, distractors: Any, *, engine: Engine = "torch", block: int = 16384) -> float:
    """Part of the ordered pairs (probe, mate) whose mate beats all distractors: `MegaFace.rank_one` alone, faster.

    Args:
        probes: See `megaface`.
        labels: See `megaface`.
        distractors: See `megaface`.
        engine: ``"faiss"`` searches an exact inner-product index of the faiss package, in float32.
        block: Distractors at once.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: As `megaface`, or if the engine is unknown.
        ImportError: If faiss is asked for and not installed.

    Example:
        >>> rank_one(np.array([[1.0, 0.0], [0.9, 0.1]]), [0, 0], np.array([[0.0, 1.0]]))
        1.0
    """
    one_of("engine", engine, ("torch", "faiss"))
    positive(block=block)
    rows, others = _read(probes, distractors, None)
    own, there = _mates(rows, labels)
    best = (_nearest_faiss if engine == "faiss" else _nearest)(rows, others, block)
    return float((own > best[:, None])[there].double().mean())


def _read(probes: Any, distractors: Any, device: Any) -> tuple["Tensor", "Tensor"]:
    rows = unit_rows(probes, name="probes", device=device)
    others = unit_rows(distractors, name="distractors", device=device).to(rows)
    if rows.shape[1] != others.shape[1]:
        raise ValueError(f"probes have {rows.shape[1]} features, but distractors {others.shape[1]}")
    return rows, others


def _mates(rows: "Tensor", labels: Any) -> tuple["Tensor", "Tensor"]:
    """Scores of each probe with its mates (P, m), in their order and filled up, and where one is (P, m)."""
    import torch

    people = torch.from_numpy(identity_numbers(labels, rows=len(rows), name="labels")).to(rows.device)
    counts = torch.bincount(people)[people] - 1
    if not counts.any():
        raise ValueError(f"nobody among the {len(rows)} probes has two pictures, so there is no mate to find")
    there = torch.arange(int(counts.max()), device=rows.device) < counts[:, None]
    own = rows.new_full(there.shape, np.inf)
    step = max(1, (1 << 24) // len(rows))
    for at in range(0, len(rows), step):
        part = slice(at, at + step)
        mates = people[part, None] == people
        mates[torch.arange(len(mates)), torch.arange(at, at + len(mates))] = False
        own[part][there[part]] = (rows[part] @ rows.T)[mates]
    return own, there


def _nearest(rows: "Tensor", others: "Tensor", block: int) -> "Tensor":
    """The best score of each probe among the distractors (P,)."""
    best = rows.new_full((len(rows),), -np.inf)
    for at in range(0, len(others), block):
        best = best.maximum((rows @ others[at : at + block].T).amax(1))
    return best


def _nearest_faiss(rows: "Tensor", others: "Tensor", block: int) -> "Tensor":
    """The same by faiss, which takes float32 on the CPU."""
    import torch

    faiss: Any = require("faiss", extra="faces")
    index = faiss.IndexFlatIP(rows.shape[1])
    for at in range(0, len(others), block):
        index.add(np.ascontiguousarray(others[at : at + block].float().cpu().numpy()))
    found, _ = index.search(np.ascontiguousarray(rows.float().cpu().numpy()), 1)
    return torch.from_numpy(found[:, 0]).to(rows)
