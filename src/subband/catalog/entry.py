"""One name of the catalogue."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
