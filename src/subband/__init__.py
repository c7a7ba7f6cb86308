"""Wavelet transforms, wavelet networks and structure-aware losses for vision in PyTorch.

Sub-packages are imported when first used, so ``import subband`` costs nothing:
``subband.transforms``, ``subband.layers``, ``subband.losses``, ``subband.models``,
``subband.metrics``, ``subband.corrupt``, ``subband.maps``, ``subband.tracing``, ``subband.data``,
``subband.report``, ``subband.tasks``.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"
__all__ = [
    "corrupt",
    "data",
    "layers",
    "losses",
    "maps",
    "metrics",
    "models",
    "report",
    "tasks",
    "tracing",
    "transforms",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'subband' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
