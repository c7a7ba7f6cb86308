"""Pages of the reference: one for each kind of the catalogue, one for each public package."""

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from subband import catalog

PACKAGES = {
    "subband.losses.segmentation": "Losses of segmentation",
    "subband.losses.recognition": "Losses of recognition",
    "subband.losses.registration": "Losses of registration",
    "subband.transforms": "Transforms",
    "subband.layers": "Layers",
    "subband.maps": "Weight maps",
    "subband.metrics": "Metrics",
    "subband.models": "Networks",
    "subband.tracing": "Tracing of neurons",
    "subband.corrupt": "Corruptions, attacks, shifts",
    "subband.data": "Data",
    "subband.data.readers": "Readers",
    "subband.report": "Report",
}
KINDS = {
    "loss": "Losses",
    "model": "Networks",
    "dataset": "Readers",
    "metric": "Metrics",
    "map": "Weight maps",
    "registration": "Registrations",
    "similarity": "Similarities of registrations",
    "volume-dataset": "Readers of volumes",
    "neuron-model": "Networks of neurons",
    "neuron-dataset": "Readers of neurons",
}


def write(folder: Path) -> None:
    """Write all pages into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"names.md": names_page(), **{f"{package}.rst": api_page(package) for package in PACKAGES}}
    for old in folder.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")


def names_page() -> str:
    """Every name that a recipe or the command line may use."""
    parts = [
        "# Names\n\nThe names that recipes and the command line use; `subband list KIND` and `subband show KIND NAME` "
        "print them too.\n"
    ]
    for kind in catalog.kinds():
        rows = [entry for entry in catalog.ENTRIES if entry.kind == kind]
        parts.append(f"\n## {KINDS.get(kind, kind)}\n\n| name | what it is | object | options | source |\n")
        parts.append("| --- | --- | --- | --- | --- |\n")
        for entry in rows:
            module, _, attribute = entry.target.partition(":")
            options = ", ".join(f"`{key}={value!r}`" for key, value in entry.options.items())
            link = f"{{py:obj}}`{attribute} <{module}.{attribute}>`"
            parts.append(f"| `{entry.name}` | {entry.line} | {link} | {options} | {entry.source} |\n")
    return "".join(parts)


def api_page(package: str) -> str:
    """Documentation of everything a package exports."""
    module = importlib.import_module(package)
    title = f"{PACKAGES[package]}: {package}"
    parts = [f"{title}\n{'=' * len(title)}\n\n.. automodule:: {package}\n   :no-members:\n"]
    for name in module.__all__:
        exported = getattr(module, name)
        if inspect.isclass(exported):
            plain = inspect.getmodule(exported) is None or hasattr(
                exported, "_fields"
            )  # fields of a tuple are attributes
            members = "" if plain else "   :members:\n   :show-inheritance:\n"
            parts.append(f"\n.. autoclass:: {package}.{name}\n{members}")
        elif callable(exported):
            parts.append(f"\n.. autofunction:: {package}.{name}\n")
        elif isinstance(exported, Iterable):
            members = ", ".join(f"``{member}``" for member in exported)
            parts.append(f"\n.. py:data:: {package}.{name}\n\n   {members}\n")
    return "".join(parts)


def plain_stars(lines: list[str]) -> Iterator[str]:
    """Lines of a docstring whose ``*space`` and ``|x|``, outside of code and mathematics, mean themselves."""
    formula = -1
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if formula >= 0 and (not line.strip() or indent > formula):
            yield line
            continue
        formula = indent if line.lstrip().startswith(".. math::") else -1
        if formula >= 0 or line.lstrip().startswith(">>>"):
            yield line
            continue
        parts = re.split(r"(``.*?``|`.*?`)", line)
        parts[::2] = [
            re.sub(r"(?<=[(, ])\*(?=[\w{}+]+[),'])|\|(?=\w+\|)|(?<=\w)\|", r"\\\g<0>", part) for part in parts[::2]
        ]
        yield "".join(parts)
