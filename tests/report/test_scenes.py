"""Reports of several classes and of networks: pixels and numbers by hand."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from subband.report import read_comparison, report_table, verdict, write_report
from subband.report.pictures import shown_methods
from subband.report.published import published_classes, published_mean, published_note
from subband.report.scenes import (
    RIGHT,
    SIDE,
    VOID_GREY,
    WRONG,
    class_rows,
    coloured,
    scene_examples,
    smaller,
    swatches,
    thinned,
    wrong_picture,
)
from subband.report.tables import Summary, markdown_table

NAMES = ["ground", "pole", "sky"]
PALETTE = [[10, 20, 30], [200, 0, 0], [0, 0, 200]]
NETWORKS = {
    "SegNet": {"name": "segnet", "width": 16, "depth": 5, "parameters": 1_847_515, "options": {}},
    "WaveSegNet db2": {"name": "wave-segnet", "width": 16, "parameters": 73_525, "options": {"wavelet": "db2"}},
}
IOU = {"segnet": [0.9, 0.1, 0.5], "wavesegnet-db2": [0.8, 0.3, math.nan]}


@pytest.fixture
def scenes(comparison, change_result):
    """A comparison of two networks on three classes with void."""

    def make(*, networks=NETWORKS, losses=("ce",), dataset=None, seeds=(0, 1), **changes):
        facts = {"name": "camvid", "label": "CamVid", "synthetic": False, "published": None, "channels": 3}
        facts |= {"classes": 3, "class_names": NAMES, "palette": PALETTE, **(dataset or {})}
        names = ("segnet", "wavesegnet-db2")
        folder = comparison(losses=names, seeds=seeds, dataset=facts, baseline="segnet", **changes)
        path = folder / "comparison.json"
        about = json.loads(path.read_text())
        about |= {
            "losses": list(losses),
            "networks": networks,
            "methods": {name: {"network": label, "loss": "ce"} for name, label in zip(names, networks, strict=True)},
            "labels": dict(zip(names, networks, strict=True)),
            "budget": "150 steps",
        }
        path.write_text(json.dumps(about))
        for name, label in zip(names, networks, strict=True):
            for seed in seeds:
                run = folder / "runs" / f"{name}-fold0-seed{seed}"
                rng = np.random.default_rng(seed)
                images = [
                    {"name": row["name"], "mIoU": 0.3 + 0.1 * (name != "segnet") + 0.01 * rng.random(), "accuracy": 0.8}
                    for row in json.loads((run / "result.json").read_text())["images"]
                ]
                iou = [value + 0.02 * seed for value in IOU[name]]
                change_result(
                    run,
                    method=name,
                    network=label,
                    loss="ce",
                    images=images,
                    metrics={
                        "mIoU": float(np.nanmean(iou)),
                        "accuracy": 0.8,
                        "class accuracy": 0.6,
                        "FWIoU": 0.7,
                        "VI": 3.0,
                    },
                    class_iou=dict(zip(NAMES, iou, strict=True)),
                    confusion=[[60, 0, 0], [10, 0, 0], [0, 10, 20]],
                    parameters=networks[label]["parameters"],
                )
        for picture in (folder / "truth").glob("*.png"):
            labels = np.asarray(Image.open(picture)).copy()
            labels[0] = 255
            Image.fromarray(labels).save(picture)
        return folder

    return make


def test_class_table_by_hand(scenes):
    rows = class_rows(Summary(read_comparison(scenes(images=3))))
    assert [row.name for row in rows] == NAMES
    assert [row.share for row in rows] == ["60.0 %", "10.0 %", "30.0 %"]
    assert rows[1].colour == "#c80000"
    ground, pole, sky = ([cell.mean for cell in row.cells] for row in rows)
    assert ground == ["0.910", "0.810"], "the mean of 0.9 and 0.92"
    assert pole == ["0.110", "0.310"]
    assert sky == ["0.510", "–"]
    assert rows[0].cells[0].sd == f"{0.02 / math.sqrt(2):.3f}"
    assert [[cell.best for cell in row.cells] for row in rows] == [[True, False], [False, True], [True, False]]


def test_the_table_has_the_values_of_all_pixels(scenes):
    folder = scenes(images=7)
    read = read_comparison(folder)
    assert read.scenes
    assert read.metrics == ["mIoU", "accuracy", "class accuracy", "FWIoU"]
    (first, second) = read.of("segnet")
    assert first.metrics["mIoU"] == pytest.approx(0.5)
    assert 0.3 <= first.means["mIoU"] <= 0.31
    header, rows = report_table(folder, markup=False)
    assert header == ["method", "mIoU ↑", "accuracy ↑", "FWIoU ↑", "ms", "runs"]
    assert [row[0] for row in rows] == list(NETWORKS)
    assert rows[0][1] == f"0.510±{0.02 / math.sqrt(2):.3f}"
    assert second.costs["parameters"] == 1_847_515


def test_tests_are_paired_over_images_and_the_verdict_says_when_they_disagree(scenes):
    folder = scenes(images=7)
    found = Summary(read_comparison(folder)).differences["mIoU"]["wavesegnet-db2"]
    assert found.n == 7
    assert found.mean == pytest.approx(0.1)
    sentence = verdict(folder)
    assert sentence.startswith(
        "WaveSegNet db2 has the highest mIoU, 0.560 against 0.510 for SegNet (p = 0.016, 7 images)"
    )
    assert "no method has a better accuracy than SegNet (0.800)" in sentence


def test_images_that_say_the_opposite_are_told(scenes, change_result):
    folder = scenes(images=7, seeds=(0,))
    run = folder / "runs" / "wavesegnet-db2-fold0-seed0"
    images = read_comparison(folder).of("wavesegnet-db2")[0].images
    change_result(run, images=[{**image, "mIoU": 0.1} for image in images])
    assert "the mean over the images is the other way round" in verdict(folder)


def test_columns_speak_of_methods(scenes):
    folder = scenes(images=3)
    write_report(folder)
    markdown = (folder / "summary.md").read_text()
    assert "| method | mIoU ↑ | accuracy ↑ | class accuracy ↑ | FWIoU ↑ | parameters | ms/step | runs |" in markdown
    assert "1.85 M" in markdown
    assert "73.5 k" in markdown
    assert "over the methods of a column" in markdown
    assert "4 of 4 runs: 2 networks × 1 fold × 2 seeds" in markdown
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["method", "fold", "seed", "name"]
    assert {row["method"] for row in rows} == {"segnet", "wavesegnet-db2"}


def test_page_shows_classes_and_scenes(scenes):
    folder = scenes(images=3)
    write_report(folder)
    text = (folder / "report.html").read_text()
    for part in ('id="class-iou"', ">pole</", "10.0 %", 'alt="truth of image_0_0"', "void</span>"):
        assert part in text, part
    assert "What the losses see" not in text
    assert "skeleton" not in text
    assert '<th scope="col">method</th>' in text
    assert "loss ms" not in text, "one loss: its cost tells nothing apart"


def test_losses_on_one_network_stay_losses(scenes):
    """A report of before has no networks and no methods."""
    folder = scenes(images=3)
    about = json.loads((folder / "comparison.json").read_text())
    for key in ("methods", "networks", "budget"):
        del about[key]
    del about["dataset"]["palette"]
    about["losses"] = ["segnet", "wavesegnet-db2"]
    (folder / "comparison.json").write_text(json.dumps(about))
    read = read_comparison(folder)
    assert (read.noun, read.nouns) == ("loss", "losses")
    assert read.costs == ["ms_per_step", "loss_ms", "peak_mb"]
    assert read.loss("segnet") == "segnet"
    assert read.network("segnet")["name"] == "unet"
    assert len({swatch["colour"] for swatch in swatches(read)}) == 4, "three colours and void"
    write_report(folder)
    assert "| loss | mIoU" in (folder / "summary.md").read_text()


def test_examples_are_the_best_the_median_and_the_worst_by_miou(scenes):
    folder = scenes(images=5)
    summary = Summary(read_comparison(folder))
    assert shown_methods(summary) == ["segnet", "wavesegnet-db2"]
    found = scene_examples(summary)
    assert [example.rank for example in found] == ["best", "median", "worst"]
    means = {}
    for _, image in summary.comparison.rows():
        means.setdefault(image["name"], []).append(image["mIoU"])
    ranked = sorted(means, key=lambda name: -np.mean(means[name]))
    assert [example.name for example in found] == [ranked[0], ranked[2], ranked[-1]]
    assert [overlay.method for overlay in found[0].overlays] == list(NETWORKS)
    assert "accuracy 0.800" in found[0].overlays[0].scores
    (folder / "truth" / f"{ranked[0]}.png").unlink()
    assert [example.rank for example in scene_examples(summary)] == ["median", "worst"]


def test_colours_void_and_errors():
    truth = np.array([[0, 1, 255]], np.uint8)
    assert coloured(truth, np.array(PALETTE))[0].tolist() == [PALETTE[0], PALETTE[1], list(VOID_GREY)]
    found = wrong_picture(truth, np.array([[0, 2, 1]], np.uint8))[0]
    assert found.tolist() == [list(RIGHT), list(WRONG), list(VOID_GREY)]


@pytest.mark.parametrize("size", [(1, 1), (100, SIDE), (SIDE + 1, 40), (1024, 2048)])
def test_large_pictures_are_thinned_alike(size):
    labels = np.zeros(size, np.uint8)
    assert max(thinned(labels).shape) <= SIDE
    assert smaller(np.zeros((*size, 3), np.uint8)).shape[:2] == thinned(labels).shape
    small = np.zeros((10, 12, 3), np.uint8)
    assert smaller(small) is small


def test_published_classes_are_the_authors():
    """Numbers read off results/WDeepLabv3Plus_VOC by hand."""
    plain = published_classes("VOC", {"name": "deeplabv3plus"}, "ce")
    wave = published_classes("voc", {"name": "wave-deeplabv3plus", "options": {"wavelet": "ch5.5"}}, "ce")
    assert len(plain) == len(wave) == 21
    assert (plain[0], plain[-1], wave[15]) == (0.9383, 0.7780, 0.8632)
    assert published_mean("voc", {"name": "deeplabv3plus"}, "ce")["mIoU"] == pytest.approx(0.7868, abs=5e-5)
    haar = published_mean("voc", {"name": "wave-deeplabv3plus"}, "ce")
    assert haar["mIoU"] == pytest.approx(0.7906, abs=5e-5)
    assert "VOC 2012 val" in haar["source"]
    assert published_mean("voc", {"name": "deeplabv3plus"}, "dice") is None, "they trained with cross-entropy"


@pytest.mark.parametrize(
    ("dataset", "network"),
    [
        ("voc", {"name": "unet"}),
        ("voc", {"name": "wave-deeplabv3plus", "options": {"wavelet": "db3"}}),
        ("camvid", {"name": "deeplabv3plus"}),
        ("SNEMI3D", {"name": "deeplabv3plus"}),
    ],
)
def test_what_the_authors_do_not_give_is_none(dataset, network):
    assert published_classes(dataset, network, "ce") is None
    assert published_mean(dataset, network, "ce") is None


def test_the_note_marks_what_differs():
    about = {"dataset": {"name": "voc", "published": "voc"}, "budget": "50 epochs", "model": {"weights": "a.pth"}}
    assert "comparable" not in published_note(about)
    about = {"dataset": {"name": "camvid", "published": "voc"}, "budget": "9 steps", "networks": {"A": {}, "B": {}}}
    assert "other data and another budget and an encoder trained on ImageNet, so not comparable" in published_note(
        about
    )


def test_published_numbers_stand_beside_ours(scenes):
    """Twenty-one classes under VOC's name."""
    networks = {
        "DeepLabv3+": {"name": "deeplabv3plus", "parameters": 5, "options": {}},
        "Wave haar": {"name": "wave-deeplabv3plus", "parameters": 6, "options": {"wavelet": "haar"}},
    }
    names = [str(number) for number in range(21)]
    dataset = {"published": "voc", "classes": 21, "class_names": names, "palette": [[1, 2, 3]] * 21}
    folder = scenes(networks=networks, dataset=dataset, images=2)
    rows = class_rows(Summary(read_comparison(folder)))
    assert [cell.published for cell in rows[2].cells] == ["0.414", "0.431"]
    assert {row.share for row in rows} == {"–"}, "the confusion matrix here has three classes"
    write_report(folder)
    text = (folder / "report.html").read_text()
    assert "0.414 published" in text
    assert "another budget and an encoder trained on ImageNet, so not comparable" in text
    assert "*0.787*" in markdown_table(Summary(read_comparison(folder)))
    assert class_rows(Summary(read_comparison(folder), False))[2].cells[0].published == ""


def test_the_terminal_table_of_networks_fits_into_80_columns(scenes):
    from rich.console import Console
    from rich.table import Table

    networks = {
        "DeepLabv3+": {"name": "deeplabv3plus", "parameters": 5, "options": {}},
        "WaveDeepLabv3+ ch2.2": {"name": "wave-deeplabv3plus", "parameters": 6, "options": {}},
    }
    header, rows = report_table(scenes(networks=networks, images=7))
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(width=80, force_terminal=False)
    with console.capture() as found:
        console.print(table)
    assert len(found.get().splitlines()) == 3
    assert "…" not in found.get()


def test_void_is_no_class_of_the_real_sets():
    from subband.data.readers import camvid, cityscapes, voc

    listed = [colour for module in (camvid, cityscapes) for _, colour in module.CLASSES]
    for colour in (*listed, *voc.colours()):
        assert max(abs(a - b) for a, b in zip(colour, VOID_GREY, strict=True)) > 30
