"""Keep the table of a finished comparison among the results: ``record.py RUN_FOLDER NAME``."""

import argparse
from pathlib import Path

from common import write


def main() -> None:
    """Write ``results/NAME.json`` with the table of the report and the command that trained."""
    from subband._files import read_json
    from subband.report import report_table, verdict

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder that `subband compare` or `subband demo` wrote")
    parser.add_argument("name", help="name of the result, such as demo")
    given = parser.parse_args()
    run = read_json(given.folder / "comparison.json")
    if run["partial"]:
        parser.error(f"{given.folder} is not finished: run the same command again, it goes on where it stopped")
    columns, rows = report_table(given.folder, markup=False)
    note = f"{verdict(given.folder)} {run['steps']} steps; folds {run['folds']}, seeds {run['seeds']}."
    title, data = run["title"], run["dataset"]["label"]
    title = title if data in title else f"{title}: {data}"
    payload = {
        "title": title,
        "command": run["command"],
        "machine": {**run["machine"], "torch": run["versions"]["torch"], "commit": run["versions"].get("git", "")},
        "minutes": run["minutes"],
        "tables": [{"title": title, "columns": columns, "rows": rows, "note": note}],
    }
    print(write(given.name, payload))


if __name__ == "__main__":
    main()
