"""``subband report RUNS``."""

from pathlib import Path


def report(runs: list[Path]) -> int:
    """Write report.html, summary.md and metrics.csv of comparison folders again, from their results.

    Args:
        runs: Comparison folders.

    Returns:
        0.
    """
    from subband.cli._console import print_table, say, say_where
    from subband.report import report_table, verdict, write_report

    for folder in runs:
        if not (folder / "comparison.json").exists():
            raise ValueError(f"{folder} holds no comparison.json; give a folder that `subband compare` wrote")
        page = write_report(folder)
        header, rows = report_table(folder)
        print_table(header, rows, title=folder.name)
        say(verdict(folder))
        say_where("report", page)
    return 0
