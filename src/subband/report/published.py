"""Numbers of the papers' tables."""

import csv
import functools
from pathlib import Path
from typing import Any

from subband import catalog

FOLDER = Path(__file__).parent / "published"
SOURCES = {"cwmi_table1": "CWMI paper, Table 1", "spw_table1": "SPW paper, Table 1"}
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


def published_note(about: dict[str, Any]) -> str:
    """What to know of the published rows beside a comparison: where it departs from the papers' protocol."""
    dataset, model = about.get("dataset", {}), about.get("model", {})
    words = []
    if str(dataset.get("label", "")).casefold() != str(dataset.get("published", "")).casefold():
        words.append("other data")
    if (model.get("width"), model.get("depth")) != (64, 5):
        words.append("another network size")
    text = f"Grey rows: published for {dataset.get('published')}, mean ± deviation over 3 folds."
    return f"{text} They are from {' and '.join(words)}, so not comparable." if words else text


def _label(kind: str, name: str) -> str:
    labels = {entry.name: entry.label for entry in catalog.ENTRIES if entry.kind == kind and entry.label}
    return labels.get(name, name)


@functools.cache
def _rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / f"{file}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
