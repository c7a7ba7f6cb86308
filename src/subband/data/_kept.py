"""Values that were read, kept in memory up to a limit."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by their index; a copy for another process begins empty.

    Args:
        most: Bytes that stay in memory.

    Example:
        >>> kept = Kept[str](most=3)
        >>> [kept.fetch(index, read=str, size=lambda text: 2) for index in (7, 8, 7)]
        ['7', '8', '7']
    """

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._values: dict[int, Value] = {}

    def fetch(self, index: int, *, read: Callable[[int], Value], size: Callable[[Value], int]) -> Value:
        """The value of an index: read now if it was not kept, and kept if its bytes still fit."""
        if index not in self._values:
            value = read(index)
            if size(value) > self._free:
                return value
            self._free -= size(value)
            self._values[index] = value
        return self._values[index]

    def __len__(self) -> int:
        """Number of values that are in memory."""
        return len(self._values)

    def clear(self) -> None:
        """Forget them all."""
        self._values.clear()
        self._free = self._most

    def __getstate__(self) -> dict[str, Any]:
        return {"_most": self._most, "_free": self._most, "_values": {}}


def whole_index(index: int, count: int, what: str) -> int:
    """An index of ``count`` things from 0 on; -1 is the last.

    Raises:
        IndexError: If there is no such thing.
    """
    if not -count <= index < count:
        raise IndexError(f"there is no {what} {index}; there are {count}")
    return index % count
