"""The lines of an SWC file one by one, and all that is wrong with them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from subband.transforms.tree import find_loop

COLUMNS = "id type x y z radius parent"


@dataclass(frozen=True)
class Finding:
    """What is odd in a file.

    Attributes:
        line: Line number from 1 on; 0 for the whole file.
        text: One sentence.
        error: Whether the file cannot be read as a tree; otherwise other programs may stumble over it.
    """

    line: int
    text: str
    error: bool = True

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{'' if self.error else 'warning: '}{self.text}"


@dataclass(frozen=True)
class Node:
    """One line of a file: numbers as they are written, (x, y, z) in the file's order."""

    line: int
    number: int
    kind: int
    place: tuple[float, float, float]
    radius: float
    parent: int


def parse_swc(text: str) -> tuple[list[Node], list[Finding]]:
    """Nodes of the lines that can be read, in the file's order, and the findings in the order of their lines."""
    nodes: list[Node] = []
    findings: list[Finding] = []
    for line, content in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        words = content.partition("#")[0].replace(",", " ").split()
        if words:
            found = _node(line, words)
            if isinstance(found, Node):
                nodes.append(found)
            else:
                findings.append(found)
    lines: dict[int, int] = {}
    for node in nodes:
        findings += _own_findings(node, lines)
        lines.setdefault(node.number, node.line)
    findings += _family_findings(nodes, lines)
    if not nodes and not findings:
        findings.append(Finding(0, f"there is no node; a line of one holds {COLUMNS}"))
    return nodes, sorted(findings, key=lambda finding: finding.line)


def _node(line: int, words: list[str]) -> Node | Finding:
    """The node of one line, or why there is none."""
    if len(words) < 7:
        return Finding(line, f"there are {len(words)} columns, but 7 are needed: {COLUMNS}")
    try:
        values = [float(word) for word in words[:7]]
    except ValueError:
        wrong = next(word for word in words[:7] if not _is_number(word))
        return Finding(line, f"{wrong!r} is not a number; the columns are {COLUMNS}")
    for name, value in zip(COLUMNS.split(), values, strict=True):
        if not math.isfinite(value):
            return Finding(line, f"{name} is {value}, but must be a finite number")
        if name in ("id", "type", "parent") and value != int(value):
            return Finding(line, f"{name} is {value:g}, but must be a whole number")
    number, kind, x, y, z, radius, parent = values
    return Node(line, int(number), int(kind), (x, y, z), radius, int(parent))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _own_findings(node: Node, lines: dict[int, int]) -> Iterator[Finding]:
    """What is wrong with a node by itself, and by the ids of the ``lines`` before it."""
    if node.number < 0:
        yield Finding(node.line, f"id is {node.number}, but must be 0 or greater")
    if node.number in lines:
        yield Finding(
            node.line, f"id {node.number} is used already in line {lines[node.number]}; give each node its own"
        )
    if node.radius < 0:
        yield Finding(node.line, f"radius is {node.radius:g}, but must be 0 or greater")
    if node.radius == 0:
        yield Finding(node.line, "radius is 0, so that the node is a point", error=False)
    if node.kind < 0:
        yield Finding(node.line, f"type is {node.kind}, but must be 0 or greater")


def _family_findings(nodes: list[Node], lines: dict[int, int]) -> Iterator[Finding]:
    """What is wrong with the parents: missing, in a loop, after their children; several roots."""
    for node in nodes:
        if node.parent >= 0 and node.parent not in lines:
            yield Finding(node.line, f"parent {node.parent} does not exist; give the id of a node, or -1 to a root")
        elif node.parent >= 0 and lines[node.parent] > node.line:
            yield Finding(node.line, f"parent {node.parent} comes later, in line {lines[node.parent]}", error=False)
    loop = find_loop(parent_indices(nodes))
    if loop is not None:
        node = nodes[loop]
        yield Finding(node.line, f"node {node.number} is its own ancestor: its parents form a loop; cut it there")
    roots = [node for node in nodes if node.parent < 0]
    if len(roots) > 1:
        names = ", ".join(str(node.number) for node in roots[:5]) + (", ..." if len(roots) > 5 else "")
        yield Finding(roots[1].line, f"there are {len(roots)} roots (ids {names}), so {len(roots)} trees", error=False)


def parent_indices(nodes: list[Node]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Index of the parent of each node, -1 for a root and where the parent is missing."""
    index: dict[int, int] = {}
    for place, node in enumerate(nodes):
        index.setdefault(node.number, place)
    return np.array([index.get(node.parent, -1) if node.parent >= 0 else -1 for node in nodes], np.int64)
