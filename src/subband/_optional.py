"""Packages that only some capabilities need."""

import importlib
from types import ModuleType


def require(package: str, *, extra: str) -> ModuleType:
    """Import ``package``, or say which extra brings it.

    Raises:
        ImportError: If the package is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or not package.startswith(error.name):
            raise
        raise ImportError(f"{package!r} is not installed; this needs it: pip install 'subband[{extra}]'") from error
