"""Table for the terminal, and the verdict in words."""

import shutil

import pytest

from subband.report import read_comparison, report_table, verdict
from subband.report.statistics import Difference
from subband.report.tables import Summary, markdown_table
from subband.report.verdict import evidence, p_value


def test_the_terminal_table_fits_into_80_columns(comparison):
    from rich.console import Console
    from rich.table import Table

    names = ("ce", "skea-topo", "cwmi-real")
    labels = {"ce": "CE", "skea-topo": "Skea-topo", "cwmi-real": "CWMI-Real"}
    folder = comparison(losses=names, labels=labels, images=7)
    header, rows = report_table(folder)
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as found:
        console.print(table)
    lines = found.get().splitlines()
    assert len(lines) == 4
    assert "…" not in found.get()
    assert header == ["loss", "mIoU ↑", "VI ↓", "ARI ↑", "clDice ↑", "ms", "runs"]


def test_terminal_numbers_are_those_of_the_summary(comparison):
    folder = comparison(losses=("ce", "cwmi"), images=7)
    summary = Summary(read_comparison(folder))
    header, rows = report_table(folder, metrics=("VI",), markup=False)
    assert header == ["loss", "VI ↓", "ms", "runs"]
    for row, loss in zip(rows, ("ce", "cwmi"), strict=True):
        found = summary.spreads["VI"][loss]
        assert row[1].rstrip("*") == f"{found.mean:.3f}±{found.sd:.3f}"
    assert "[bold]" in report_table(folder)[1][1][2]


def test_brackets_in_labels_are_no_markup(comparison):
    folder = comparison(losses=("ce",), seeds=(0,), images=1, labels={"ce": "[red]CE"})
    assert report_table(folder)[1][0][0] == "\\[red]CE"


def test_losses_with_other_runs_are_shown_but_not_ranked(comparison):
    folder = comparison(losses=("ce", "dice", "cwmi"), folds=(0, 1), seeds=(0,), images=6)
    shutil.rmtree(folder / "runs" / "cwmi-fold1-seed0")
    summary = Summary(read_comparison(folder))
    assert summary.best("VI") == "dice"
    assert summary.rows[2].runs == "1 of 2"
    assert not any(cell.best for cell in summary.rows[2].cells.values())
    assert "Not ranked, because they have other runs than the rest: CWMI." in verdict(folder)


def test_markdown_has_one_row_for_each_loss_and_bold_best(comparison):
    summary = Summary(read_comparison(comparison(images=7)))
    lines = markdown_table(summary).splitlines()
    assert len(lines) == 2 + 4
    assert len({line.count("|") for line in lines}) == 1
    column = [cell.strip() for cell in lines[0].split("|")].index("VI ↓")
    assert lines[4].split("|")[column].strip().startswith("**1.0")


def test_verdict_names_both_metrics_and_the_test(comparison):
    sentence = verdict(comparison(losses=("ce", "cwmi"), seeds=(0, 1, 2), images=8))
    assert sentence.startswith("CWMI has the lowest VI, 1.0")
    assert "it also has the highest mIoU" in sentence
    assert "p = 0.008, 8 images)" in sentence
    assert "illustration" not in sentence


def test_verdict_when_the_baseline_wins(comparison):
    sentence = verdict(comparison(losses=("ce", "cwmi"), baseline="cwmi", seeds=(0,), images=8))
    assert sentence.startswith("No loss has a better VI than CWMI (1.0")
    assert "One seed is an illustration, not evidence." in sentence


def test_verdict_with_few_images_and_without_the_baseline(comparison):
    folder = comparison(losses=("ce", "dice", "cwmi"), seeds=(0,), folds=(0, 1), images=1)
    assert "(2 images: too few for a test)" in verdict(folder)
    assert "even on several folds" in verdict(folder)
    shutil.rmtree(folder / "runs" / "ce-fold0-seed0")
    assert "but CE has not finished all runs" in verdict(folder)


def test_verdict_without_finite_values(comparison, change_result):
    folder = comparison(losses=("ce", "cwmi"), seeds=(0,), images=1)
    for loss in ("ce", "cwmi"):
        change_result(folder / "runs" / f"{loss}-fold0-seed0", images=[], metrics={"VI": float("nan")})
    assert verdict(folder).startswith("No metric has a finite value")


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (None, "no image in common, so no test"),
        (Difference(-0.1, -0.2, 0.0, float("nan"), 1), "1 image: too few for a test"),
        (Difference(-0.1, -0.2, 0.0, 0.2, 9, holm=0.4), "p = 0.400, 9 images: no evidence of a difference"),
        (Difference(-0.1, -0.2, 0.0, 0.01, 9, holm=0.02, run_sd=0.05), "p = 0.020, 9 images"),
        (
            Difference(-0.1, -0.2, 0.0, 0.01, 9, holm=0.02, run_sd=0.2),
            "p = 0.020, 9 images, but within the spread from run to run",
        ),
    ],
)
def test_evidence_in_words(difference, words):
    assert evidence(difference) == words


def test_small_p():
    assert p_value(0.0004) == "p < 0.001"
