"""Guards whose messages say what was expected, what came and what to do."""

import difflib
from collections.abc import Iterable
from typing import Protocol


class Shaped(Protocol):
    """Anything with a shape: a tensor or an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for a misspelt name, or an empty string."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def one_of(name: str, value: str, known: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of the ``known`` words."""
    known = list(known)
    if value not in known:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(known)}{closest(str(value), known)}")


def positive(**values: float) -> None:
    """Raise ``ValueError`` for the first value that is not greater than zero."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}, but must be greater than 0")


def not_negative(**values: float) -> None:
    """Raise ``ValueError`` for the first value below zero."""
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} is {value}, but must be 0 or greater")


def between(low: float, high: float, **values: float) -> None:
    """Raise ``ValueError`` for the first value that is below ``low`` or above ``high``."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}, but must lie between {low:g} and {high:g}")


def same_shape(**tensors: Shaped) -> None:
    """Raise ``ValueError`` unless all named tensors have one shape."""
    (first, reference), *others = tensors.items()
    for name, tensor in others:
        if tuple(tensor.shape) != tuple(reference.shape):
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, but {first} has {tuple(reference.shape)}; "
                "give both the same shape"
            )
