"""Published numbers, read off the papers' tables by hand."""

import csv

import pytest

from subband.report import published, published_seconds
from subband.report.published import FOLDER, published_note


def test_numbers_of_the_tables():
    found = published("SNEMI3D", "unet", "cwmi")
    assert (found["mIoU"], found["mIoU_std"], found["VI"], found["HD"]) == (0.779, 0.004, 1.16, 0.69)
    assert found["source"] == "CWMI paper, Table 1"
    assert published("GlaS", "attention-unet", "ce")["ARI"] == 0.690


def test_catalogue_names_and_the_papers_names_are_one():
    assert published("DRIVE", "UNet", "CWMI-Real") == published("DRIVE", "unet", "cwmi-real")


def test_spw_is_from_its_own_paper():
    found = published("GlaS", "unet", "spw")
    assert (found["VI"], found["source"]) == (0.71, "SPW paper, Table 1")
    assert "HD" not in found


@pytest.mark.parametrize(
    "cell", [("GlaS", "attention-unet", "spw"), ("SNEMI3D", "unet", "cwmi-ce"), ("nowhere", "unet", "ce")]
)
def test_what_is_not_published_is_none(cell):
    assert published(*cell) is None


def test_a_training_that_did_not_converge_falls_back_to_the_other_paper():
    assert published("DRIVE", "attention-unet", "abw") is None
    assert published("DRIVE", "unet", "abw")["source"] == "SPW paper, Table 1"


def test_seconds():
    assert published_seconds("cwmi")["delta_to_CE_s"] == 0.23
    assert published_seconds("spw")["source"] == "SPW paper, Table 3"
    assert published_seconds("cwmi-ce") is None


def test_the_note_names_departures():
    about = {"dataset": {"label": "ISBI", "published": "SNEMI3D"}, "model": {"width": 12, "depth": 3}}
    assert "other data and another network size, so not comparable" in published_note(about)
    about = {"dataset": {"label": "snemi3d", "published": "SNEMI3D"}, "model": {"width": 64, "depth": 5}}
    assert "comparable" not in published_note(about)


def test_the_readme_names_every_table():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.csv"):
        assert f"`{path.name}`" in text
        with path.open(encoding="utf-8", newline="") as file:
            assert all(None not in row and None not in row.values() for row in csv.DictReader(file))
