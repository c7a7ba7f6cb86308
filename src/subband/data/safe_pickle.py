"""Pickles of NumPy arrays, read without running anything that they name."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_pickled_arrays(path: str | os.PathLike[str]) -> tuple[NDArray[Any], ...]:
    """Arrays of a pickle that holds one array, or a tuple or list of them.

    A pickle says what to import and to call. This one may name NumPy's array and number type and the two functions that
    rebuild an array of plain numbers, nothing else; anything else ends the reading before it is imported.

    Args:
        path: Pickle file of protocol 2 to 5.

    Returns:
        The arrays, in order.

    Raises:
        ValueError: If the file is missing or damaged, names anything else, or holds something else than arrays.

    Example:
        >>> read_pickled_arrays("atlas.pkl")
        Traceback (most recent call last):
        ValueError: there is no file atlas.pkl
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            content = _Unpickler(file).load()
    except Exception as error:  # a damaged pickle may raise anything
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is no pickle of arrays ({reason}); nothing that it names was run") from error
    parts = content if isinstance(content, tuple | list) else (content,)
    arrays = tuple(part.array for part in parts if isinstance(part, _Array) and part.array is not None)
    if not arrays or len(arrays) < len(parts):
        raise ValueError(f"{path} holds something else than arrays of numbers; expected an image and its labels")
    return arrays


class _Type:
    """Stands for a type of plain numbers; objects and records are refused."""

    def __init__(self, name: str, align: bool = False, copy: bool = False) -> None:
        if str(name)[:1] not in tuple("iufb") or not str(name)[1:].isdecimal():
            raise pickle.UnpicklingError(f"it asks for an array of {name!r}")
        self.dtype: np.dtype[Any] = np.dtype(str(name))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


class _Array:
    """Stands for an array of plain numbers, which is made of its bytes."""

    array: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, content = state
        self.array = _filled(content, kind, shape, "F" if fortran else "C").array


class _Unpickler(pickle.Unpickler):
    """Builds tuples, lists and stand-ins for arrays of numbers."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for, or an error; nothing is imported."""
        module = module.replace("numpy._core.", "numpy.core.")
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _KNOWN[module, name]


def _empty(kind: Any, shape: Any, code: Any) -> _Array:
    """The array that a pickle then fills."""
    return _Array()


def _filled(content: Any, kind: _Type, shape: tuple[int, ...], order: str) -> _Array:
    """An array of its bytes, with a copy of its own."""
    made = _Array()
    made.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if order == "F" else "C").copy("K")
    return made


def _bytes_of(text: str, encoding: str) -> bytes:
    """Bytes as protocols below 3 write them: text in Latin 1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _empty,
    ("numpy.core.numeric", "_frombuffer"): _filled,
    ("_codecs", "encode"): _bytes_of,
}
"""What a pickle of arrays may name, and what it gets instead; the class of arrays itself is only passed on."""
