"""The page stands alone, shows the numbers of the files beside it, and survives what is missing."""

import base64
import csv
import io
import json
import math
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from subband.report import read_comparison, verdict, write_index, write_report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting, and collects attributes, text and the cells of tables."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.text, self.tables, self.ids, self.script = [], [], [], {}, [], 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs.items()]
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.script += tag == "script"
        if tag == "table":
            self.table = self.tables.setdefault(attrs.get("id", "other"), [])
        if tag == "tr":
            self.table.append([])
        if tag in ("td", "th"):
            self.table[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.table[-1][-1] += data.strip()


def read(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def rows_of(folder):
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def means(folder, metric):
    """Mean and deviation over runs of the mean over images, from metrics.csv alone."""
    runs = {}
    for row in rows_of(folder):
        runs.setdefault((row["loss"], row["fold"], row["seed"]), []).append(float(row[metric]))
    losses = {}
    for (loss, _, _), values in runs.items():
        losses.setdefault(loss, []).append(np.mean(values))
    return {loss: (np.mean(v), np.std(v, ddof=1) if len(v) > 1 else math.nan) for loss, v in losses.items()}


def test_the_page_parses_and_refers_to_nothing_outside(written):
    text = read(written)
    page = Page(text)
    assert page.script == 0
    assert len(page.ids) == len(set(page.ids))
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "data", "poster", "action", "srcset"):
            assert value.startswith(("data:image/png;base64,", "#")), (tag, name, value[:50])
    assert "http" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    references = re.findall(r'(?:url\(#|href="#)([^)"]+)', text)
    assert references
    assert set(references) <= set(page.ids)


def test_the_page_is_small_and_every_picture_decodes(written):
    text = read(written)
    assert len(text.encode()) < 5e6
    pictures = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    assert len(pictures) > 20
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture)))
        image.load()
        assert min(image.size) >= 4


def test_pages_hold_curves_pictures_and_subbands(written):
    page = Page(read(written))
    text = "".join(page.text)
    for word in ("validation mIoU", "MI term, CWMI", "learning rate", "Best:", "Median:", "Worst:", "level 3, 135°"):
        assert word in text
    assert "MI term, CE" not in text
    assert sum(tag == "circle" for tag, name, _ in page.attributes if name == "r") > 0


@pytest.mark.parametrize("metric", ["mIoU", "VI", "B0", "clDice"])
def test_numbers_of_the_table_equal_metrics_csv(written, metric):
    table = Page(read(written)).tables["metrics"]
    column = next(place for place, name in enumerate(table[0]) if name.startswith(f"{metric} "))
    digits = 1 if metric == "B0" else 3
    expected = means(written, metric)
    about = json.loads((written / "comparison.json").read_text(encoding="utf-8"))
    assert [row[0] for row in table[1:]] == list(about["labels"].values())
    markdown = (written / "summary.md").read_text(encoding="utf-8")
    for row, (mean, sd) in zip(table[1:], expected.values(), strict=True):
        assert row[column] == f"{mean:.{digits}f}± {sd:.{digits}f}"
        assert f"{mean:.{digits}f} ± {sd:.{digits}f}" in markdown


def test_metrics_csv_holds_every_number_in_full(written):
    rows = rows_of(written)
    assert len(rows) == 4 * 2 * 7
    for row in rows:
        path = written / "runs" / f"{row['loss']}-fold{row['fold']}-seed{row['seed']}" / "result.json"
        images = json.loads(path.read_text(encoding="utf-8"))["images"]
        image = next(image for image in images if image["name"] == row["name"])
        assert all(float(row[name]) == value for name, value in image.items() if name != "name")


def test_the_verdict_is_on_the_page_and_in_the_summary(written):
    sentence = verdict(written)
    text = "".join(Page(read(written)).text)
    summary = (written / "summary.md").read_text(encoding="utf-8")
    for part in re.split(r"(?<=\.) ", sentence):
        assert part in text
        assert part in summary
    assert "Two seeds are an illustration, not evidence." in sentence


def test_how_to_reproduce(written):
    text = "".join(Page(read(written)).text)
    for word in ("subband demo --out fake", "Example CPU, 1 thread, no GPU", "torch 2.15", "abc1234", "(n − 1)"):
        assert word in text
    assert "--losses ce,dice,cwmi,spw" in text


def test_failed_and_missing_runs_are_listed(comparison, change_result):
    folder = comparison(log=False, losses=("ce", "cwmi"), seeds=(0, 1), images=3)
    change_result(folder / "runs" / "cwmi-fold0-seed0", status="failed", error="the loss became nan at step 7")
    shutil.rmtree(folder / "runs" / "cwmi-fold0-seed1")
    (folder / "runs" / "ce-fold0-seed1" / "result.json").write_text("{}", encoding="utf-8")
    write_report(folder)
    text = "".join(Page(read(folder)).text)
    for word in (
        "the loss became nan at step 7",
        "missing",
        "result.json cannot be read",
        "Runs: 4, 2 failed, 1 missing",
    ):
        assert word in text
    assert "CE alone has finished" in text


def test_metrics_and_numbers_that_nobody_knows(comparison, change_result):
    folder = comparison(log=False, losses=("ce", "cwmi"), seeds=(0,), images=1)
    for loss, value in (("ce", 0.5), ("cwmi", 0.6)):
        run = folder / "runs" / f"{loss}-fold0-seed0"
        change_result(run, images=[], metrics={"mIoU": value, "new": 2.0}, ms_per_step=None)
        (run / "metrics.csv").write_text("step,train_loss\n1,oops\n2,\n3,0.5\n", encoding="utf-8")
    write_report(folder)
    page = Page(read(folder))
    assert [row[:3] for row in page.tables["metrics"]] == [
        ["loss", "mIoU ↑", "new ↑"],
        ["CE", "0.500", "2.000"],
        ["CWMI", "0.600", "2.000"],
    ]
    assert page.tables["metrics"][1][3] == "–"
    assert page.tables["differences"][1][1:] == ["–"]
    assert "no image in common, so no test" in "".join(page.text)


