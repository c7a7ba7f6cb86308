"""Write the figures of the README and the documentation from ``results/*.json`` and the catalogue.

A figure stands between ``<!-- figures: NAME -->`` and ``<!-- end of figures -->``.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OWN_FIGURES = ("cost", "growth", "processes")
"""Records whose tables are figures of their own, by the record's name; all others' are of trained networks."""
BLOCK = re.compile(r"(<!-- figures: ([a-z-]+) -->\n)(.*?)(<!-- end of figures -->)", re.DOTALL)
NONE_YET = "No result is recorded yet.\n"

Record = dict[str, Any]


def records(folder: Path = RESULTS) -> list[Record]:
    """All recorded results, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def losses() -> str:
    """The losses of the catalogue, one line for each class, with the names of its variants."""
    from subband.catalog import ENTRIES

    found: dict[str, list[Any]] = {}
    for entry in ENTRIES:
        if entry.kind == "loss":
            found.setdefault(entry.target, []).append(entry)
    rows = []
    for first, *variants in found.values():
        others = ", ".join(f"`{entry.name}`" for entry in variants)
        rows.append((f"`{first.name}`", f"`{first.target.partition(':')[2]}`", first.line, others, first.source))
    return table(("name", "class", "what it is", "variants", "source"), rows)


def summary(found: Sequence[Record]) -> str:
    """One line for each comparison: times faster than the published operations, part of their memory."""
    rows = []
    for record in (one for one in found if one.get("timings")):
        bounds = record.get("gates", [])
        faster = _range([gate["value"] for gate in bounds if gate.get("at_least") is not None])
        shares = [gate for gate in bounds if gate.get("at_most") is not None and gate["at_most"] <= 1]
        memory = _range([100 * gate["value"] for gate in shares])
        busy = any(timing.get("contended") for timing in record.get("timings", {}).values())
        file = f"`benchmarks/results/{record['name']}.json`" + (" (machine was busy)" if busy else "")
        if bounds:
            rows.append((record.get("title", record["name"]), faster, memory, file))
    return table(("what", "times faster", "memory, %", "file"), rows) if rows else NONE_YET


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    shown = [f"{value:.2g}" if value < 100 else f"{value:.0f}" for value in (min(values), max(values))]
    return " to ".join(dict.fromkeys(shown))


def gates(found: Sequence[Record]) -> str:
    """Every target of ``make bench``: the figure that was measured, its bound, its goal, and where the time goes."""
    rows = [
        (
            gate["what"],
            f"{gate['value']:.3g}",
            bound(gate),
            "" if gate.get("goal") is None else f"{gate['goal']:g}" + ("" if gate["reached"] else ", not reached"),
            spent(gate.get("profile", {})),
            f"`{record['name']}.json`",
        )
        for record in found
        for gate in record.get("gates", [])
    ]
    return table(("what", "measured", "bound", "goal", "where the time goes", "file"), rows) if rows else NONE_YET


def spent(profile: dict[str, float]) -> str:
    """Where the time of a case goes, in words."""
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in profile.items())


def bound(gate: Record) -> str:
    """The bounds of a gate in words."""
    bounds = (("at least", gate.get("at_least")), ("at most", gate.get("at_most")))
    return ", ".join(f"{word} {value:g}" for word, value in bounds if value is not None)


def timings(found: Sequence[Record]) -> str:
    """Every comparison of running times, with its machine and command."""
    parts = []
    for record in found:
        for title, timing in record.get("timings", {}).items():
            memory = timing.get("memory_mb", {})
            rows = [
                (
                    name,
                    f"{case['median_ms']:.3g}",
                    f"{case['ratio']:.3g}",
                    f"{case['speedup']:.3g}",
                    f"{memory[name]:.3g}" if name in memory else "",
                )
                for name, case in timing["cases"].items()
            ]
            head = ("case", "ms", f"over {timing['reference']}", "speed-up", "peak MB")
            busy = " The machine was busy: read the ratios with care." if timing.get("contended") else ""
            parts.append(f"**{record.get('title', record['name'])}: {title}.**{busy}\n\n{table(head, rows)}")
        if record.get("timings"):
            parts.append(_origin(record))
    return "\n".join(parts) or NONE_YET


