"""Lists of images with their people: a CSV file."""

import csv
import os
from pathlib import Path

from subband._check import closest
from subband.data.class_sample import ClassReader, Pixels
from subband.data.readers.class_folder import read_pixels
from subband.data.splits import Split

PARTS = ("train", "validation", "test")


class FaceList(ClassReader):
    """Images that a CSV file lists: a row of headings with ``file`` and ``identity``, then one row for each image.

    Identities may be any words or numbers; they are numbered in their order (numbers by value, if all are). A column
    ``part`` of ``train``, ``validation`` and ``test`` gives the set its split. Other columns are left aside.

    Args:
        path: CSV file, with commas, semicolons or tabs.
        root: Folder to which the files' names are relative; that of the list if None.
        channels: 3, or 1 for grey.

    Raises:
        ValueError: If the list is missing, lacks a column, has a row without a value, an unknown part, a file that is
            not there or one identity only; from reading, if an image is damaged.

    Example:
        >>> FaceList("faces.csv")
        Traceback (most recent call last):
        ValueError: there is no file faces.csv
    """

    def __init__(
        self, path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None, channels: int = 3
    ) -> None:
        self.path = Path(path)
        self.root = self.path.parent if root is None else Path(root)
        rows = _rows(self.path)
        for number, row in enumerate(rows, 2):
            if not (self.root / row["file"]).is_file():
                raise ValueError(f"{self.path} line {number} names {row['file']}, which is not in {self.root}")
        people = _in_order({row["identity"] for row in rows})
        if len(people) < 2:
            raise ValueError(f"{self.path} has the identity {people[0]!r} only; expected 2 identities or more")
        number_of = {name: number for number, name in enumerate(people)}
        super().__init__(
            [row["file"] for row in rows],
            [number_of[row["identity"]] for row in rows],
            class_names=people,
            channels=channels,
            split=_split(self.path, rows),
        )

    def read(self, index: int) -> Pixels:
        """Read one file (C, H, W), 8 bits."""
        return read_pixels(self.root / self.names[index], self.channels)


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of the list by heading, without those that are empty."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}); save it as CSV in UTF-8") from error
    heading = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=heading.count), skipinitialspace=True)
    known = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = known
    for wanted in ("file", "identity"):
        if wanted not in known:
            raise ValueError(f"{path} has the columns {known}, but no {wanted!r}{closest(wanted, known)}")
    rows = list(reader)
    for number, row in enumerate(rows, 2):
        if not row["file"] or not row["identity"] or ("part" in known and row["part"] not in PARTS):
            expected = "a file and an identity" + (f" and a part out of {', '.join(PARTS)}" if "part" in known else "")
            raise ValueError(f"{path} line {number} is {','.join(map(str, row.values()))!r}; expected {expected}")
    if not rows:
        raise ValueError(f"{path} lists no image; give one row for each")
    return rows


def _in_order(names: set[str]) -> list[str]:
    if all(name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _split(path: Path, rows: list[dict[str, str]]) -> Split | None:
    if "part" not in rows[0]:
        return None
    return Split(*([i for i, row in enumerate(rows) if row["part"] == part] for part in PARTS))
