"""Numbers of the papers' tables."""

import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from subband import catalog

FOLDER = Path(__file__).parent / "published"
SOURCES = {"cwmi_table1": "CWMI paper, Table 1", "spw_table1": "SPW paper, Table 1"}
SCENES = {"voc": ("wavesnet_voc", "WaveSNet authors' results, VOC 2012 val")}
"""Published intersection over union of each class, by ``data.published``."""
SECONDS = {"cwmi_table4": "CWMI paper, Table 4", "spw_table3": "SPW paper, Table 3"}


def published(dataset: str, model: str, loss: str) -> dict[str, Any] | None:
    """Published numbers of a loss.

    Args:
        dataset: ``SNEMI3D``, ``GlaS``, ``DRIVE`` or ``MASS_ROAD``.
        model: Name in the catalogue, or the papers' (``UNet``, ``AttenUNet``).
        loss: Name in the catalogue, or the papers' (``CE``, ``CWMI-Real``).

    Returns:
        Metrics with their deviations over three folds (``mIoU``, ``mIoU_std``, ...) and the ``source``, from the first
        of the two papers that has them; none if neither has, or the training did not converge.

    Source:
        The tables of lurenhaothu/CWMI and lurenhaothu/SPW, 2025; see ``published/README.md``.

    Example:
        >>> from subband.report import published
        >>> published("SNEMI3D", "unet", "cwmi")["VI"]
        1.16
    """
    model, loss = _label("model", model), _label("loss", loss)
    for file, source in SOURCES.items():
        for row in _rows(file):
            if (row["dataset"], row.get("model", "UNet"), row["method"]) == (dataset, model, loss) and row["mIoU"]:
                numbers = {name: float(row[name]) for name in list(row)[list(row).index("mIoU") :] if row[name]}
                return {**numbers, "source": source}
    return None


def published_seconds(loss: str) -> dict[str, Any] | None:
    """Published seconds of an epoch (U-Net, SNEMI3D), their difference from CE and the source, or none."""
    for file, source in SECONDS.items():
        for row in _rows(file):
            if row["method"] == _label("loss", loss):
                numbers = {name: float(row[name]) for name in ("epoch_time_s", "delta_to_CE_s")}
                return {**numbers, "source": source}
    return None


def published_classes(dataset: str, network: Mapping[str, Any], loss: str) -> list[float] | None:
    """Published intersection over union of each class, in the order of the classes.

    Args:
        dataset: ``voc``.
        network: Keys of a network: its ``name``, and the ``wavelet`` among its ``options``.
        loss: Name in the catalogue; the authors trained with ``ce`` alone.

    Returns:
        Numbers in [0, 1], or none.

    Source:
        LiQiufu/WaveSNet, ``results/WDeepLabv3Plus_VOC``. Their biorX.Y is our chX.Y.

    Example:
        >>> from subband.report.published import published_classes
        >>> published_classes("voc", {"name": "deeplabv3plus"}, "ce")[0]
        0.9383
    """
    column = {"deeplabv3plus": "deeplabv3plus", "wave-deeplabv3plus": wavelet(network)}.get(str(network.get("name")))
    file, _ = SCENES.get(dataset.casefold(), ("", ""))
    rows = _rows(file) if file else []
    if not rows or column not in rows[0] or loss != "ce":
        return None
    return [round(float(row[column]) / 100, 4) for row in rows if row["class"] != "mIoU_computed"]


def published_mean(dataset: str, network: Mapping[str, Any], loss: str) -> dict[str, Any] | None:
    """Published mean of `published_classes` and its source, or none."""
    classes = published_classes(dataset, network, loss)
    if classes is None:
        return None
    return {"mIoU": sum(classes) / len(classes), "source": SCENES[dataset.casefold()][1]}


def wavelet(network: Mapping[str, Any]) -> str:
    """The wavelet of a network as the authors name it; haar unless the options say otherwise."""
    return str((network.get("options") or {}).get("wavelet", "haar")).replace("ch", "bior")


def published_note(about: dict[str, Any]) -> str:
    """What to know of the published rows beside a comparison: where it departs from the papers' protocol."""
    dataset, model = about.get("dataset", {}), about.get("model", {})
    if str(dataset.get("published", "")).casefold() in SCENES:
        return _scene_note(about)
    if about.get("task") == "registration":
        return _field_note(about)
    words = []
    if str(dataset.get("label", "")).casefold() != str(dataset.get("published", "")).casefold():
        words.append("other data")
    if (model.get("width"), model.get("depth")) != (64, 5):
        words.append("another network size")
    text = f"Grey rows: published for {dataset.get('published')}, mean ± deviation over 3 folds."
    return f"{text} They are from {' and '.join(words)}, so not comparable." if words else text


def _scene_note(about: Mapping[str, Any]) -> str:
    dataset = about.get("dataset", {})
    networks = list((about.get("networks") or {"": about.get("model", {})}).values())
    words = []
    if str(dataset.get("name", "")) != str(dataset["published"]).casefold():
        words.append("other data")
    if about.get("budget") != "50 epochs":
        words.append("another budget")
    if not all(network.get("weights") for network in networks):
        words.append("an encoder trained on ImageNet")
    text = f"Grey: {SCENES[str(dataset['published']).casefold()][1]}, one run each, ResNet-101, 50 epochs."
    return f"{text} They are from {' and '.join(words)}, so not comparable." if words else text


def _field_note(about: Mapping[str, Any]) -> str:
    dataset = about.get("dataset", {})
    words = []
    if dataset.get("name") != "ixi":
        words.append("other data")
    if about.get("budget") != "1000 epochs":
        words.append("another budget")
    text = (
        "Grey: published for IXI, means over 115 pairs, ± over the pairs. Their determinant takes N voxels for a "
        "length of N - 1, and they count a structure that is in neither volume as 0."
    )
    return f"{text} They are from {' and '.join(words)}, so not comparable." if words else text


def _label(kind: str, name: str) -> str:
    labels = {entry.name: entry.label for entry in catalog.ENTRIES if entry.kind == kind and entry.label}
    return labels.get(name, name)


@functools.cache
def _rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / f"{file}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
