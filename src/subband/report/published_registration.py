"""Numbers of the IXI protocol: an atlas moved onto 115 brains."""

import csv
import functools
from collections.abc import Mapping
from typing import Any

from subband.data.freesurfer import freesurfer_both_sides, freesurfer_structures
from subband.report.published import FOLDER

REPOSITORIES = {
    "x-xc/WiNet": "WiNet authors' results",
    "TransMorph": "TransMorph authors' results",
    "LKU-Net": "LKU-Net README",
}
STRUCTURES = {"WiNet": "WiNet_mean", "WiNet-diff": "diff_mean"}
"""Columns of the Dice of each structure, by method."""
LOSSES = ("ncc-authors", "ncc")


def published_field(dataset: str, network: Mapping[str, Any], loss: str) -> dict[str, Any] | None:
    """Published means over the 115 test pairs of IXI for a registration of the catalogue.

    Args:
        dataset: ``IXI``.
        network: Keys of a network: its ``name`` and ``options``. ``identity`` is the affine row: the images of the set
            are laid together by an affine map before.
        loss: Name of the similarity; the authors' is ``ncc-authors``.

    Returns:
        ``Dice`` (30 structures), ``folds`` with its deviation over the pairs (``folds_std``), and the ``source``; none
        if there is no such row.

    Source:
        x-xc/WiNet, 2024, and TransMorph, 2022, means of their files of results; see ``published/README.md``.

    Example:
        >>> from subband.report.published_registration import published_field
        >>> published_field("IXI", {"name": "winet"}, "ncc-authors")["Dice"]
        0.7619
    """
    row = next((row for row in _rows("winet_ixi") if row["method"] == _method(network, loss)), None)
    if dataset.casefold() != "ixi" or row is None:
        return None
    found: dict[str, Any] = {"Dice": float(row["dice_voi30"]), "source": REPOSITORIES[row["source"]]}
    if row["pct_J_le_0"]:
        found |= {"folds": float(row["pct_J_le_0"]), "folds_std": float(row["pct_std"])}
    return found


def published_fields() -> list[dict[str, str]]:
    """All published rows of IXI, texts by column, empty where a repository does not say.

    Example:
        >>> published_fields()[0]["method"], published_fields()[0]["Dice, 17"], published_fields()[-1]["source"]
        ('WiNet', '0.763 ± 0.125', 'LKU-Net README')
    """
    found = [
        {
            "method": row["method"],
            "Dice": f"{float(row['dice_voi30']):.3f}",
            "Dice, 17": f"{float(row['dice17_mean']):.3f} ± {float(row['dice17_std_all']):.3f}",
            "nearest": "",
            "folds": f"{float(row['pct_J_le_0']):.3f} ± {float(row['pct_std']):.3f}" if row["pct_J_le_0"] else "",
            "source": REPOSITORIES[row["source"]],
        }
        for row in _rows("winet_ixi")
    ]
    return found + [
        {
            "method": row["method"],
            "Dice": "",
            "Dice, 17": row["bilinear"].replace("+-", " ± "),
            "nearest": row["nearest"].replace("+-", " ± "),
            "folds": "",
            "source": REPOSITORIES["LKU-Net"],
        }
        for row in _rows("lku_net_ixi")
    ]


def published_structures() -> dict[str, dict[str, float]]:
    """Published Dice by structure, left and right as one, and by method.

    Example:
        >>> published_structures()["Brain-Stem"]
        {'WiNet': 0.8637, 'WiNet-diff': 0.897}
    """
    rows = _rows("winet_ixi_structures")
    return {row["structure"]: {method: float(row[name]) for method, name in STRUCTURES.items()} for row in rows}


def both_sides(structure: str) -> list[str]:
    """Names of the structures, left and right, that a published one holds.

    Example:
        >>> both_sides("Amygdala")
        ['Left-Amygdala', 'Right-Amygdala']
    """
    names = freesurfer_structures()
    return [names[label] for label in freesurfer_both_sides()[structure]]


def _method(network: Mapping[str, Any], loss: str) -> str:
    """The published row's method; empty where the settings are others."""
    options = network.get("options") or {}
    if network.get("name") == "identity":
        return "affine"
    if network.get("name") != "winet" or options.get("wavelet", "haar") != "haar" or loss not in LOSSES:
        return ""
    return "WiNet-diff" if options.get("diffeomorphic") else "WiNet"


@functools.cache
def _rows(file: str) -> tuple[dict[str, str], ...]:
    with (FOLDER / f"{file}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))
