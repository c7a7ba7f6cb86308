"""Keep the table of a finished comparison among the results: ``record.py RUN_FOLDER NAME``."""

import argparse
from pathlib import Path

from common import write


def main() -> None:
    """Write ``results/NAME.json`` with the table of the report and the command that trained."""
    from subband._files import read_json
    from subband.report import read_comparison, report_table, verdict

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that `subband compare` or `subband demo` wrote")
    parser.add_argument("name", help="name of the result, such as demo")
    given = parser.parse_args()
    run = read_json(given.folder / "comparison.json")
    if run["partial"]:
        parser.error(f"{given.folder} is not finished: run the same command again, it goes on where it stopped")
    comparison = read_comparison(given.folder)
    columns, rows = report_table(given.folder, metrics=comparison.metrics, markup=False)
    note = f"{verdict(given.folder)} {run['steps']} steps; folds {run['folds']}, seeds {run['seeds']}."
    title, data = run["title"], run["dataset"]["label"]
    title = title if data in title else f"{title}: {data}"
    payload = {
        "title": title,
        "command": run["command"],
        "machine": {**run["machine"], "torch": run["versions"]["torch"], "commit": run["versions"].get("git", "")},
        "minutes": run["minutes"],
        "tables": [{"title": title, "columns": columns, "rows": rows, "note": note}, *more(comparison)],
    }
    print(write(given.name, payload))


def more(comparison) -> list[dict]:
    """Tables of a classification: corruptions, and the bias that was learnt beside the best threshold."""
    from subband.report.robustness import corruption_table, uniform_table

    found = []
    if corrupted := corruption_table(comparison):
        cells = [
            [row["label"], *(f"{cell.mean}±{cell.sd}" if cell.sd else cell.mean for cell in row["cells"])]
            for row in corrupted["rows"]
        ]
        note = "Error in per cent; mCE, relative mCE and the groups over the error of the first row."
        columns = [comparison.noun, *corrupted["columns"]]
        found.append({"title": "Under corruption", "columns": columns, "rows": cells, "note": note})
    if thresholds := uniform_table(comparison):
        words = ["label", "seed", "threshold", "wanted", "bias", "uniform", "at_bias"]
        columns = [
            comparison.noun,
            "seed",
            "best threshold",
            "to compare with",
            "learnt bias",
            "uniform",
            "at the bias",
        ]
        cells = [[str(row[word]) for word in words] for row in thresholds["rows"]]
        found.append({"title": "The learnt bias", "columns": columns, "rows": cells})
    return found


if __name__ == "__main__":
    main()