def quality(found: Sequence[Record]) -> str:
    """Every table of the records."""
    parts = []
    for record in found:
        for part in record.get("tables", []):
            note = f"\n{part['note']}\n" if part.get("note") else ""
            parts.append(f"**{part['title']}**\n\n{table(part['columns'], part['rows'])}{note}")
        if record.get("tables"):
            parts.append(_origin(record))
    return "\n".join(parts) or NONE_YET


def findings(found: Sequence[Record]) -> str:
    """What each comparison of networks found, in its own sentence."""
    first = [record["tables"][0] for record in found if record.get("tables")]
    return "\n".join(f"- **{part['title']}.** {part['note']}" for part in first) + "\n"


def gpu(found: Sequence[Record]) -> str:
    """What ``make gpu`` measured."""
    parts = []
    for record in (one for one in found if one.get("gpu")):
        for title, rows in record["gpu"].items():
            if title.endswith(", correctness"):
                wrong = [name for name, row in rows.items() if not row["right"]]
                but = f", but not {', '.join(wrong)}" if wrong else ""
                what = title.removesuffix(", correctness")
                parts.append(f"{len(rows) - len(wrong)} of {len(rows)} {what} are right{but}.\n")
            elif title != "environment" and rows:
                parts.append(f"**{title}.**\n\n{_figures(rows)}")
        for name, state in record.get("sections", {}).items():
            if not state["finished"]:
                parts.append(f"Not finished: {name}: {state.get('error') or state['note']}.\n")
        where = record["gpu"].get("environment", {})
        parts.append(f"`{record['command']}`, {record['date']}; {where.get('gpu')}, torch {where.get('torch')}.\n")
    return "\n".join(parts) or NONE_YET


def _figures(rows: dict[str, dict[str, float | None]]) -> str:
    """A table of rows of numbers; a column that is empty throughout is left out."""
    first = next(iter(rows.values()))
    columns = [name for name in first if any(row.get(name) is not None for row in rows.values())]
    head = [name.replace("median_", "").replace("_", " ").replace("mb", "MB") for name in columns]
    cells = [[row.get(name) for name in columns] for row in rows.values()]
    shown = [["" if cell is None else f"{cell:.3g}" for cell in own] for own in cells]
    return table(("case", *head), [(name, *own) for name, own in zip(rows, shown, strict=True)])


def _origin(record: Record) -> str:
    machine = record.get("machine", {})
    where = ", ".join(
        part
        for part in (
            machine.get("cpu"),
            f"{machine['threads']} thread(s)" if "threads" in machine else "",
            f"torch {machine['torch']}" if "torch" in machine else "",
            f"commit {machine['commit']}" if machine.get("commit") else "",
        )
        if part
    )
    return f"`{record['command']}`, {record.get('date', '')}; {where}.\n"


def figures(found: Sequence[Record]) -> dict[str, str]:
    """Text of every figure, by its name."""
    trained = [record for record in found if record["name"] not in OWN_FIGURES]
    own = {name: quality([record for record in found if record["name"] == name]) for name in OWN_FIGURES}
    return {
        **own,
        "losses": losses(),
        "summary": summary(found),
        "gates": gates(found),
        "timings": timings(found),
        "quality": quality(trained),
        "findings": findings(trained),
        "gpu": gpu(found),
    }


def fill(text: str, filled: dict[str, str]) -> str:
    """The text with every figure in it written anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{filled[block[2]]}{block[4]}", text)


def documents() -> list[Path]:
    """Files that may hold figures."""
    written = [path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "_generated"} & set(path.parts)]
    return [ROOT / "README.md", *written]


def stale() -> list[Path]:
    """Files whose figures are not those of the results."""
    filled = figures(records())
    return [path for path in documents() if fill(path.read_text("utf-8"), filled) != path.read_text("utf-8")]


def main() -> None:
    """Write the figures, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a figure is not from the results")
    check = parser.parse_args().check
    for path in (changed := stale()):
        print(f"{path.relative_to(ROOT)}: {'figures differ from the results' if check else 'figures written'}")
        if not check:
            path.write_text(fill(path.read_text("utf-8"), figures(records())), encoding="utf-8")
    sys.exit("run `make tables`" if check and changed else 0)


if __name__ == "__main__":
    main()
