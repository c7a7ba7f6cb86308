"""Published numbers of IXI, read off the repositories' files by hand, and beside ours on the page."""

import csv
import json

import numpy as np
import pytest

from subband.data.freesurfer import freesurfer_both_sides, freesurfer_structures
from subband.report import write_report
from subband.report.published import published_note
from subband.report.published_registration import (
    both_sides,
    published_field,
    published_fields,
    published_structures,
)

WINET, AUTHORS = {"name": "winet"}, "ncc-authors"


def test_numbers_of_the_tables():
    found = published_field("IXI", WINET, AUTHORS)
    assert found == {"Dice": 0.7619, "folds": 0.87416, "folds_std": 0.28432, "source": "WiNet authors' results"}
    flow = published_field("ixi", {"name": "winet", "options": {"diffeomorphic": True}}, AUTHORS)
    assert (flow["Dice"], flow["folds"]) == (0.7632, 0)
    still = published_field("IXI", {"name": "identity"}, AUTHORS)
    assert still == {"Dice": 0.4061, "source": "TransMorph authors' results"}
    assert published_structures()["choroid-plexus"] == {"WiNet": 0.3593, "WiNet-diff": 0.3662}


@pytest.mark.parametrize(
    ("dataset", "network", "loss"),
    [
        ("hippocampus", WINET, AUTHORS),
        ("IXI", {"name": "winet", "options": {"wavelet": "db4"}}, AUTHORS),
        ("IXI", WINET, "mse"),
        ("IXI", {"name": "demons"}, AUTHORS),
    ],
)
def test_other_settings_have_no_row(dataset, network, loss):
    assert published_field(dataset, network, loss) is None


def test_all_rows_are_there():
    rows = {(row["method"], row["source"]): row for row in published_fields()}
    assert len(rows) == 20 + 9
    assert rows["ANTs SyN", "TransMorph authors' results"]["Dice, 17"] == "0.644 ± 0.152"
    assert rows["affine", "TransMorph authors' results"]["folds"] == ""
    assert rows["LKU-Net8_5", "LKU-Net README"]["nearest"] == "0.757 ± 0.128"
    assert all(set(row) == set(published_fields()[0]) for row in rows.values())


def test_structures_are_those_of_the_protocol():
    assert set(published_structures()) == set(freesurfer_both_sides())
    every = [name for structure in published_structures() for name in both_sides(structure)]
    assert sorted(every) == sorted(freesurfer_structures().values())
    means = [np.mean([row[method] for row in published_structures().values()]) for method in ("WiNet", "WiNet-diff")]
    np.testing.assert_allclose(means, [0.7626, 0.7646], atol=1e-4, err_msg="the means of the other table")


def test_the_note_names_departures():
    about = {"task": "registration", "budget": "1000 epochs", "dataset": {"name": "ixi", "published": "IXI"}}
    assert "comparable" not in published_note(about)
    about |= {"budget": "10 steps", "dataset": {"name": "nifti-folder", "published": "IXI"}}
    assert "They are from other data and another budget, so not comparable." in published_note(about)


@pytest.fixture
def compared(tmp_path):
    """A comparison of two registrations that says it is of IXI."""
    networks = {"WiNet": {"name": "winet"}, "demons": {"name": "demons"}}
    about = {
        "title": "IXI",
        "task": "registration",
        "losses": [AUTHORS],
        "methods": {name.lower(): {"network": name, "loss": AUTHORS} for name in networks},
        "labels": {name.lower(): name for name in networks},
        "networks": networks,
        "dataset": {"name": "ixi", "label": "IXI", "published": "IXI", "synthetic": False},
        "budget": "1000 epochs",
        "seeds": [0],
        "folds": [0],
    }
    structures = {name: [0.5, 0.7] for name in freesurfer_structures().values()} | {"Right-Amygdala": [0.1, np.nan]}
    images = [{"name": f"pair {number}", "Dice": 0.6, "folds": 0.5} for number in range(2)]
    for method in about["methods"]:
        result = {"status": "finished", "metrics": {"Dice": 0.6, "folds": 0.5}, "images": images}
        path = tmp_path / "runs" / f"{method}-fold0-seed0" / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**result, "structures": structures}), encoding="utf-8")
    (tmp_path / "comparison.json").write_text(json.dumps(about), encoding="utf-8")
    return tmp_path


def test_published_rows_stand_beside_ours(compared):
    page = write_report(compared).read_text(encoding="utf-8")
    assert page.count("<td>0.762</td>") == 2, "under the row of WiNet, and in the table of all published ones"
    assert 'id="published"' in page
    assert "None of these was run here" in page
    assert "Grey: published for IXI" in page
    (row,) = [line for line in page.splitlines() if ">Amygdala<" in line]
    assert row.count("<td>0.433</td>") == 2, "0.5, 0.7 and 0.1, for both methods"
    summary = (compared / "summary.md").read_text(encoding="utf-8")
    assert "| *WiNet, WiNet authors&#x27; results* |" in summary or "*WiNet, WiNet authors' results*" in summary
    with (compared / "metrics.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4


def test_they_are_left_out_where_they_are_not_wanted(compared):
    page = write_report(compared, published=False).read_text(encoding="utf-8")
    assert 'id="published"' not in page
    assert "published for IXI" not in page
