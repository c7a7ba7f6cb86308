"""Which files of a folder are a neuron's volume, tree and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from subband.data.images import held
from subband.data.volume_file import READERS

SLICES = "image"
"""Folder of 2-D slices in a sample's folder."""
LABELS = "labels"


@dataclass(frozen=True)
class NeuronFiles:
    """Files of one sample; a tree or labels are there."""

    name: str
    volume: Path
    tree: Path | None
    labels: Path | None


def list_neurons(root: Path) -> list[NeuronFiles]:
    """Samples of a folder: pairs of volume and SWC file by name, and folders with both, in the order of their names.

    Raises:
        ValueError: If one of several files could be meant.
    """
    volumes = _volumes(root)
    trees = {path.stem: path for path in _files(root) if path.suffix.lower() == ".swc"}
    pairs = [NeuronFiles(name, path, trees[name], None) for name, path in volumes.items() if name in trees]
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and path not in volumes.values()]
    inside = [files for path in folders if (files := _in_folder(path)) is not None]
    return sorted((*pairs, *inside), key=lambda files: files.name)


def _in_folder(folder: Path) -> NeuronFiles | None:
    """The sample of a folder, or None if it holds none."""
    if folder.name.startswith("."):
        return None
    volumes = _volumes(folder)
    labels = volumes.pop(LABELS, None)
    trees = {path.stem: path for path in _files(folder) if path.suffix.lower() == ".swc"}
    if (folder / SLICES).is_dir():
        volumes.setdefault(SLICES, folder / SLICES)
    if not trees and labels is None:
        return None
    tree = None if not trees else trees[_chosen(folder, "SWC files", list(trees), ("tree", folder.name))]
    if not volumes:
        raise ValueError(
            f"{folder} has a tree or labels, but no volume ({held(folder)}); expected image.tif or another"
        )
    known = (SLICES, folder.name, *([] if tree is None else [tree.stem]))
    return NeuronFiles(folder.name, volumes[_chosen(folder, "volumes", list(volumes), known)], tree, labels)


def _chosen(folder: Path, what: str, names: Sequence[str], known: Sequence[str]) -> str:
    """The only name, or the first known one."""
    if len(names) == 1:
        return names[0]
    for name in known:
        if name in names:
            return name
    raise ValueError(
        f"{folder} holds {len(names)} {what} ({', '.join(sorted(names)[:5])}); "
        f"keep one, or call it {' or '.join(dict.fromkeys(known))}"
    )


def _volumes(folder: Path) -> dict[str, Path]:
    """Volumes of a folder by their names without the suffix."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        suffix = max((each for each in READERS if name.endswith(each)), key=len, default="")
        if suffix and not name.startswith(".") and (path.is_file() or suffix == ".zarr"):
            found.setdefault(path.name[: -len(suffix)], path)
    return found


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
