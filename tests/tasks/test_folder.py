"""Tables and the description of a run."""

from subband.tasks import _folder


def test_csv_round_trip(tmp_path):
    _folder.write_csv(tmp_path / "t.csv", ["step", "loss"], [{"step": 1, "loss": 0.5}, {"step": 2}])
    assert _folder.read_csv(tmp_path / "t.csv") == [{"step": "1", "loss": "0.5"}, {"step": "2", "loss": ""}]
    assert _folder.read_csv(tmp_path / "none.csv") == []


def test_versions_and_machine():
    assert {"subband", "torch", "python"} <= _folder.versions().keys()
    assert _folder.machine()["threads"] == 1
    assert _folder.command().startswith("subband")