def test_nothing_finished(comparison):
    folder = comparison(log=False, losses=("ce", "cwmi"), images=2)
    shutil.rmtree(folder / "runs")
    write_report(folder)
    assert "No run has finished" in "".join(Page(read(folder)).text)
    assert rows_of(folder) == []


def test_one_run_without_pictures_or_log(comparison):
    folder = comparison(log=False, losses=("ce",), seeds=(0,), images=1)
    for part in ("images", "truth"):
        shutil.rmtree(folder / part)
    write_report(folder)
    page = Page(read(folder))
    assert {"curves", "pictures", "insight"}.isdisjoint(page.ids)
    assert "±" not in page.tables["metrics"][1][1]


def test_undefined_and_infinite_numbers(comparison, change_result):
    folder = comparison(log=False, losses=("ce", "cwmi"), seeds=(0,), images=7)
    run = folder / "runs" / "cwmi-fold0-seed0"
    images = read_comparison(folder).of("cwmi")[0].images
    changed = [{**image, "HD": math.inf, "B1": math.nan} for image in images]
    changed[0] = {**images[0], "VI": math.nan}
    change_result(run, images=changed)
    write_report(folder)
    table = Page(read(folder)).tables["metrics"]
    column = {name.partition(" ")[0]: place for place, name in enumerate(table[0])}
    assert table[2][column["HD"]] == "∞"
    assert table[2][column["B1"]] == f"{images[0]['B1']:.1f}"
    rest = [image["VI"] for image in images[1:]]
    assert table[2][column["VI"]].rstrip("*") == f"{np.mean(rest):.3f}"
    assert "image_0_0.pngCWMI" in "".join("".join(row) for row in Page(read(folder)).tables["other"])


def test_names_are_escaped(comparison, change_result):
    bad = "<script>alert(1)</script>"
    folder = comparison(
        log=False, losses=("ce", "cwmi"), seeds=(0,), images=2, title=bad, command=bad, labels={"ce": bad}
    )
    images = read_comparison(folder).of("ce")[0].images
    change_result(
        folder / "runs" / "ce-fold0-seed0", images=[{**image, "name": bad, "VI": math.nan} for image in images]
    )
    change_result(folder / "runs" / "cwmi-fold0-seed0", status="failed", error=bad)
    write_report(folder)
    page = Page(read(folder))
    assert page.script == 0
    assert bad in "".join(page.text)
    assert "| <script>" not in (folder / "summary.md").read_text(encoding="utf-8")


def test_several_classes_and_colour(comparison):
    dataset = {"label": "three", "synthetic": True, "published": None, "channels": 3, "classes": 3}
    folder = comparison(log=False, losses=("ce", "cwmi"), seeds=(0,), images=3, dataset=dataset)
    write_report(folder)
    page = Page(read(folder))
    assert "pictures" in page.ids
    assert "insight" not in page.ids


def test_large_images_are_cut_where_most_breaks_are(comparison):
    folder = comparison(log=False, losses=("ce",), seeds=(0,), images=1, size=300)
    write_report(folder)
    assert re.search(r"Rows \d+–\d+, columns \d+–\d+, where most breaks are", "".join(Page(read(folder)).text))


@pytest.mark.parametrize(
    ("synthetic", "asked", "shown"), [(False, None, 1), (True, None, 0), (True, True, 1), (False, False, 0)]
)
def test_published_rows_stand_under_ours(comparison, synthetic, asked, shown):
    dataset = {"label": "ISBI", "synthetic": synthetic, "published": "SNEMI3D", "channels": 1, "classes": 2}
    folder = comparison(log=False, losses=("ce", "cwmi"), seeds=(0,), images=1, dataset=dataset)
    write_report(folder, published=asked)
    text, table = "".join(Page(read(folder)).text), Page(read(folder)).tables["metrics"]
    assert len(table) == 3 + 2 * shown
    assert ("other data and another network size, so not comparable" in text) == bool(shown)
    if shown:
        assert table[4][:2] == ["CWMI paper, Table 1", "0.779± 0.004"]
        assert table[4][-1] == "2.27 s/epoch, CWMI paper, Table 4"
        assert "*0.779 ± 0.004*" in (folder / "summary.md").read_text(encoding="utf-8")


def test_reports_are_the_same_every_time(written, tmp_path):
    copy = shutil.copytree(written, tmp_path / "copy")
    first = read(copy)
    write_report(copy)
    assert read(copy) == first


def test_an_index_links_the_reports(comparison, tmp_path):
    folders = [
        comparison(name, log=False, losses=("ce",), seeds=(0,), images=1, title=f"<{name}>") for name in ("one", "two")
    ]
    page = Page(write_index(folders, tmp_path / "index.html").read_text(encoding="utf-8"))
    assert [value for _, name, value in page.attributes if name == "href"] == ["one/report.html", "two/report.html"]
    assert "<one>" in "".join(page.text)


@pytest.mark.message
def test_a_folder_without_a_comparison_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"holds no comparison\.json; give a folder that `subband compare` wrote"):
        write_report(tmp_path)
    (tmp_path / "comparison.json").write_text('{"losses": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="names no losses; run the same"):
        write_report(tmp_path)
