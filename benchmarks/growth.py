"""How time and memory grow: an exponent for each subject, 1 where it grows as its law says.

An exponent is the least-squares slope of the logarithms over four sizes or more, timed in interleaved rounds.
"""

from itertools import chain

from _curve import Curve
from _fit import Fit, fit
from _growing_data import data
from _growing_training import training
from common import compare, gate, write

AT_MOST, GOAL = 1.15, 1.05
BYTES = ("peak bytes each", "stay")


def measure(curve: Curve) -> tuple[list[str], list[dict], bool]:
    """The line of the table, the targets, and whether the machine was busy."""
    sizes = list(curve.cases)
    named = {str(size): curve.cases[size] for size in sizes}
    timing = compare(named, reference=str(sizes[0]), rounds=5, budget_s=15)
    time = fit(sizes, [timing["cases"][name]["ratio"] for name in named], curve.law)
    peaks = [curve.peak(case) for case in named.values()]
    memory = fit(sizes, peaks)
    largest = named[str(sizes[-1])]
    row = [
        curve.name,
        f"{sizes[0]:,} to {sizes[-1]:,} {curve.units}",
        f"{timing['cases'][str(sizes[-1])]['median_ms']:.3g}",
        curve.law_name,
        shown(time),
        shown(memory),
        f"{peaks[-1] / sizes[-1]:.3g}",
        f"{curve.stays:.3g}" if curve.stays else "",
    ]
    what = f"{curve.name}: exponent of the"
    targets = [
        gate(f"{what} time against {curve.law_name}", time.exponent, at_most=AT_MOST, goal=GOAL, case=largest),
        gate(f"{what} memory against n", memory.exponent, at_most=AT_MOST, goal=GOAL),
    ]
    return row, targets, timing["contended"]


def shown(found: Fit) -> str:
    """Exponent, and the largest deviation from the curve."""
    return f"{found.exponent:.2f} (within {100 * found.deviation:.0f} %)"


def main() -> None:
    """Check, time, fit and write ``results/growth.json``."""
    rows, gates, busy = [], [], []
    for curve in chain(training(), data()):
        row, targets, contended = measure(curve)
        print(" | ".join(row), flush=True)
        rows.append(row)
        gates += targets
        if contended:
            busy.append(curve.name)
    columns = ["what", "from, to", "ms at the largest", "law", "time's exponent", "memory's exponent", *BYTES]
    note = (
        "An exponent is 1 where the time grows as the law and the memory as n; in brackets the farthest point. Bytes "
        "are those of each pixel, class, ... at the largest size, inputs not counted; filters stay until they are of "
        "another shape."
    )
    if busy:
        note += f" The machine was busy during: {', '.join(busy)}."
    table = {"title": "Growth of time and memory", "columns": columns, "rows": rows, "note": note}
    print(write("growth", {"title": table["title"], "tables": [table], "gates": gates}))


if __name__ == "__main__":
    main()
