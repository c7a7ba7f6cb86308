"""SWC files of traced neurons: read leniently, written strictly, checked line by line."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from subband._check import positive
from subband._files import write_text
from subband.data._swc_lines import Finding, Node, parent_indices, parse_swc
from subband.transforms.tree import Tree


def read_swc(path: str | os.PathLike[str], *, height: int | None = None) -> Tree:
    """Read a tree; lines in any order, comments, commas or tabs, and further columns (ESWC) are understood.

    Args:
        path: Text file, one node a line: id, type, x, y, z, radius, parent (-1 for a root).
        height: Number Y of rows of the volume: y becomes Y - 1 - y and coordinates below 0 become 0, as the authors
            read their files; None takes coordinates as they are.

    Returns:
        The tree, nodes in the file's order, positions (z, y, x) in the file's unit.

    Raises:
        ValueError: If the file is missing, or `check_swc` finds an error; the message names the first one.

    Warns:
        UserWarning: If there are several roots.

    Source:
        Cannon et al., 1998 (SWC); LiQiufu/3D-WaveUNet, ``preprocess`` (``height``).

    Example:
        >>> read_swc("neuron.swc")
        Traceback (most recent call last):
        ValueError: there is no file neuron.swc
    """
    nodes, findings = _parsed(path)
    errors = [finding for finding in findings if finding.error]
    if errors:
        more = f" (and {len(errors) - 1} more errors: subband swc validate)" if len(errors) > 1 else ""
        raise ValueError(f"{path}: {errors[0]}{more}")
    roots = sum(node.parent < 0 for node in nodes)
    if roots > 1:
        warnings.warn(f"{path} has {roots} roots: it is read as {roots} trees together", stacklevel=2)
    positions = np.array([node.place[::-1] for node in nodes])
    if height is not None:
        positive(height=height)
        positions[:, 1] = height - 1 - positions[:, 1]
        positions = np.maximum(positions, 0)
    radii, kinds = np.array([node.radius for node in nodes]), np.array([node.kind for node in nodes])
    return Tree(positions, radii, parent_indices(nodes), kinds)


def write_swc(path: str | os.PathLike[str], tree: Tree, *, comments: Sequence[str] = ()) -> None:
    """Write a tree so that every program reads it: ids 1, 2, ..., parents before their children, plain line ends.

    Args:
        path: File to write, whole or not at all.
        tree: The tree; coordinates are written as x, y, z with up to 6 decimals.
        comments: Lines for the head of the file, without ``#``.

    Raises:
        ValueError: If the tree has no node, or a comment holds a line break.
        OSError: If it cannot be written.

    Example:
        >>> write_swc("neuron.swc", Tree([], [], [], []))
        Traceback (most recent call last):
        ValueError: the tree has no node, but an SWC file needs one; neuron.swc is not written
    """
    if len(tree) == 0:
        raise ValueError(f"the tree has no node, but an SWC file needs one; {path} is not written")
    if any(len(comment.splitlines()) > 1 for comment in comments):
        raise ValueError("a comment holds a line break, but must be one line; give each line by itself")
    order = tree.order
    number = np.zeros(len(tree), np.int64)
    number[order] = np.arange(1, len(tree) + 1)
    lines = [f"# {comment}".rstrip() for comment in (*comments, "id type x y z radius parent")]
    for node in order:
        z, y, x = tree.positions[node]
        parent = number[tree.parents[node]] if tree.parents[node] >= 0 else -1
        values = " ".join(_decimal(value) for value in (x, y, z, tree.radii[node]))
        lines.append(f"{number[node]} {tree.kinds[node]} {values} {parent}")
    write_text(path, "\n".join(lines) + "\n")


def check_swc(path: str | os.PathLike[str]) -> list[str]:
    """Everything that is odd in a file, in the order of its lines.

    Errors, which keep `read_swc` from reading it: columns that are missing or no numbers, ids used twice, a negative
    radius or type, a parent that does not exist, a loop, no node. Warnings, which begin with ``warning:`` behind the
    line number: several roots, a radius of 0, a parent after its child.

    Returns:
        Sentences such as ``line 7: parent 12 does not exist; ...``; none for a file without fault.

    Raises:
        ValueError: If the file is missing or is not text.

    Example:
        >>> check_swc("neuron.swc")
        Traceback (most recent call last):
        ValueError: there is no file neuron.swc
    """
    return [str(finding) for finding in swc_findings(path)]


def swc_findings(path: str | os.PathLike[str]) -> list[Finding]:
    """`check_swc` with line, text and whether it is an error apart."""
    return _parsed(path)[1]


def _parsed(path: str | os.PathLike[str]) -> tuple[list[Node], list[Finding]]:
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    content = Path(path).read_bytes()
    if b"\0" in content:
        raise ValueError(f"{path} is not a text file, but an SWC file is one; give the traced neuron, not the volume")
    return parse_swc(content.decode("utf-8", errors="replace"))


def _decimal(value: float) -> str:
    """Up to 6 decimals, without zeros at the end."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
