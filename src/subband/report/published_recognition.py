"""Numbers of the papers on face recognition."""

import csv
import functools
import re
from dataclasses import dataclass

from subband._check import one_of
from subband.report.published import FOLDER

TABLES = {
    "unitsface_table1": "UniTSFace paper, Table 1",
    "unitsface_table2": "UniTSFace paper, Table 2",
    "unitsface_table3": "UniTSFace paper, Table 3",
    "unitsface_table4_megaface": "UniTSFace paper, Table 4",
    "unitsface_table5_mfr": "UniTSFace paper, Table 5",
    "uniface_table1": "UniFace paper, Table 1",
    "uniface_table2": "UniFace paper, Table 2",
    "uniface_table3": "UniFace paper, Table 3",
    "uniface_supp_a": "UniFace supplement A",
    "uniface_supp_b": "UniFace supplement B",
    "uniface_supp_d": "UniFace supplement D",
    "epl_readme": "EPL authors' README",
    "vpl_readme": "insightface README, VPL",
    "unpg_readme": "UNPG authors' README",
}
NETWORKS = ("unitsface_table5_mfr", "uniface_table3", "epl_readme")
"""Tables whose rows are whole networks, with their depth and training set."""
SETS = {
    "LFW": "LFW",
    "CFP": "CFP-FP",
    "Age": "AgeDB-30",
    "IJBC_1e-4": "IJB-C, TAR@1e-4",
    "IJBC_1e-5": "IJB-C, TAR@1e-5",
}
"""Columns of those tables that pairs of pictures are judged by, and what they are called."""
_NAMES = {"lfw": "LFW", "cfp": "CFP", "cfpfp": "CFP", "age": "Age", "agedb": "Age", "agedb30": "Age", "ijbc": "IJBC"}


@dataclass(frozen=True)
class PublishedNetwork:
    """A row: a loss, the network and the images it was trained with, and its numbers in per cent by column."""

    method: str
    network: str
    data: str
    numbers: dict[str, float]
    source: str


def published_table(name: str) -> list[dict[str, str]]:
    """Rows of a published table as they stand there, empty cells for what it does not say.

    Args:
        name: One of `TABLES`.

    Raises:
        ValueError: If there is no such table.

    Example:
        >>> published_table("unitsface_table3")[0]["LFW"]
        '99.46'
    """
    one_of("table", name, TABLES)
    return [dict(row) for row in _read(name)]


def published_networks() -> list[PublishedNetwork]:
    """All rows of `NETWORKS`, those on one training set together.

    Source:
        UniTSFace, 2023; UniFace, 2023; EPL, 2024; see ``published/README.md``.

    Example:
        >>> published_networks()[0].method, published_networks()[0].numbers["LFW"]
        ('Contrastive', 95.5)
    """
    rows = [
        PublishedNetwork(
            method=row.get("method") or "EPL",
            network=row["net"],
            data=row["data"],
            numbers={column: float(row[column]) for column in row if column not in _WORDS and row[column]},
            source=TABLES[table],
        )
        for table in NETWORKS
        for row in _read(table)
    ]
    order = list(dict.fromkeys(row.data for row in rows))
    return sorted(rows, key=lambda row: order.index(row.data))


def published_set(label: str) -> str | None:
    """The published name (``LFW``, ``CFP``, ``Age``, ``IJBC``) of a set of pairs, however it is spelt, or None.

    Example:
        >>> published_set("cfp_fp"), published_set("AgeDB-30"), published_set("ORL")
        ('CFP', 'Age', None)
    """
    return _NAMES.get(re.sub(r"[^a-z0-9]", "", label.casefold().removesuffix(".bin")))


_WORDS = ("method", "net", "data")


@functools.cache
def _read(name: str) -> tuple[dict[str, str], ...]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))
