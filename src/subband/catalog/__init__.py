"""Every name that a recipe or the command line may use. Nothing here imports torch.

An entry is a name, the object behind it as ``"module:object"``, one line, its source, and the options that make a
variant of the object (``cwmi-ce`` is ``CWMILoss`` with two options). There is a file for each task.
"""

from collections.abc import Iterable

from subband._check import closest
from subband.catalog import classification, detection, neurons, recognition, registration, segmentation
from subband.catalog.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    *segmentation.ENTRIES,
    *classification.ENTRIES,
    *detection.ENTRIES,
    *recognition.ENTRIES,
    *registration.ENTRIES,
    *neurons.ENTRIES,
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
