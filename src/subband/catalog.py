"""Every name that a recipe or the command line may use. Nothing here imports torch.

An entry is a name, the object behind it as ``"module:object"``, one line, its source, and the options that make a
variant of the object (``cwmi-ce`` is ``CWMILoss`` with two options).
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from subband._check import closest


@dataclass(frozen=True)
class Entry:
    """One name: what it stands for and where it comes from."""

    kind: str
    name: str
    target: str
    line: str
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def load(self) -> Any:
        """Import and return the object behind the name."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


_LOSS = "subband.losses.segmentation:"
_CWMI = "Lu et al., CWMI, 2025"
_SPW = "Lu, SPW, 2025"

ENTRIES: tuple[Entry, ...] = (
    Entry("loss", "ce", _LOSS + "CrossEntropyLoss", "cross-entropy", "-", label="CE"),
    Entry("loss", "bce", _LOSS + "BalancedCrossEntropyLoss", "class-balanced cross-entropy", _CWMI, label="BCE"),
    Entry("loss", "dice", _LOSS + "DiceLoss", "soft Dice", "Milletari et al., 2016", label="Dice"),
)


def names(kind: str) -> list[str]:
    """Names of one kind, in the catalogue's order."""
    return [entry.name for entry in ENTRIES if entry.kind == kind]


def kinds() -> list[str]:
    """Kinds of entries, in the catalogue's order."""
    return list(dict.fromkeys(entry.kind for entry in ENTRIES))


def find(kind: str, name: str, *, among: Iterable[Entry] = ENTRIES) -> Entry:
    """Return the entry, or say which names there are.

    Raises:
        ValueError: If there is no such name, with the closest one.
    """
    known = {entry.name: entry for entry in among if entry.kind == kind}
    if name not in known:
        raise ValueError(f"there is no {kind} called {name!r}{closest(name, known)} (known: {', '.join(known)})")
    return known[name]
