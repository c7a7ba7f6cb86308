"""Published numbers on faces, read off the papers' tables by hand."""

import csv

import pytest

from subband.report.published import FOLDER
from subband.report.published_recognition import (
    NETWORKS,
    SETS,
    TABLES,
    published_networks,
    published_set,
    published_table,
)


def test_numbers_of_the_tables():
    found = {(row.method, row.network, row.data): row for row in published_networks()}
    row = found["UniTSFace", "R50", "CASIA"]
    assert (row.numbers["LFW"], row.numbers["MR-All"], row.numbers["IJBC_1e-4"]) == (99.41, 50.28, 89.84)
    assert row.source == "UniTSFace paper, Table 5"
    assert found["EPL", "R100", "WF12M"].numbers["Age"] == 98.37
    assert found["UniFace uce-mb-lambda", "R50", "CASIA"].numbers["CFP"] == 97.47
    assert "Child" not in found["PartialFC", "R50", "WF4M"].numbers


def test_all_rows_are_there_and_training_sets_stand_together():
    rows = published_networks()
    assert len(rows) == sum(len(published_table(name)) for name in NETWORKS)
    runs = [row.data for place, row in enumerate(rows) if place == 0 or rows[place - 1].data != row.data]
    assert len(runs) == len(set(runs))


def test_every_table_is_named_and_numeric():
    words = {"method", "net", "data", "loss", "kind", "P"}
    for name in TABLES:
        rows = published_table(name)
        assert rows
        assert all(float(row[key]) >= 0 for row in rows for key in row if key not in words and row[key])
    assert set(SETS) <= set(published_table("uniface_table3")[0])


def test_the_readme_names_every_table():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in TABLES:
        assert f"`{name}.csv`" in text
        with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert all(None not in row and None not in row.values() for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("label", "name"),
    [("lfw", "LFW"), ("LFW.bin", "LFW"), ("CFP-FP", "CFP"), ("agedb_30", "Age"), ("IJB-C", "IJBC"), ("ORL", None)],
)
def test_sets_are_known_however_they_are_spelt(label, name):
    assert published_set(label) == name


@pytest.mark.message
def test_an_unknown_table_is_an_error():
    with pytest.raises(ValueError, match=r"table is 'epl_readm', but must be one of .*; did you mean 'epl_readme'"):
        published_table("epl_readm")
